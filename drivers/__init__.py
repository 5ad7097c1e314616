"""Drivers: read values from PLCs as columns; nothing in here can write to one."""
