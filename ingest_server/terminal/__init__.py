"""What `lineside-server` says and is told at a terminal: one module a topic."""
