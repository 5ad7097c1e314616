"""Hostile input for every parser of outside bytes: what it may answer, and what it must not."""
