"""Plants for the tests of the simulators."""

from __future__ import annotations

from typing import Any

from simulators.config import PlantConfig


def machine(**changes: Any) -> dict[str, Any]:
    """A busy machine: short orders, faults, a restart, excursions."""
    return {
        "name": "m1",
        "cycle_s": 0.6,
        "scrap_rate": 0.1,
        "counters": {"good_start": 65520, "scrap_start": 7},
        "pulse": {"every_parts": 10, "high_s": 2.0},
        "orders": [
            {"number": "A1", "quantity": 20, "program": "P1"},
            {"number": "A2", "quantity": 30, "program": "程序2"},
        ],
        "after_orders": "repeat",
        "plc_restarts_s": [40.0],
        "faults": [
            {"bit": 2, "at_s": 10, "for_s": 3, "every_s": 25, "stops": True},
            {"bit": 5, "at_s": 0, "for_s": 1.5},
        ],
        "temperature": {
            "limit": 80,
            "excursions": [{"at_s": 12, "for_s": 6, "every_s": 30, "rise": 30}],
        },
        **changes,
    }


def plant(*machines: dict[str, Any], protocol: str = "modbus", **changes: Any) -> PlantConfig:
    """A plant with one line, `line-x`."""
    return PlantConfig.model_validate(
        {
            "seed": 5,
            "lines": [
                {
                    "name": "line-x",
                    "protocol": protocol,
                    "machines": list(machines) or [machine()],
                }
            ],
            **changes,
        }
    )
