"""The page for operators names every metric of the server, and none that is not there."""

from __future__ import annotations

import re
from pathlib import Path

from ingest_server.api import scrape
from ingest_server.receive.meters import LeaseMeters, Meters, watch
from ingest_server.receive.state import State
from runtime.metrics import Metrics

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "operations.md").read_text("utf-8")


def told() -> dict[str, tuple[str, list[str]]]:
    rows = re.findall(r"^\| `(server_\w+)` \| (\w+)[^|]* \| ([^|]*)\| .+ \|$", PAGE, re.MULTILINE)
    return {name: (kind, re.findall(r"\w+", labels)) for name, kind, labels in rows}


def made_in_code() -> set[str]:
    """Every name that stands in the code as one of ours."""
    names: set[str] = set()
    for file in (ROOT / "ingest_server").rglob("*.py"):
        names |= set(re.findall(r'"(server_[a-z_]+)"', file.read_text("utf-8")))
    return names


def test_the_page_names_the_metrics_that_the_code_makes() -> None:
    assert set(told()) == made_in_code()


def test_kinds_and_labels_are_as_the_page_says() -> None:
    metrics = Metrics()
    Meters(metrics)
    LeaseMeters(metrics)
    watch(metrics, State())
    page = told()
    for family in metrics.registry.collect():
        name = f"{family.name}_total" if family.type == "counter" else family.name
        assert page[name][0] == family.type, name
    for name, (_, labels) in scrape.EDGES.items():
        assert page[name] == ("gauge", list(labels)), name
    for name, _, label in scrape.COUNTS.values():
        assert page[name] == ("gauge", [label] if label else []), name


def test_the_alerts_ask_for_metrics_that_are_there() -> None:
    rules = PAGE.split("What is worth a call")[1].split("## Health")[0]
    assert set(re.findall(r"server_\w+", rules)) <= set(told())
