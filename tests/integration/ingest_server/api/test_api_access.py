"""The guard, the problems and the languages of the API, on a real database."""

from __future__ import annotations

import asyncio
import os
import re
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import pytest
import uvicorn
from prometheus_client.parser import text_string_to_metric_families
from starlette.requests import Request

from ingest_server.api.ports import BacklogHealth, BrokerHealth
from ingest_server.api.problems import Problem
from ingest_server.embedded.ports import free_port
from ingest_server.embedded.postgres import EmbeddedPostgres
from ingest_server.store.migrate import migrate
from runtime.metrics import Metrics
from tests.integration.ingest_server.api.serving import (
    TOKEN,
    Parts,
    Serve,
    app_of,
    made_database,
)

OPEN = ("/healthz", "/readyz", "/api/v1/health")


def problem(response: httpx2.Response) -> Problem:
    """The problem in an answer; fails for any other error page."""
    assert response.headers["content-type"] == "application/problem+json"
    found = Problem.model_validate_json(response.content)
    assert found.status == response.status_code
    assert found.type == f"urn:lineside:problem:{found.code}"
    assert found.instance == response.url.path
    assert "Traceback" not in response.text
    return found


async def test_only_health_answers_without_the_token(client: httpx2.AsyncClient) -> None:
    paths = (await client.get("/api/v1/openapi.json")).json()["paths"]
    assert len(paths) > 15
    for path, operations in paths.items():
        for method in operations:
            response = await client.request(method, path, headers={"Authorization": ""})
            if path in OPEN:
                assert response.status_code == 200, path
            else:
                assert problem(response).code == "LS-6001", path
                assert response.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize(
    "header",
    ["Bearer", "Bearer ", f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", f"Basic {TOKEN}", TOKEN],
)
async def test_a_wrong_token_is_refused_before_paths_are_told_apart(
    client: httpx2.AsyncClient, header: str
) -> None:
    for path in ("/api/v1/edges", "/nothing/here", "/metrics", "/docs"):
        assert problem(await client.get(path, headers={"Authorization": header})).status == 401


async def test_the_scheme_of_the_token_may_be_in_any_case(client: httpx2.AsyncClient) -> None:
    response = await client.get("/api/v1/edges", headers={"Authorization": f"bearer {TOKEN}"})
    assert response.status_code == 200


async def test_an_empty_token_lets_nobody_in(plant_dsn: str, serve: Serve) -> None:
    async with serve(plant_dsn, token="") as client:
        for header in ("Bearer ", "Bearer", ""):
            response = await client.get("/api/v1/edges", headers={"Authorization": header})
            assert response.status_code == 401


async def test_unknown_paths_and_methods_are_problems(client: httpx2.AsyncClient) -> None:
    assert problem(await client.get("/api/v1/nothing")).code == "LS-6002"
    assert problem(await client.get("/api/v1/edges/")).code == "LS-6002"
    refused = await client.delete("/api/v1/edges")
    assert problem(refused).code == "LS-6003"
    assert refused.headers["allow"] == "GET"


async def test_a_misspelt_parameter_is_refused_and_named_in_the_readers_language(
    client: httpx2.AsyncClient,
) -> None:
    response = await client.get(
        "/api/v1/readings",
        params={"tag": "demo/line-a/press-1/temp", "form": "2026-03-01T00:00:00Z", "limit": "x"},
        headers={"Accept-Language": "zh-CN,zh;q=0.9,en;q=0.8"},
    )
    found = problem(response)
    assert found.code == "LS-6004"
    assert response.headers["content-language"] == "zh"
    assert {each.at: each.code for each in found.errors} == {
        "query.form": "LS-6022",
        "query.limit": "LS-6029",
    }
    assert "参数" in found.detail
    assert all(any("一" <= c <= "鿿" for c in each.detail) for each in found.errors)
    english = problem(await client.get("/api/v1/edges?limit=0"))
    assert english.errors[0].detail == "has to be >= 1"


async def test_a_broken_or_oversized_body_is_a_problem(client: httpx2.AsyncClient) -> None:
    path = "/api/v1/gaps/1/accept"
    json = {"Content-Type": "application/json"}
    assert problem(await client.post(path, content=b"{", headers=json)).errors[0].code == "LS-6027"
    assert problem(await client.post(path)).errors[0].code == "LS-6021"
    surrogate = b'{"by": "\\ud800", "reason": "x"}'
    found = problem(await client.post(path, content=surrogate, headers=json))
    assert found.errors[0].at == "body.by"
    blank = problem(await client.post(path, json={"by": "  ", "reason": "x", "more": 1}))
    assert {each.code for each in blank.errors} == {"LS-6033", "LS-6022"}
    big = await client.post(path, content=b'{"by": "' + b"x" * 70_000, headers=json)
    assert problem(big).status == 413

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(70):
            yield b"x" * 1_000

    streamed = await client.post(path, content=chunks(), headers=json)
    assert problem(streamed).status == 413


@pytest.mark.parametrize("cursor", ["x", "ä", "e30", "WyJlZGdlcyJd", "WyJlZGdlcyIsMSwyXQ", "===="])
async def test_a_cursor_that_is_not_ours_is_refused(
    client: httpx2.AsyncClient, cursor: str
) -> None:
    response = await client.get("/api/v1/edges", params={"cursor": cursor})
    assert problem(response).code == "LS-6013"


async def test_a_defect_shows_a_code_and_no_word_of_the_inside(plant_dsn: str) -> None:
    app = app_of(plant_dsn)

    async def fails(request: Request) -> None:
        raise RuntimeError("secret of the inside")

    app.router.add_route("/api/v1/fails", fails)
    transport = httpx2.ASGITransport(app, raise_app_exceptions=False)
    async with httpx2.AsyncClient(
        transport=transport,
        base_url="http://t",
        headers={"Authorization": f"Bearer {TOKEN}"},
    ) as client:
        response = await client.get("/api/v1/fails")
    assert problem(response).code == "LS-6005"
    assert "secret" not in response.text


async def test_a_database_that_is_away_is_told_apart_from_the_rest(serve: Serve) -> None:
    away = f"postgresql://nobody:nothing@127.0.0.1:{free_port()}/none"
    async with serve(away) as client:
        response = await client.get("/api/v1/edges", headers={"Accept-Language": "zh"})
        found = problem(response)
        assert (found.status, found.code) == (503, "LS-6006")
        assert int(response.headers["retry-after"]) > 0
        assert "数据库" in found.detail
        assert "nobody" not in response.text
        assert (await client.get("/healthz")).status_code == 200
        assert problem(await client.get("/readyz")).code == "LS-6010"
        health = (await client.get("/api/v1/health")).json()
        assert health["state"] == "degraded"
        assert health["database"]["state"] == "away"
        assert health["broker"]["state"] == "ok"


async def test_a_database_that_comes_back_is_used_again_without_a_restart(
    tmp_path: Path, serve: Serve, wait_for: Any
) -> None:
    async with EmbeddedPostgres(tmp_path / "data", settings={"fsync": "off"}) as server:
        made_database(server.dsn)
        async with serve(server.dsn) as client:
            assert (await client.get("/readyz")).status_code == 200
            server.kill()
            assert problem(await client.get("/api/v1/edges")).code == "LS-6006"
            await server.stop()
            await server.start()

            async def answers() -> bool:
                return (await client.get("/api/v1/edges")).status_code == 200

            await wait_for(answers, limit_s=30)


async def test_connections_that_the_database_ended_are_replaced_unseen(
    plant_dsn: str, serve: Serve, sql: Any
) -> None:
    async with serve(plant_dsn) as client:
        assert (await client.get("/api/v1/edges")).status_code == 200
        ended = sql.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE application_name = 'lineside api' AND datname = current_database()"
        ).fetchone()
        assert ended[0] >= 1
        assert (await client.get("/api/v1/edges")).status_code == 200


