"""What can stop the simulators: always something for a person to put right."""

from __future__ import annotations

from runtime.errors import Quarantine, Reconfigure


class SimulatorError(Reconfigure):
    """The simulated plant cannot start, or refuses a command."""


class TruthDamaged(Quarantine):
    """A truth log that does not say one thing: nothing may be compared with it."""
