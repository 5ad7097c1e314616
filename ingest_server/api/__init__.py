"""The HTTP API of the server: `create_app` in `app.py` makes it, `routes/` has a module a topic."""