async def test_a_database_that_hangs_costs_seconds_not_a_connection(
    plant_dsn: str, serve: Serve, sql: Any
) -> None:
    async with serve(plant_dsn, answer_limit_s=1.0, max_connections=1) as client:
        assert (await client.get("/api/v1/edges")).status_code == 200
        pids = [
            row[0]
            for row in sql.execute(
                "SELECT pid FROM pg_stat_activity"
                " WHERE application_name = 'lineside api' AND datname = current_database()"
            )
        ]
        assert pids
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            found = problem(await client.get("/api/v1/edges"))
            assert (found.status, found.code) == (503, "LS-6006")
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGCONT)
        assert (await client.get("/api/v1/edges")).status_code == 200


async def test_a_database_without_tables_is_told(dsn: str, serve: Serve) -> None:
    async with serve(dsn) as client:
        found = problem(await client.get("/api/v1/edges"))
        assert (found.status, found.code) == (503, "LS-6009")


async def test_a_query_that_takes_too_long_is_given_up(
    plant_dsn: str, serve: Serve, sql: Any
) -> None:
    sql.execute("BEGIN")
    sql.execute("LOCK TABLE notice IN ACCESS EXCLUSIVE MODE")
    try:
        async with serve(plant_dsn, statement_limit_s=0.2) as client:
            found = problem(await client.get("/api/v1/notices"))
    finally:
        sql.execute("ROLLBACK")
    assert (found.status, found.code) == (503, "LS-6007")


