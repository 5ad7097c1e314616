"""Whole systems: the demo, and the comparison of what the server has with the truth."""
