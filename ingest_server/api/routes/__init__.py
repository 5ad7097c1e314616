"""The routes of the API, one module a topic: its query, its answer and the handlers."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter

from ingest_server.api.routes import (
    alarms,
    asked,
    declarations,
    edges,
    export,
    faults,
    fleet,
    health,
    letters,
    orders,
    readings,
    reference,
    tags,
)

ROUTERS: Final[tuple[APIRouter, ...]] = tuple(
    module.router
    for module in (
        *(health, edges, fleet, declarations, asked),
        *(tags, readings, export, orders, alarms, faults),
        letters,
        reference,
    )
)
