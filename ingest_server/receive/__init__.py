"""From the broker to the exactly-once transaction: decide, batch, commit, acknowledge."""
