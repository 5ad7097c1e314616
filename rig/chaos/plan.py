"""Which faults strike when: a pure function of the seed and the cycle, from one literal table.

A cycle has one to three deeds that do not touch the same part. What a deed does is told by its name
in `deeds`; here is only how often it comes, what it may strike and how long it lasts.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any, Final

EDGES: Final = ("line-a", "line-b")
INGESTS: Final = ("ingest-1", "ingest-2")
PROGRAMS: Final = (*EDGES, *INGESTS, "work", "broker", "database")
PLC_LINKS: Final = ("plc-a", "plc-b")
BROKER_LINKS: Final = ("line-a-broker", "line-b-broker", "ingest-1-broker", "ingest-2-broker")
DATABASE_LINKS: Final = ("ingest-1-database", "ingest-2-database", "work-database")
LINKS: Final = (*PLC_LINKS, *BROKER_LINKS, *DATABASE_LINKS)
MACHINES: Final = ("line-a/press-1", "line-a/press-2", "line-b/drill-1", "line-b/pack-1")

UNITS: Final = ("line-b/mill-1", "line-b/drill-1", "line-b/pack-1")
"""Modbus units behind one gateway."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Kind:
    """One sort of fault. `targets`: what it may strike; it lasts `shortest_s` to `longest_s`.

    `takes`: further parts that no other deed of the cycle may touch. `needs`: what has to be there,
    else it is skipped, and counted as skipped.
    """

    targets: tuple[str, ...]
    shortest_s: float
    longest_s: float
    weight: float = 1.0
    takes: tuple[str, ...] = ()
    needs: str = ""


# Every time-out of a run is at most 4 s: what lasts longer outlasts them all.
KINDS: Final[Mapping[str, Kind]] = {
    "kill_edge": Kind(targets=EDGES, shortest_s=0.2, longest_s=3, weight=3),
    "kill_ingest": Kind(targets=INGESTS, shortest_s=0.2, longest_s=3, weight=3),
    "kill_work": Kind(targets=("work",), shortest_s=0.2, longest_s=3),
    "kill_broker": Kind(targets=("broker",), shortest_s=0.2, longest_s=4, weight=3),
    "kill_database": Kind(targets=("database",), shortest_s=0.2, longest_s=4, weight=3),
    "stop_edge": Kind(targets=EDGES, shortest_s=1, longest_s=7, weight=2),
    "stop_ingest": Kind(targets=INGESTS, shortest_s=1, longest_s=9, weight=2),
    "stop_work": Kind(targets=("work",), shortest_s=1, longest_s=7),
    "stop_broker": Kind(targets=("broker",), shortest_s=1, longest_s=7),
    "stop_database": Kind(targets=("database",), shortest_s=1, longest_s=7),
    "net_latency": Kind(targets=LINKS, shortest_s=2, longest_s=6),
    "net_reset": Kind(targets=LINKS, shortest_s=0.5, longest_s=4, weight=2),
    "net_half_open": Kind(targets=LINKS, shortest_s=2, longest_s=7, weight=2),
    "net_black_hole": Kind(targets=LINKS, shortest_s=2, longest_s=7, weight=2),
    "net_truncation": Kind(targets=LINKS, shortest_s=1, longest_s=5, weight=2),
    "net_slow_drip": Kind(targets=LINKS, shortest_s=2, longest_s=5),
    "net_refused": Kind(targets=LINKS, shortest_s=1, longest_s=5),
    "net_thin_link": Kind(targets=LINKS, shortest_s=3, longest_s=7),
    "broker_wiped": Kind(targets=("broker",), shortest_s=0.2, longest_s=3),
    "broker_forgets": Kind(targets=("broker",), shortest_s=0.2, longest_s=3),
    "repeated_delivery": Kind(targets=("delivery",), shortest_s=3, longest_s=6),
    "plc_restart": Kind(targets=MACHINES, shortest_s=4, longest_s=5),
    "plc_silent": Kind(targets=PLC_LINKS, shortest_s=1, longest_s=6),
    "plc_unit_silent": Kind(targets=UNITS, shortest_s=2, longest_s=7),
    "plc_clock": Kind(targets=PLC_LINKS, shortest_s=2, longest_s=6),
    "wrap_in_outage": Kind(targets=("line-b",), shortest_s=0.2, longest_s=2, weight=0.3),
    "buffer_deleted": Kind(targets=EDGES, shortest_s=0.2, longest_s=3),
    "buffer_put_back": Kind(targets=EDGES, shortest_s=4, longest_s=6),
    "buffer_twice": Kind(
        targets=EDGES, shortest_s=4, longest_s=8, weight=0.5, takes=(*PLC_LINKS, *MACHINES)
    ),
    "buffer_damaged": Kind(targets=EDGES, shortest_s=0.2, longest_s=2),
    "edge_replaced": Kind(targets=EDGES, shortest_s=0.2, longest_s=3),
    "configuration_changed": Kind(targets=EDGES, shortest_s=4, longest_s=6),
    "push_that_fails": Kind(targets=EDGES, shortest_s=4, longest_s=6),
    "database_put_back": Kind(targets=("database",), shortest_s=2, longest_s=6),
    "power_cut": Kind(targets=EDGES, shortest_s=4, longest_s=7, needs="preload"),
    "server_clock": Kind(targets=INGESTS, shortest_s=3, longest_s=6, needs="preload"),
    "edge_clock": Kind(
        targets=EDGES,
        shortest_s=3,
        longest_s=6,
        takes=("line-a-broker", "line-b-broker"),
        needs="preload",
    ),
    "edge_disk_full": Kind(targets=EDGES, shortest_s=2, longest_s=5, needs="disks"),
    "edge_disk_read_only": Kind(targets=EDGES, shortest_s=2, longest_s=5, needs="disks"),
    "database_disk_full": Kind(targets=("database",), shortest_s=2, longest_s=5, needs="disks"),
    "database_disk_read_only": Kind(
        targets=("database",), shortest_s=0.5, longest_s=3, weight=0.5, needs="disks"
    ),
}


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class Deed:
    """A fault that begins `at_s` into its cycle and lasts `for_s`; `lot` (0 to 1): its details."""

    at_s: float
    kind: str
    target: str
    for_s: float
    lot: float

    def as_json(self) -> dict[str, Any]:
        """For people and for the run's file."""
        return {
            "kind": self.kind,
            "target": self.target,
            "at_s": self.at_s,
            "for_s": self.for_s,
            "lot": self.lot,
        }


def plan(seed: int, cycle: int, kinds: Collection[str] = tuple(KINDS)) -> tuple[Deed, ...]:
    """The deeds of a cycle, in the order of their beginnings; the same for the same arguments."""
    random = Random(f"chaos/{seed}/{cycle}")
    names = sorted(kinds)
    wanted = random.choices((1, 2, 3), weights=(5, 3, 2))[0]
    deeds: list[Deed] = []
    taken: set[str] = set()
    for _ in range(4 * wanted):
        if len(deeds) == wanted:
            break
        name = random.choices(names, weights=[KINDS[name].weight for name in names])[0]
        kind = KINDS[name]
        deed = Deed(
            at_s=round(random.uniform(0, 2), 2),
            kind=name,
            target=random.choice(kind.targets),
            for_s=round(random.uniform(kind.shortest_s, kind.longest_s), 2),
            lot=round(random.random(), 6),
        )
        touched = {deed.target, *kind.takes}
        if taken.isdisjoint(touched):
            taken |= touched
            deeds.append(deed)
    return tuple(sorted(deeds))
