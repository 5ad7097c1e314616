"""Faults for whole systems: bad networks, power cuts and clocks that jump."""
