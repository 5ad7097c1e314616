"""The time that the agent lives by: its own, which nobody sets."""
