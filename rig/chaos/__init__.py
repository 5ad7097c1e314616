"""Breaks a whole system again and again and compares what is left with the truth."""
