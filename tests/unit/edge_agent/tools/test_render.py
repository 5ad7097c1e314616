"""Forty lines are one template and a row each: all are made and checked, or none."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_agent.config import load
from edge_agent.tools import tag_table
from edge_agent.tools.render import rendered, write
from runtime.errors import Reconfigure
from runtime.problems import ConfigError

TEMPLATE = """\
plant: demo
edge: ${EDGE}
name: "${NAME}"
data_dir: var
broker: {host: b, username: u, password: {env: NOT_HERE}}
templates:
  press:
    driver: modbus-tcp
    host: ${HOST}
    groups:
      - {every_ms: 500, tags: [{path: "${AT}/good", address: "holding:0", dtype: u16}]}
devices:
  - {template: press, id: press-1, vars: {HOST: "${PLC}", AT: "${EDGE}/press-1"}}
  - {template: press, id: press-2, port: "${PORT:-502}", vars: {HOST: 10.0.0.9, AT: x}}
# ${COMMENT} does not count
"""
HEADER = ("EDGE", "Name", "PLC", "port")


def _files(
    tmp_path: Path, *rows: tuple[str, ...], encoding: str = "utf-8-sig"
) -> tuple[Path, Path]:
    template, table = tmp_path / "line.yaml", tmp_path / "rows.csv"
    template.write_text(TEMPLATE, "utf-8")
    table.write_text(tag_table.as_csv(HEADER, rows), encoding)
    return template, table


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-8", "gb18030"])
def test_each_row_becomes_a_configuration_that_the_agent_takes(
    tmp_path: Path, encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [(f"line-{n:02}", f"{n}号线", f"10.0.1.{n}", "" if n % 2 else "1502") for n in range(40)]
    template, table = _files(tmp_path, *rows, encoding=encoding)
    found = rendered(template, table)
    write(found, tmp_path / "out", overwrite=False)
    monkeypatch.setenv("NOT_HERE", "secret")
    for n, (edge, name, host, port) in enumerate(rows):
        config = load(tmp_path / "out" / f"demo.{edge}.yaml")
        assert (config.edge, config.name) == (edge, name)
        first, second = config.devices
        assert first.host == host  # type: ignore[union-attr]
        assert second.port == int(port or 502), n  # type: ignore[union-attr]
        assert first.points[0].path == f"{edge}/press-1/good"
    assert len(list((tmp_path / "out").iterdir())) == 40
    with pytest.raises(Reconfigure) as refused:
        write(found, tmp_path / "out", overwrite=False)
    assert refused.value.code == "LS-4785"
    write(found, tmp_path / "out", overwrite=True)


def test_excel_rows_are_the_same(tmp_path: Path) -> None:
    template, table = _files(tmp_path, ("line-a", "A 线", "10.0.0.1", "502"))
    excel = tmp_path / "rows.xlsx"
    tag_table.write(excel, HEADER, [("line-a", "A 线", "10.0.0.1", 502)], "utf-8-sig")
    assert rendered(template, excel) == rendered(template, table)


def test_with_one_bad_row_nothing_is_made_and_every_mistake_names_line_and_row(
    tmp_path: Path,
) -> None:
    template, table = _files(
        tmp_path,
        ("line-a", "A", "10.0.0.1", ""),
        ("Line B", "B", "10.0.0.2", ""),
        ("line-c", "C", "10.0.0.3", "70000"),
        ("line-a", "D", "10.0.0.4", ""),
    )
    with pytest.raises(ConfigError) as refused:
        rendered(template, table)
    said = [one.text("en") for one in refused.value.problems]
    assert len(said) == 3, said
    assert f"{template}:2:" in said[0]
    assert f"(for row 3 of {table})" in said[0]
    assert f"{table}:5" in said[1]
    assert "first in row 2" in said[1]
    assert f"{template}:14:" in said[2]
    assert "for row 4" in said[2]
    assert not (tmp_path / "out").exists()


def test_a_value_cannot_smuggle_in_other_keys(tmp_path: Path) -> None:
    template, table = _files(tmp_path, ("line-a", 'x"\nclock: {past_s: 5}\n#"', "10.0.0.1", ""))
    with pytest.raises(ConfigError) as refused:
        rendered(template, table)
    assert "changes how the template is read" in refused.value.problems[0].text("en")


def test_columns_and_variables_must_fit_each_other(tmp_path: Path) -> None:
    template, table = _files(tmp_path, ("line-a", "A", "10.0.0.1", ""))
    template.write_text(TEMPLATE.replace("host: b", 'host: "${BROKER}"'), "utf-8")
    with pytest.raises(Reconfigure) as refused:
        rendered(template, table)
    assert refused.value.params["names"] == "BROKER"
    [text] = rendered(template, table, keep=frozenset({"BROKER"})).values()
    assert "${BROKER}" in text
    template.write_text(TEMPLATE.replace("${PORT:-502}", "502"), "utf-8")
    with pytest.raises(Reconfigure) as refused:
        rendered(template, table)
    assert (refused.value.code, refused.value.params["names"]) == ("LS-4782", "port")
