"""`lineside-edge doctor`: connects once to all that a configuration names, tells what it found."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edge_agent.config import EdgeConfig, load
from edge_agent.tools.say import say
from runtime.cli import FAILED, RECONFIGURE
from runtime.clock import now_us
from runtime.errors import LinesideError, Reconfigure

if TYPE_CHECKING:
    from edge_agent.tools.diagnose import BrokerReport, DeviceReport, GroupReport, PointReport

Line = tuple[str, Mapping[str, object]]
"""A catalogue code and its parameters."""


def expectations(given: list[str], config: EdgeConfig) -> dict[str, str]:
    """`PATH=VALUE` by path; raises Reconfigure where there is no such tag."""
    paths = {tag.path for device in config.devices for tag in device.points}
    found = {}
    for one in given:
        path, sign, value = one.partition("=")
        if not sign or path not in paths:
            raise Reconfigure("LS-4760", given=one)
        found[path] = value
    return found


def lines(report: DeviceReport) -> Iterator[Line]:
    """What there is to say of a device."""
    if report.connected_ms is None:
        yield "LS-4762", {"device": report.device, "reason": report.error}
    else:
        took = f"{report.connected_ms:.1f}"
        yield "LS-4761", {"device": report.device, "driver": report.driver, "ms": took}
    for offer in report.offers:
        shown = offer.sha256 or "-"
        yield "LS-4763", {"policy": offer.policy, "mode": offer.mode, "sha256": shown}
    if report.offers_error:
        yield "LS-4764", {"reason": report.offers_error}
    for group in report.groups:
        yield from _group_lines(group)
    if report.whole_hours:
        seconds = report.whole_hours * 3600
        yield "LS-4767", {"hours": f"{report.whole_hours:+d}", "seconds": seconds}
    elif report.clock_off_s is not None:
        yield "LS-4768", {"seconds": f"{report.clock_off_s:+.1f}"}
    for point in report.points:
        yield from _point_lines(point)
    if report.connected_ms is not None and report.error is not None:
        yield "LS-4762", {"device": report.device, "reason": report.error}


def _group_lines(group: GroupReport) -> Iterator[Line]:
    median_ms, max_ms = group.median_ms, group.max_ms
    if median_ms is not None and max_ms is not None:
        yield "LS-4765", {
            "group": group.number, "reads": len(group.took_ms),
            "median": f"{median_ms:.1f}", "most": f"{max_ms:.1f}",
        }  # fmt: skip
    for request in group.requests:
        yield "LS-4766", {"request": request}
    for status, count in group.bad.items():
        yield "LS-4769", {"count": count, "status": status}


def _point_lines(point: PointReport) -> Iterator[Line]:
    values = "  ".join(f"{how}={value}" for how, value in point.decodings) or "-"
    yield "LS-4770", {"path": point.path, "address": point.address, "values": values}
    if point.expected is not None and point.fits:
        yield "LS-4771", {"value": point.expected, "fits": ", ".join(point.fits)}
    elif point.expected is not None:
        yield "LS-4772", {"value": point.expected}


def broker_line(report: BrokerReport) -> Line:
    """What there is to say of the broker."""
    if report.connected_ms is None:
        return "LS-4774", {"broker": report.address, "reason": report.error}
    return "LS-4773", {"broker": report.address, "ms": f"{report.connected_ms:.1f}"}


async def examined(
    config: EdgeConfig, *, device: str | None, reads: int, expected: Mapping[str, str]
) -> list[LinesideError]:
    """Examine and tell one after the other; what failed."""
    from drivers.registry import connect, silence_libraries
    from edge_agent.tools.diagnose import examine, examine_broker

    silence_libraries()
    failed = []
    for one in config.devices:
        if device in (None, one.id):
            report = await examine(
                one, connect=connect, clock=now_us, reads=reads, expected=expected
            )
            for code, params in lines(report):
                say(code, **params)
            failed.append(report.error)
    for node in await examine_broker(config):
        code, params = broker_line(node)
        say(code, **params)
        failed.append(node.error)
    return [error for error in failed if error is not None]


def command(
    file: Annotated[Path, typer.Argument(help="The edge's configuration, a YAML file.")],
    device: Annotated[str | None, typer.Option(help="Only this device.")] = None,
    reads: Annotated[int, typer.Option(min=1, max=1000, help="Readings of each group.")] = 5,
    expect: Annotated[
        list[str] | None,
        typer.Option(help="PATH=VALUE: tell which byte order gives this value; repeatable."),
    ] = None,
) -> None:
    """Connect to every device and the broker, read only, and tell what was found."""
    config = load(file)
    ids = [one.id for one in config.devices]
    if device is not None and device not in ids:
        raise Reconfigure("LS-4775", device=device, known=", ".join(ids))
    expected = expectations(expect or [], config)
    failed = asyncio.run(examined(config, device=device, reads=reads, expected=expected))
    if failed:
        permanent = any(isinstance(error, Reconfigure) for error in failed)
        raise typer.Exit(RECONFIGURE if permanent else FAILED)
