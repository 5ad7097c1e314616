"""The database of the server: migrations, SQL by name, COPY, and the exactly-once transaction."""
