"""What was collected, durable and numbered, until the server has it."""
