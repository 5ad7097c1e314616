"""What is well with a server's surroundings and what is not: facts to findings. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from ingest_server.store.checkup import Facts

Level = Literal["ok", "look", "bad"]
"""`look`: somebody should look at it some time; `bad`: it does not work, or data is at risk."""

SUPPORTED: Final = range(16, 19)
"""Major versions of PostgreSQL."""
_FULL: Final = 0.8
_CLOCK_S: Final = 2.0
_LEAST_FREE: Final = 1 << 30


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """A message of the catalogue, and how bad it is."""

    level: Level
    code: str
    params: Mapping[str, object] = field(default_factory=dict)


def of_database(facts: Facts, *, now: datetime) -> Iterator[Finding]:
    """What there is to say of a database that answers; `now` by this computer's clock."""
    yield from _of_server(facts.server, now)
    yield from _of_timescaledb(facts)
    if facts.revision is None:
        yield Finding(level="look", code="LS-5708")
    elif not facts.is_known:
        yield Finding(level="bad", code="LS-5510", params={"found": facts.revision})
    elif facts.state is None:
        params = {"found": facts.revision, "newest": facts.newest}
        yield Finding(level="look", code="LS-5707", params=params)
    else:
        yield Finding(level="ok", code="LS-5706", params={"revision": facts.revision})
        yield from _of_state(facts.state)
        for row in facts.away:
            seen = row["last_seen"]
            params = {"edge": row["edge"], "since": "-" if seen is None else _shown(seen)}
            yield Finding(level="look", code="LS-5723", params=params)


def _of_server(server: Mapping[str, Any], now: datetime) -> Iterator[Finding]:
    used, most = server["connections"], server["most_connections"]
    params = {
        "version": server["version"],
        "size": size_text(server["bytes"]),
        "connections": used,
        "most": most,
    }
    supported = server["major"] in SUPPORTED
    code = "LS-5700" if supported else "LS-5701"
    yield Finding(level="ok" if supported else "bad", code=code, params=params)
    for setting in ("fsync", "full_page_writes"):
        if not server[setting]:
            yield Finding(level="bad", code="LS-5702", params={"setting": setting})
    if server["standby"]:
        yield Finding(level="bad", code="LS-5703")
    if server["encoding"] != "UTF8":
        yield Finding(level="bad", code="LS-5704", params={"encoding": server["encoding"]})
    if used > most * _FULL:
        yield Finding(level="look", code="LS-5705", params={"connections": used, "most": most})
    off_s = (server["now"] - now).total_seconds()
    if abs(off_s) > _CLOCK_S:
        yield Finding(level="look", code="LS-5709", params={"seconds": f"{off_s:+.1f}"})


def _of_timescaledb(facts: Facts) -> Iterator[Finding]:
    installed, available = facts.server["timescaledb"], facts.server["available"]
    if facts.edition != "none":
        params = {"version": installed, "edition": facts.edition}
        yield Finding(level="ok", code="LS-5710", params=params)
    elif facts.state is not None and (installed or available):
        yield Finding(level="look", code="LS-5711", params={"version": installed or available})


def _of_state(state: Mapping[str, Any]) -> Iterator[Finding]:
    serving = {name: state[name] for name in ("workers", "shards")}
    whole = state["shards"] == 64
    code = "LS-5720" if whole else "LS-5721"
    yield Finding(level="ok" if whole else "look", code=code, params=serving)
    edges = {name: state[name] for name in ("edges", "online")}
    yield Finding(level="ok", code="LS-5722", params=edges)
    for name, code in (("parked", "LS-5724"), ("letters", "LS-5725"), ("gaps", "LS-5726")):
        if state[name]:
            yield Finding(level="look", code=code, params={"count": state[name]})
    if not state["plants"]:
        yield Finding(level="look", code="LS-5727")


def of_folder(folder: str, free: int) -> Finding:
    """What there is to say of the free space in the data folder."""
    params = {"folder": folder, "free": size_text(free)}
    if free < _LEAST_FREE:
        return Finding(level="bad", code="LS-5731", params=params)
    return Finding(level="ok", code="LS-5730", params=params)


def size_text(size: int) -> str:
    """Bytes as people read them."""
    value, units = float(size), iter(("B", "KiB", "MiB", "GiB"))
    for unit in units:
        if value < 1024:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} TiB"


def _shown(at: datetime) -> str:
    return at.astimezone().isoformat(sep=" ", timespec="seconds")
