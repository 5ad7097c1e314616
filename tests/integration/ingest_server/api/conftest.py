"""A database with a small plant in it, and clients of the real app in front of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import psycopg
import pytest

from tests.integration.ingest_server.api.serving import TOKEN, Serve, app_of, made_database


@pytest.fixture
def serve() -> Serve:
    """`async with serve(dsn) as client`: a client of a running app, with the token set."""

    @asynccontextmanager
    async def serving(dsn: str, **changes: Any) -> AsyncIterator[httpx2.AsyncClient]:
        app = app_of(dsn, **changes)
        transport = httpx2.ASGITransport(app, raise_app_exceptions=False)
        async with (
            app.router.lifespan_context(app),
            httpx2.AsyncClient(
                transport=transport,
                base_url="http://lineside.test",
                headers={"Authorization": f"Bearer {TOKEN}"},
            ) as client,
        ):
            yield client

    return serving


@pytest.fixture(scope="session")
def plant_dsn(postgres: Any) -> Iterator[str]:
    """The small plant of `plant.sql`; shared, so tests that write use rows of their own."""
    dsn: str = postgres.fresh_database()
    made_database(dsn)
    yield dsn
    postgres.drop(dsn)


@pytest.fixture
async def client(plant_dsn: str, serve: Serve) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of the app on the small plant."""
    async with serve(plant_dsn) as running:
        yield running


@pytest.fixture
def sql(plant_dsn: str) -> Iterator[psycopg.Connection[Any]]:
    """A connection of the test's own to the small plant, each statement committed."""
    with psycopg.connect(
        plant_dsn, autocommit=True, options="-c search_path=lineside,public -c timezone=UTC"
    ) as connection:
        yield connection