async def test_health_tells_broker_database_and_backlog_apart(dsn: str, serve: Serve) -> None:
    migrate(dsn)
    parts = Parts()
    async with serve(dsn, health=parts) as client:
        well = (await client.get("/api/v1/health")).json()
        assert well["state"] == "ok"
        assert well["backlog"] == {"state": "ok", "batches": 3, "oldest_s": 0.4, "held": 0}
        assert well["figures"] == {"state": "ok", "parked": 0}
        parts.broker_health = BrokerHealth(state="away", code="LS-1101")
        away = (await client.get("/api/v1/health", headers={"Accept-Language": "zh"})).json()
        assert (away["state"], away["broker"]["code"]) == ("degraded", "LS-1101")
        assert "消息代理" in away["broker"]["detail"]
        assert away["database"]["state"] == "ok"
        parts.broker_health = BrokerHealth(state="not_here")
        parts.backlog_health = BacklogHealth(state="not_here")
        assert (await client.get("/api/v1/health")).json()["state"] == "ok"


async def test_health_tells_of_figures_that_stand_still(plant_dsn: str, serve: Serve) -> None:
    parts = Parts()
    async with serve(plant_dsn, health=parts) as client:
        parked = (await client.get("/api/v1/health")).json()
        assert (parked["state"], parked["figures"]) == (
            "degraded",
            {"state": "behind", "parked": 1},
        )
        assert parked["database"]["state"] == "ok"


async def test_health_tells_of_streams_that_wait_at_their_edge(dsn: str, serve: Serve) -> None:
    migrate(dsn)
    parts = Parts()
    parts.backlog_health = BacklogHealth(state="ok", held=2)
    async with serve(dsn, health=parts) as client:
        held = (await client.get("/api/v1/health")).json()
    assert (held["state"], held["backlog"]["held"]) == ("degraded", 2)


