"""Tag lists from and to CSV and Excel: nothing lost, every bad cell named."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.config import EdgeConfig, load
from edge_agent.tools import tag_table
from edge_agent.tools.export_tags import table
from edge_agent.tools.import_tags import converted
from edge_agent.tools.tag_rows import TagList
from edge_agent.tools.yaml_text import scalar
from runtime.errors import Reconfigure
from runtime.problems import ConfigError
from runtime.strict_yaml import loads

ROOT = Path(__file__).resolve().parents[4]
TWO_DEVICES = """\
# kept: the first comment
plant: p
edge: ${EDGE_NAME:-e}
data_dir: var
broker: {host: 127.0.0.1, username: u, password: {env: BROKER_PASSWORD}}
devices:
  - id: 网关
    id: gateway
    driver: modbus-tcp
    host: 10.0.0.7
    word_order: CDAB
    groups:
      - every_ms: 100
        class: key
        tags:
          - {path: 压机/良品, address: "holding:0", dtype: u32, unit: 件, unit_id: 2}
          - {path: press/temp, address: "input:0x10", dtype: f32, unit: °C,
             scale: {factor: 0.1, offset: -40}, deadband: {absolute: 0.25},
             word_order: ABCD, class: bulk, max_silence_s: 60}
      - every_ms: 60000
        tags:
          - {path: press/order, address: "holding:8", dtype: str, length: 16, charset: gb18030}
          - {path: press/bit, address: "holding:5.3", dtype: bool}
          - {path: press/meter, address: "holding:30", dtype: u64, encoding: bcd}   # kept, too
    # kept: before the next device
  - id: cell
    driver: opcua
    url: opc.tcp://10.0.0.9:4840
    security: none
    groups:
      - every_ms: 250
        mode: subscribe
        sampling_ms: 50
        queue_size: 7
        tags:
          - {path: cell/x, address: 'ns=3;s="DB1"."row"[3]', dtype: f64, literal: true,
             server_deadband: {percent: 2.5}, deadband: {percent: 1.0}}
          - {path: cell/y, address: "nsu=urn:x, y;s=$${HOME} \\"a\\"", dtype: i16}
page: {port: null}
# kept: the last comment
""".replace("  - id: 网关\n    id: gateway\n", "  - id: gateway\n    name: 网关\n")


@pytest.fixture
def two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration with everything a tag can have."""
    monkeypatch.setenv("BROKER_PASSWORD", "secret")
    file = tmp_path / "edge.yaml"
    file.write_text(TWO_DEVICES, "utf-8")
    return file


def _groups(config: EdgeConfig) -> dict[str, object]:
    return {
        device.id: [group.model_dump(mode="json") for group in device.groups]
        for device in config.devices
    }


def _export(config: Path, out: Path, encoding: tag_table.Encoding = "utf-8-sig") -> Path:
    header, rows = table(load(config))
    tag_table.write(out, header, rows, encoding)
    return out


