"""What the page says of the server, the devices and the orders: from plain facts."""

from __future__ import annotations

from typing import Any

import pytest

from edge_agent.page.facts import ANSWER_DUE_US, away_since
from edge_agent.page.html import away_words, render

NOW, LONG = 1_000 * ANSWER_DUE_US, 2 * ANSWER_DUE_US


@pytest.mark.parametrize(
    ("facts", "since_us"),
    [
        ({"connected": True, "since_us": 5, "heard_us": NOW - 1, "unacked": 9}, None),
        ({"connected": True, "since_us": 5, "heard_us": NOW - LONG, "unacked": 0}, None),
        ({"connected": True, "since_us": 5, "heard_us": NOW - LONG, "unacked": 9}, NOW - LONG),
        ({"connected": True, "since_us": NOW - 1, "heard_us": 0, "unacked": 9}, None),
        ({"connected": True, "since_us": NOW - 1, "heard_us": NOW - LONG, "unacked": 9}, None),
        ({"connected": False, "since_us": NOW - 7, "heard_us": NOW - 90, "unacked": 0}, NOW - 90),
        ({"connected": False, "since_us": NOW - 7, "heard_us": 0, "unacked": 0}, NOW - 7),
    ],
    ids=[
        "it answers",
        "there is nothing to answer",
        "it owes an answer",
        "it has just been reached for the first time",
        "it has just been reached again",
        "the broker is gone, and it was silent before",
        "it was never there",
    ],
)
def test_the_server_is_away_since_it_was_last_heard_of(
    facts: dict[str, Any], since_us: int | None
) -> None:
    assert away_since(**facts, now_us=NOW) == since_us


def _status(**more: Any) -> dict[str, Any]:
    return {
        "plant": "demo",
        "edge": "line-a",
        "name": "",
        "agent": "lineside",
        "started_at": None,
        "configuration": {},
        "clock": {"source": "computer", "computer_off_s": 0.0, "server_off_s": None},
        "broker": {
            "address": "b:1", "connected": False, "since": None, "error": None,
            "answered_at": None, "rate_cap_kbit_s": None,
        },
        "server": {"away_since": None, "away_since_local": None},
        "buffer": {"blocked_since": None, "max_bytes": 1},
        "rates": {},
        "devices": [],
        "orders": [],
        **more,
    }  # fmt: skip


def test_people_read_since_when_the_server_is_away_and_that_counting_goes_on() -> None:
    status = _status(
        server={"away_since": "x", "away_since_local": "2026-03-01 02:14"},
        buffer={
            "blocked_since": None, "max_bytes": 1, "oldest_unacked_s": 10_800.0,
            "unacked_records": 12,
        },
    )  # fmt: skip
    english = "Server away since 2026-03-01 02:14; counting on. Kept here: 3.0 h, 12 records."
    assert away_words(status, "en") == english
    assert english in render(status, [], "en")
    assert "服务器自 2026-03-01 02:14 起无响应" in render(status, [], "zh")
    assert away_words(_status(), "en") == ""


def test_people_read_when_time_stamps_do_not_go_by_the_computers_clock() -> None:
    assert "by this computer&#x27;s clock" in render(_status(), [], "en")
    for source, english, chinese in (
        ("held", "going on as the server confirmed them", "按服务器确认过的时间继续"),
        ("server", "by the server&#x27;s clock", "以服务器时钟为准"),
    ):
        status = _status(clock={"source": source, "computer_off_s": 21_600.0, "server_off_s": 0.1})
        assert f'<b class="bad">{english}' in render(status, [], "en")
        assert "+21,600.0 s off" in render(status, [], "en")
        assert chinese in render(status, [], "zh")


def test_orders_and_bad_values_are_shown_and_nothing_of_them_is_markup() -> None:
    order = {
        "order": "WO-<1>", "equipment": "press", "product": "cap & lid", "quantity": 500.0,
        "due": None, "rank": 1, "note": "<b>rush</b>",
    }  # fmt: skip
    device = {
        "id": "plc", "name": "", "state": "up", "since": None, "error": None, "points": 8,
        "bad_points": 3, "typed": False,
    }  # fmt: skip
    page = render(_status(orders=[order], devices=[device]), [], "en")
    assert "WO-&lt;1&gt;" in page
    assert "cap &amp; lid" in page
    assert "<b>rush</b>" not in page
    assert "500" in page
    assert "3 bad" in page
    assert "Orders to do" not in render(_status(), [], "en")
