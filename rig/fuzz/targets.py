"""The table of all targets by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from rig.fuzz import field_targets, file_targets, wire_targets
from rig.fuzz.target import Target

TARGETS: Final[Mapping[str, Target]] = {
    target.name: target
    for target in (*wire_targets.TARGETS, *field_targets.TARGETS, *file_targets.TARGETS)
}