def _csv(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "tags.csv"
    file.write_text(text, "utf-8")
    return file


def _problems(file: Path, config: Path | None = None) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        converted(file, config)
    return [one.text("en").removeprefix(str(file)) for one in caught.value.problems]


@pytest.mark.parametrize(
    ("name", "encoding"),
    [("t.csv", "utf-8-sig"), ("t.csv", "gb18030"), ("t.xlsx", "utf-8-sig")],
)
def test_tags_come_back_as_they_were(two: Path, name: str, encoding: tag_table.Encoding) -> None:
    listed = _export(two, two.with_name(name), encoding)
    text, tags, devices = converted(listed, two)
    assert (tags, devices) == (7, 2)
    again = two.with_name("again.yaml")
    again.write_text(text, "utf-8")
    assert _groups(load(again)) == _groups(load(two))
    for kept in ("${EDGE_NAME:-e}", "{env: BROKER_PASSWORD}", "page: {port: null}"):
        assert kept in text
    assert text.count("# kept") == 4


@pytest.mark.parametrize("name", ["line-a", "line-b"])
def test_a_list_alone_becomes_a_configuration_that_check_accepts(name: str, tmp_path: Path) -> None:
    source = ROOT / "configs" / "demo" / f"{name}.yaml"
    text, _, _ = converted(_export(source, tmp_path / "t.csv"), None)
    made = loads(text, "made", EdgeConfig)
    assert _groups(made) == _groups(load(source))


def test_a_configuration_in_flow_style_is_edited_as_well(two: Path) -> None:
    listed = _export(two, two.with_name("t.csv"))
    flow = two.with_name("flow.yaml")
    flow.write_text(
        "{plant: p, edge: e, data_dir: v, broker: {host: h}, devices: [{id: gateway, driver: "
        "modbus-tcp, word_order: CDAB, host: h, groups: [{every_ms: 10, tags: [{path: a, "
        "address: 'coil:1', dtype: bool}]}]}, {id: cell, driver: opcua, security: none, "
        "url: 'opc.tcp://h', groups: [{every_ms: 10, tags: [{path: b, address: 'i=1', "
        "dtype: bool}]}]}]}"
    )
    text, _, _ = converted(listed, flow)
    assert _groups(loads(text, "made", EdgeConfig)) == _groups(load(two))


def test_parts_that_the_kept_devices_share_are_not_cut_away(two: Path) -> None:
    file = _csv(two.parent, "device,every_ms,path,address,dtype\ngateway,9000,a,holding:0,u16\n")
    shared = two.read_text("utf-8").replace("scale: {factor", "scale: &s {factor")
    shared = shared.replace("dtype: i16}", "dtype: i16, scale: *s}")
    two.write_text(shared, "utf-8")
    with pytest.raises(Reconfigure) as caught:
        converted(file, two)
    assert caught.value.code == "LS-4722"


def test_every_bad_row_is_named_with_its_row_and_column(tmp_path: Path) -> None:
    file = _csv(
        tmp_path,
        "device,driver,host,every_ms,path,address,dtype,length,scale_factor,literal\n"
        "m,modbus-tcp,h,100,a,holding:0,u16,,,\n"
        "m,modbus-tcp,h,100,b,holding:x,u16,,,\n"
        "m,modbus-tcp,h,100,c,holding:1,u17,,,\n"
        "\n"
        "m,modbus-tcp,h,100,a,holding:3,u16,,,\n"
        "m,modbus-tcp,h,100,d,holding:4,u16,,two,\n"
        "m,modbus-tcp,h,100,e,,u16,,,\n"
        "m,modbus-tcp,h,100,f,holding:5,u16,,,true\n"
        "q,modbus-udp,h,100,g,holding:5,u16,,,\n"
        "m,modbus-tcp,h,100,h,holding:6,str,,,,stray\n",
    )
    found = _problems(file)
    assert [one.split(" ")[0] for one in found] == [
        ":3:6:", ":4:7:", ":6:5:", ":7:9:", ":8:6:", ":9:10:", ":10:2:", ":11:6:", ":11:11:"
    ]  # fmt: skip


def test_a_rule_of_the_whole_device_points_at_the_row_that_breaks_it(
    two: Path, tmp_path: Path
) -> None:
    file = _csv(
        tmp_path,
        "device,every_ms,path,address,dtype\n"
        "gateway,100,a,holding:0,u16\n"
        "gateway,100,b,40002,u16\n",
    )
    (found,) = _problems(file, two)
    assert found.startswith(":3:4: address: ")


def test_rows_of_one_group_agree_on_its_settings(tmp_path: Path) -> None:
    file = _csv(
        tmp_path,
        "driver,host,group,every_ms,path,address,dtype\n"
        "modbus-tcp,h,fast,100,a,holding:0,u16\n"
        "modbus-tcp,h,fast,,b,holding:1,u16\n"
        "modbus-tcp,h,fast,200,c,holding:2,u16\n",
    )
    (found,) = _problems(file)
    assert found.startswith(":4:4: every_ms: ")


def test_unknown_and_missing_columns_are_named(tmp_path: Path) -> None:
    file = _csv(
        tmp_path, "driver;host;every_ms;path;adress;dtype\nmodbus-tcp;h;100;a;coil:0;bool\n"
    )
    found = _problems(file)
    assert found[0].startswith(":1:1: address: ")
    assert found[1].startswith(":1:5: adress: ")


def test_a_path_of_a_device_that_is_not_in_the_list_stays_its_own(
    two: Path, tmp_path: Path
) -> None:
    file = _csv(tmp_path, "device,every_ms,path,address,dtype\ngateway,100,cell/x,holding:0,u16\n")
    (found,) = _problems(file, two)
    assert "cell/x" in found


def test_what_is_no_table_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "x.xlsx").write_bytes(b"no zip")
    (tmp_path / "x.csv").write_bytes(b"a,b\n\xff\xff\xff")
    (tmp_path / "y.csv").write_bytes(b"\n\n")
    for name, code in (("x.xlsx", "LS-4710"), ("x.csv", "LS-4711"), ("y.csv", "LS-4720")):
        with pytest.raises(Reconfigure) as caught:
            converted(tmp_path / name, None)
        assert caught.value.code == code


def test_tabs_and_utf_16_as_excel_saves_unicode_text(tmp_path: Path) -> None:
    file = tmp_path / "t.txt"
    file.write_text("driver\thost\tevery_ms\tpath\taddress\tdtype\n"
                    "modbus-tcp\th\t100\t压机\tcoil:0\tbool\n", "utf-16")  # fmt: skip
    devices = TagList(tag_table.read(file), {}).devices()
    assert [tag.path for tag in devices["device-1"].points] == ["压机"]


@settings(max_examples=200)
@given(st.one_of(st.text(), st.integers(), st.floats(allow_nan=False, allow_infinity=False)))
def test_a_value_written_as_yaml_reads_as_itself(value: object) -> None:
    if isinstance(value, str) and any("\ud800" <= letter <= "\udfff" for letter in value):
        return
    found = loads(f"value: {scalar(value)}\n", "x", dict[str, object], env={})
    assert found == {"value": value}
    assert type(found["value"]) is type(value)


@pytest.mark.parametrize("text", ["${A}", "$${A}", "${A:-b}", "${", "1e5", "0x1F", "~", "Null"])
def test_texts_that_mean_something_in_yaml_stay_texts(text: str) -> None:
    assert loads(f"value: {scalar(text)}", "x", dict[str, object], env={}) == {"value": text}
