"""Requests made up from the OpenAPI document: the real app keeps to what it documents."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
import uvicorn
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi import checks as openapi_checks

from tests.integration.ingest_server.api.serving import TOKEN, app_of, made_database

DOCUMENT = app_of("").openapi()
CASES = [
    (method.upper(), path, mode)
    for path, operations in DOCUMENT["paths"].items()
    for method, operation in operations.items()
    for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
    # Where nothing can be said, nothing can be said wrong.
    if mode is GenerationMode.POSITIVE or "parameters" in operation
]


@pytest.fixture(scope="module")
def address(postgres: Any) -> Iterator[str]:
    """Base address of the app behind a real socket, in a thread of its own.

    It has a database of its own: made-up requests may well accept a gap that is there.
    """
    dsn = made_database(postgres.fresh_database())
    config = uvicorn.Config(app_of(dsn), host="127.0.0.1", port=0, log_config=None)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        end = time.monotonic() + 10
        while not server.started:
            assert time.monotonic() < end
            time.sleep(0.01)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        postgres.drop(dsn)


@pytest.mark.parametrize(("method", "path", "mode"), CASES)
def test_every_answer_is_one_that_is_documented(
    address: str, method: str, path: str, mode: GenerationMode
) -> None:
    operation = schemathesis.openapi.from_dict(DOCUMENT)[path][method]

    @seed(20260301)
    @settings(
        max_examples=20,
        deadline=None,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def answers(case: Any) -> None:
        excluded = [openapi_checks.positive_data_acceptance]
        if any(isinstance(value, list | dict) for value in (case.query or {}).values()):
            # A list of none or one looks on the wire like nothing, or like a single value.
            excluded.append(openapi_checks.negative_data_rejection)
        case.call_and_validate(
            base_url=address,
            headers={"Authorization": f"Bearer {TOKEN}"},
            # Rules across parameters (`from` before `to`, one of two) are not in the document.
            excluded_checks=excluded,
        )

    answers()
