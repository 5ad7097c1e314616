"""The default broker and database: real servers from wheels, run as children of the server."""
