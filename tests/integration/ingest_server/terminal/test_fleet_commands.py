"""`lineside-server edges` and `gaps`: what is pushed, declared, replaced and accepted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.integration.ingest_server.receive.looks import rows
from tests.integration.ingest_server.terminal.conftest import Run

ONE = "plant: demo\nedge: line-a\ndevices: []\n"
TWO = "plant: demo\nedge: line-a\ndevices: []\npublish: {window: 8}\n"


def test_configurations_are_pushed_listed_and_compared(
    run: Run, tmp_path: Path, migrated: str
) -> None:
    file = tmp_path / "edge.yaml"
    for text in (ONE, TWO):
        file.write_text(text)
        said = run("edges", "push-config", str(file), "--to", "demo/line-a", "--author", "mei")
        assert said.code == 0, said.error
    [row] = json.loads(run("edges", "list", "--json").out)
    assert (row["edge"], row["wanted"], row["runs"], row["config"]) == (
        "demo/line-a",
        2,
        None,
        "waiting",
    )
    configs = json.loads(run("edges", "configs", "demo/line-a", "--json").out)
    assert [(one["version"], one["state"]) for one in configs] == [
        (2, "waiting"),
        (1, "superseded"),
    ]
    assert run("edges", "show", "demo/line-a", "--text", "1").out == ONE
    diff = run("edges", "show", "demo/line-a", "--diff", "1..2").out.splitlines()
    assert diff[-1] == "+publish: {window: 8}"
    said = run("edges", "show", "demo/line-a", "--diff", "running")
    assert (said.code, said.error[:7]) == (2, "LS-5683")
    rows(
        migrated,
        "UPDATE edge SET status = jsonb_build_object('config_version', 1, 'config_sha256', sha256) "
        "FROM edge_config WHERE version = 1 RETURNING 1",
    )
    diff = run("edges", "show", "demo/line-a", "--diff", "running").out.splitlines()
    assert diff[0] == "--- running (version 1)"
    assert diff[-1] == "+publish: {window: 8}"
    for words in (("list",), ("show", "demo/line-a"), ("configs", "demo/line-a")):
        said = run("edges", *words)
        assert said.code == 0
        assert max(len(line) for line in said.out.splitlines()) <= 80, said.out


def test_a_push_that_cannot_be_is_told_with_file_line_and_reason(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "edge.yaml"
    file.write_text("plant: demo\nbroker:\n  password: hunter2\n")
    said = run("edges", "push-config", str(file), "--to", "demo/line-a")
    assert said.code == 2
    assert f"{file}:3:13: broker.password" in said.error
    assert "hunter2" not in said.error
    file.write_text(ONE)
    said = run("edges", "push-config", str(file), "--to", "demo/line-z", "--json")
    assert said.code == 1
    assert "LS-5677" in json.loads(said.out)[0]["why"]


def test_a_state_is_declared_and_a_computer_replaced(
    run: Run, tmp_path: Path, migrated: str
) -> None:
    off = ("demo/line-a", "planned-off", "--reason", "holiday", "--author", "mei")
    assert run("edges", "set-state", *off).out == "demo/line-a is planned_off now, by mei.\n"
    assert run("edges", "set-state", *off).out == "Nothing to change.\n"
    assert rows(migrated, "SELECT state, state_by, state_reason FROM edge") == [
        ("planned_off", "mei", "holiday")
    ]
    file = tmp_path / "edge.yaml"
    file.write_text(ONE)
    run("edges", "push-config", str(file), "--to", "demo/line-a")
    rows(migrated, "UPDATE edge SET online = true RETURNING 1")
    rows(
        migrated,
        "INSERT INTO order_dispatch (edge_id, plant, order_no, equipment, revision, state, body) "
        "SELECT edge_id, plant, 'A', 'press', 1, 'dispatched', '{\"x\": 1}' FROM edge RETURNING 1",
    )
    said = run("edges", "replace", "demo/line-a", "--reason", "disk died", "--author", "mei")
    assert said.code == 0
    assert "connected at this moment" in said.out
    assert "1 orders; configuration version: 2" in said.out
    assert rows(migrated, "SELECT body FROM order_dispatch") == [({},)]
    assert rows(migrated, "SELECT code FROM notice ORDER BY notice_id") == [
        ("LS-5674",),
        ("LS-5675",),
        ("LS-5676",),
    ]


def test_a_gap_is_accepted_once_with_name_and_reason(run: Run, migrated: str) -> None:
    rows(
        migrated,
        "INSERT INTO gap (edge_id, from_ts, cause) SELECT edge_id, now(), 'buffer_lost' FROM edge "
        "RETURNING 1",
    )
    [gap] = json.loads(run("gaps", "list", "--json").out)
    accept = ("gaps", "accept", str(gap["gap"]), "--reason", "PC replaced", "--author")
    assert run(*accept, "mei").out == f"Gap {gap['gap']} is accepted, by mei.\n"
    assert run(*accept, "mei").out == "Nothing to change.\n"
    said = run(*accept, "li")
    assert (said.code, said.error[:7]) == (2, "LS-5692")
    assert run("gaps", "accept", "99", "--reason", "x").code == 2
    assert rows(migrated, "SELECT accepted_by, reason FROM gap") == [("mei", "PC replaced")]


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("edges", "show", "nope"), "LS-5694", "plant/edge"),
        (("edges", "show", "No/pe"), "LS-5694", "plant/edge"),
        (("gaps", "list", "--edge", "nope"), "LS-5694", "plant/edge"),
        (("refold", "--edge", "nope"), "LS-5694", "plant/edge"),
        (("edges", "set-state", "demo/line-a", "sleeping", "--reason", "x"), "LS-5695",
         "in-service, planned-off, retired"),
        (("edges", "show", "demo/line-a", "--diff", "3"), "LS-5695", "running"),
        (("run", "--role", "cook"), "LS-5695", "ingest, work, api"),
        (("run", "--log-level", "loud"), "LS-5695", "debug, info, warning, error"),
    ],
)  # fmt: skip
def test_a_word_that_cannot_be_is_refused_with_what_can(
    run: Run, words: tuple[str, ...], code: str, told: str
) -> None:
    said = run(*words) if words[0] in ("edges", "gaps") else run(words[0], end=words[1:])
    assert (said.code, said.error[:7]) == (2, code)
    assert told in said.error


def test_a_configuration_in_another_encoding_is_refused_with_its_line(
    run: Run, tmp_path: Path
) -> None:
    file = tmp_path / "edge.yaml"
    file.write_bytes("plant: demo\nname: 冲压线一\n".encode("gb18030"))
    said = run("edges", "push-config", str(file), "--to", "demo/line-a")
    assert said.code == 2
    assert f"{file}:2" in said.error
    assert "LS-1006" in said.error