async def test_metrics_tell_what_the_database_knows(plant_dsn: str, serve: Serve) -> None:
    async with serve(plant_dsn) as client:
        text = (await client.get("/metrics")).text
    found = {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    edge = (("edge", "line-a"), ("plant", "demo"))
    assert found["server_database_up",] == 1
    assert found["server_edge_online", *edge] == 1
    assert found["server_edge_behind_seconds", ("class", "key"), *edge] == 60
    assert found["server_edge_behind_seconds", ("class", "bulk"), *edge] == 1800
    assert found["server_edge_waiting_records", ("class", "key"), *edge] == 2
    assert found["server_gaps_open", ("cause", "device_down")] == 1
    assert found["server_dead_letters", ("code", "LS-2022")] == 5
    assert found["server_alarms_active", ("priority", "high")] == 2
    assert found["server_parked_streams",] == 1
    assert ("server_edge_online", ("edge", "mill-1"), ("plant", "nord")) not in found


async def test_nobody_is_called_for_an_edge_that_is_off_on_purpose(
    client: httpx2.AsyncClient, sql: psycopg.Connection[Any]
) -> None:
    behind = 'server_edge_behind_seconds{class="key",edge="line-a",plant="demo"}'
    assert behind in (await client.get("/metrics")).text
    for state in ("planned_off", "retired"):
        sql.execute("UPDATE edge SET state = %s WHERE plant = 'demo' AND edge = 'line-a'", (state,))
        try:
            text = (await client.get("/metrics")).text
        finally:
            sql.execute("UPDATE edge SET state = 'in_service' WHERE edge = 'line-a'")
        assert behind not in text
        assert "server_database_up 1.0" in text


async def test_metrics_come_also_while_the_database_is_away(serve: Serve) -> None:
    metrics = Metrics()
    metrics.counter("server_batches_total", "Batches.").inc(7)
    async with serve("postgresql://x@127.0.0.1:1/none", metrics=metrics) as client:
        response = await client.get("/metrics")
    assert response.status_code == 200
    assert "server_database_up 0.0" in response.text
    assert "server_batches_total 7.0" in response.text


async def test_metrics_come_in_the_format_of_prometheus(plant_dsn: str, serve: Serve) -> None:
    metrics = Metrics()
    metrics.counter("server_batches_total", "Batches.").inc(7)
    async with serve(plant_dsn, metrics=metrics) as client:
        response = await client.get("/metrics")
    assert response.headers["content-type"].startswith("text/plain")
    assert "server_batches_total 7.0" in response.text


async def test_it_answers_over_a_real_socket(plant_dsn: str) -> None:
    config = uvicorn.Config(app_of(plant_dsn), host="127.0.0.1", port=0, log_config=None)
    server = uvicorn.Server(config)
    running = asyncio.create_task(server.serve())
    try:
        async with asyncio.timeout(10):
            while not server.started:
                await asyncio.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
            response = await client.get(
                "/api/v1/orders/WO%2F3", headers={"Authorization": f"Bearer {TOKEN}"}
            )
            assert response.json()["order"] == "WO/3"
            assert problem(await client.get("/api/v1/orders")).status == 401
    finally:
        server.should_exit = True
        await running


async def test_the_reference_is_a_page_without_anything_from_elsewhere(
    plant_dsn: str, serve: Serve
) -> None:
    document = app_of(plant_dsn).openapi()
    async with serve(plant_dsn) as client:
        pages = {
            lang: await client.get("/docs", headers={"Accept-Language": lang})
            for lang in ("en", "zh")
        }
        chosen = await client.get("/docs?lang=zh", headers={"Accept-Language": "en"})
    for lang, response in pages.items():
        assert response.status_code == 200
        assert response.headers["content-language"] == lang
        assert "default-src 'none'" in response.headers["content-security-policy"]
        text = response.text
        assert "<script" not in text
        assert not re.findall(r'(?:src|href)="(?!#|/docs|/api/v1/openapi.json)[^"]*"', text)
        ids = re.findall(r'id="([^"]+)"', text)
        assert len(ids) == len(set(ids))
        assert set(re.findall(r'href="#([^"]+)"', text)) <= set(ids)
        for methods in document["paths"].values():
            for operation in methods.values():
                assert f'id="{operation["operationId"]}"' in text
    assert "无需令牌" in pages["zh"].text
    assert chosen.headers["content-language"] == "zh"


async def test_a_browser_is_asked_for_the_token_on_the_page_and_nowhere_else(
    plant_dsn: str, serve: Serve
) -> None:
    async with serve(plant_dsn) as client:
        del client.headers["Authorization"]
        refused = await client.get("/docs")
        assert refused.status_code == 401
        assert 'Basic realm="lineside"' in refused.headers["www-authenticate"]
        assert (await client.get("/docs", auth=("anybody", TOKEN))).status_code == 200
        assert (await client.get("/docs", auth=("anybody", "wrong"))).status_code == 401
        elsewhere = await client.get("/api/v1/edges", auth=("anybody", TOKEN))
        assert elsewhere.status_code == 401
        assert "Basic" not in elsewhere.headers["www-authenticate"]
