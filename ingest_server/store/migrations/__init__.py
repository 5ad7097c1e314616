"""Alembic's environment and the numbered `.sql` files it runs."""
