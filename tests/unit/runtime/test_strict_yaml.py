"""Configuration files: what they mean, and where and how each mistake is reported."""

from __future__ import annotations

import json
import tempfile
from datetime import datetime, timedelta
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, model_validator

from runtime import messages, strict_yaml
from runtime.strict_yaml import ConfigError, ConfigPath, Problem
from runtime.yaml_tree import MOST_DEPTH, TreeReader, core_value


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Group(Section):
    every_ms: int = Field(ge=10, le=60_000)
    tags: list[str] = []


class Modbus(Section):
    kind: Literal["modbus"]
    host: str
    port: int = 502
    groups: list[Group] = []


class OpcUa(Section):
    kind: Literal["opcua"]
    url: str
    security: Literal["none", "sign", "encrypt"] = "encrypt"


class Color(Enum):
    RED = "red"
    GREEN = "green"


class Config(Section):
    plant: str = Field(default="p", min_length=1, max_length=8, pattern="^[a-z]+$")
    devices: list[Annotated[Modbus | OpcUa, Field(discriminator="kind")]] = []
    scale: dict[str, float] = {}
    lines: dict[str, Group] = {}
    either: int | list[int] = 1
    on: bool = False
    pair: tuple[int, str] | None = None
    log: ConfigPath | None = None
    color: Color = Color.RED
    at: datetime | None = None
    lasts: timedelta | None = None
    anything: Any = None

    @model_validator(mode="after")
    def _no_both(self) -> Config:
        if self.plant == "both":
            raise strict_yaml.invalid("LS-1116")
        if self.plant == "plain":
            raise ValueError("plain words")
        return self


def problems(text: str, env: dict[str, str] | None = None) -> list[Problem]:
    with pytest.raises(ConfigError) as caught:
        strict_yaml.loads(text, "edge.yaml", Config, env=env or {})
    return list(caught.value.problems)


def codes(text: str, env: dict[str, str] | None = None) -> list[tuple[str, int, int, str]]:
    return [(one.code, one.line, one.column, one.field) for one in problems(text, env)]


def value(text: str, env: dict[str, str] | None = None) -> Any:
    return strict_yaml.loads(f"anything: {text}", "edge.yaml", Config, env=env or {}).anything


# -- what YAML means -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("on", "on"),
        ("off", "off"),
        ("yes", "yes"),
        ("No", "No"),
        ("y", "y"),
        ("true", True),
        ("False", False),
        ("12:30", "12:30"),
        ("190:20:30", "190:20:30"),
        ("2025-03-01", "2025-03-01"),
        ("2025-03-01T06:00:00Z", "2025-03-01T06:00:00Z"),
        ("1_000", "1_000"),
        ("0b101", "0b101"),
        ("0o17", 15),
        ("0x1F", 31),
        ("12", 12),
        ("-12", -12),
        ("+12", 12),
        ("0", 0),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        ("-.5", -0.5),
        ("1.", 1.0),
        (".inf", float("inf")),
        ("-.INF", float("-inf")),
        ("'12'", "12"),
        ('"010"', "010"),
        ("!!str 12", "12"),
        ("null", None),
        ("~", None),
        ("", None),
        ("Null", None),
        ("nil", "nil"),
        ("=", "="),
        ("<<", "<<"),
        ("1.2.3", "1.2.3"),
        ("e5", "e5"),
        (".", "."),
    ],
)
def test_scalars_mean_what_yaml_1_2_says(written: str, meant: object) -> None:
    got = value(written)
    assert got == meant
    assert type(got) is type(meant)


def test_not_a_number_is_a_number_in_yaml() -> None:
    got = value(".nan")
    assert got != got


def test_a_number_of_absurd_length_stays_text() -> None:
    digits = "1" * 5000
    assert core_value(digits) == digits


def test_keys_on_off_yes_no_are_texts() -> None:
    assert value("{on: 1, off: 2, yes: 3, no: 4, n: 5}") == {
        "on": 1,
        "off": 2,
        "yes": 3,
        "no": 4,
        "n": 5,
    }


def test_a_model_that_wants_a_bool_takes_on_and_off() -> None:
    assert strict_yaml.loads("on: on", "f", Config).on is True
    assert strict_yaml.loads("on: off", "f", Config).on is False


def test_anchors_and_merge_keys_work_and_own_keys_win() -> None:
    text = """
anything:
  base: &base {every_ms: 100, unit: ms}
  other: &other {every_ms: 5, note: x}
  one: {<<: *base, unit: s}
  two:
    <<: [*base, *other]
    tags: *base
"""
    got = strict_yaml.loads(text, "f", Config).anything
    assert got["one"] == {"every_ms": 100, "unit": "s"}
    assert got["two"] == {"every_ms": 100, "unit": "ms", "note": "x", "tags": got["base"]}


def test_a_quoted_merge_sign_is_a_plain_key() -> None:
    assert value("{'<<': 1}") == {"<<": 1}


def test_chinese_texts_and_a_byte_order_mark_are_fine(tmp_path: Path) -> None:
    file = tmp_path / "edge.yaml"
    file.write_bytes("\ufeffanything: 冲压一号 # 注释\r\n".encode())
    assert strict_yaml.load(file, Config).anything == "冲压一号"


# -- variables -----------------------------------------------------------------------------------


def test_variables_are_filled_and_stay_text() -> None:
    env = {"HOST": "plc", "PORT": "502", "EMPTY": ""}
    assert value("${HOST}", env) == "plc"
    assert value("opc.tcp://${HOST}:${PORT}/x", env) == "opc.tcp://plc:502/x"
    assert value("'${PORT}'", env) == "502"
    assert value("${NONE:-4840}", env) == "4840"
    assert value("${EMPTY:-x}", env) == "x"
    assert value("a${EMPTY}b", env) == "ab"
    assert value("$${HOST} $HOST", env) == "${HOST} $HOST"


def test_a_filled_number_is_a_number_for_the_model() -> None:
    text = "devices: [{kind: modbus, host: h, port: '${PORT}'}]"
    device = strict_yaml.loads(text, "f", Config, env={"PORT": "1502"}).devices[0]
    assert isinstance(device, Modbus)
    assert device.port == 1502


def test_the_value_of_a_variable_is_not_filled_again() -> None:
    assert value("${A}", {"A": "${B}", "B": "x"}) == "${B}"


def test_a_missing_variable_is_named_with_its_line_and_nothing_more_is_said() -> None:
    found = problems("devices:\n  - kind: modbus\n    host: h\n    port: ${PORT}\n")
    (one,) = found
    assert (one.code, one.line, one.column, one.field) == ("LS-1013", 4, 11, "devices[0].port")
    assert "PORT" in one.text("en")
    assert "${PORT:-" in one.text("zh")


# -- mistakes in the file itself ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plant: a\nplant: b\n", [("LS-1009", 2, 1, "plant")]),
        ("anything:\n  x: {a: 1, 'a': 2}\n", [("LS-1009", 2, 13, "anything.x.a")]),
        ("anything:\n  - 010\n", [("LS-1014", 2, 5, "anything[0]")]),
        ("anything: -07\n", [("LS-1014", 1, 11, "anything")]),
        ("anything: !!python/object:os.system x\n", [("LS-1015", 1, 11, "anything")]),
        ("anything: !mine {a: 1}\n", [("LS-1015", 1, 11, "anything")]),
        ("plant: a\n---\nplant: b\n", [("LS-1016", 2, 1, "")]),
        ("anything: {[1, 2]: x}\n", [("LS-1017", 1, 12, "anything")]),
        ("anything: {~: x}\n", [("LS-1017", 1, 12, "anything")]),
        ("anything: *nowhere\n", [("LS-1020", 1, 11, "anything")]),
        ("anything: &self [*self]\n", [("LS-1020", 1, 18, "anything[0]")]),
        ("anything: {<<: 5, a: 1}\n", [("LS-1044", 1, 16, "anything")]),
        ("anything:\n\t- 1\n", [("LS-1045", 2, 1, "anything")]),
        ("anything: {a: ${B}}\n", [("LS-1049", 1, 11, "anything")]),
        ("plant: [a\non: 1\n", [("LS-1051", 1, 8, "plant[1]")]),
        ("plant: a\nanything: {a: 1\non: off\n", [("LS-1051", 2, 11, "anything")]),
        ("plant: 'a\non: off\n", [("LS-1051", 1, 8, "plant")]),
        ("plant: a: b\n", [("LS-1050", 1, 9, "")]),
        ("plant:\n  a: 1\n b: 2\n", [("LS-1052", 3, 2, "")]),
        ("plant: @a\n", [("LS-1053", 1, 8, "plant")]),
        ('log: "C:\\logs\\edge"\n', [("LS-1054", 1, 9, "log")]),
        ("plant\non: 1\n", [("LS-1050", 2, 3, "")]),
        ("anything: !x!y z\n", [("LS-1007", 1, 11, "anything")]),
        ("plant: a\x07b\n", [("LS-1007", 0, 0, "")]),
        ("", [("LS-1008", 0, 0, "")]),
        ("# nothing\n", [("LS-1008", 0, 0, "")]),
        ("---\n...\n", [("LS-1008", 0, 0, "")]),
    ],
)
def test_each_mistake_of_the_text_has_its_place(
    text: str, expected: list[tuple[str, int, int, str]]
) -> None:
    assert codes(text) == expected


def test_both_lines_of_a_duplicate_key_are_told() -> None:
    (one,) = problems("plant: a\nscale: {}\nplant: b\n")
    assert one.line == 3
    assert "line 1" in one.text("en")


def test_the_first_of_two_equal_keys_does_not_hide_mistakes_elsewhere() -> None:
    assert [code for code, *_ in codes("plant: a\nplant: b\nscale: {x: y}\n")] == [
        "LS-1009",
        "LS-1022",
    ]


def test_a_billion_laughs_are_refused_before_they_are_written_out() -> None:
    lines = ["l0: &l0 [ha, ha, ha, ha, ha, ha, ha, ha, ha, ha]"]
    lines += [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]" for n in range(1, 12)]
    (one,) = problems("\n".join(lines))
    assert one.code == "LS-1019"
    assert one.line == 6


def test_endless_nesting_is_refused() -> None:
    (one,) = problems("anything: " + "[" * 100_000)
    assert (one.code, one.params["limit"]) == ("LS-1018", MOST_DEPTH)
    deep = "[" * (MOST_DEPTH - 1) + "]" * (MOST_DEPTH - 1)
    assert value(deep) is not None


def test_the_top_must_be_a_mapping() -> None:
    assert codes("- a\n- b\n") == [("LS-1026", 1, 1, "")]
    assert codes("just words\n") == [("LS-1026", 1, 1, "")]


# -- files ---------------------------------------------------------------------------------------


def file_problem(path: Path) -> Problem:
    with pytest.raises(ConfigError) as caught:
        strict_yaml.load(path, Config)
    (one,) = caught.value.problems
    assert one.file == str(path)
    return one


def test_a_missing_file_a_folder_and_a_wrong_encoding_have_their_own_words(tmp_path: Path) -> None:
    assert file_problem(tmp_path / "absent.yaml").code == "LS-1001"
    assert file_problem(tmp_path).code == "LS-1002"
    chinese = tmp_path / "gbk.yaml"
    chinese.write_bytes("plant: a\nanything: 冲压车间\n".encode("gb18030"))
    one = file_problem(chinese)
    assert (one.code, one.line) == ("LS-1006", 2)
    assert "UTF-8" in one.text("en")
    assert "UTF-8" in one.text("zh")
    wide = tmp_path / "utf16.yaml"
    wide.write_bytes("plant: a\n".encode("utf-16"))
    assert file_problem(wide).code == "LS-1005"
    binary = tmp_path / "binary.yaml"
    binary.write_bytes(b"plant: a\n\xff\xff\xff")
    assert (file_problem(binary).code, file_problem(binary).line) == ("LS-1005", 2)


def test_a_file_beyond_the_bound_is_not_read(tmp_path: Path) -> None:
    large = tmp_path / "large.yaml"
    with large.open("wb") as file:
        file.truncate(strict_yaml.MOST_BYTES + 1)
    assert file_problem(large).code == "LS-1004"


def test_paths_start_at_the_folder_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "edge.yaml"
    file.write_text("log: logs/a.log\n")
    assert strict_yaml.load(file, Config).log == tmp_path / "logs" / "a.log"
    file.write_text("log: /var/log/a.log\n")
    assert strict_yaml.load(file, Config).log == Path("/var/log/a.log")


# -- what the model says -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plnt: a\n", [("LS-1012", 1, 1, "plnt")]),
        ("zzzzzz: a\n", [("LS-1011", 1, 1, "zzzzzz")]),
        ("plant: 12\n", [("LS-1023", 1, 8, "plant")]),
        ("plant:\n", [("LS-1027", 1, 1, "plant")]),
        ("plant: ''\n", [("LS-1032", 1, 8, "plant")]),
        ("plant: abcdefghi\n", [("LS-1032", 1, 8, "plant")]),
        ("plant: A1\n", [("LS-1034", 1, 8, "plant")]),
        ("on: 7\n", [("LS-1024", 1, 5, "on")]),
        ("on: {}\n", [("LS-1024", 1, 5, "on")]),
        ("scale: {a: b}\n", [("LS-1022", 1, 12, "scale.a")]),
        ("scale: {1: 2.0}\n", [("LS-1023", 1, 9, "scale[1]")]),
        ("scale: [1]\n", [("LS-1026", 1, 8, "scale")]),
        ("devices: 5\n", [("LS-1025", 1, 10, "devices")]),
        ("devices: {a: 1}\n", [("LS-1025", 1, 10, "devices")]),
        ("devices: [{kind: modbus}]\n", [("LS-1010", 1, 11, "devices[0].host")]),
        ("devices: [{host: h}]\n", [("LS-1036", 1, 11, "devices[0]")]),
        ("devices: [{kind: modbs, host: h}]\n", [("LS-1047", 1, 11, "devices[0]")]),
        ("devices:\n- kind: opcua\n  url: 1\n", [("LS-1023", 3, 8, "devices[0].url")]),
        (
            "devices:\n- kind: opcua\n  url: a\n  modbus: 1\n",
            [("LS-1011", 4, 3, "devices[0].modbus")],
        ),
        (
            "devices:\n- kind: opcua\n  url: a\n  security: sing\n",
            [("LS-1030", 4, 13, "devices[0].security")],
        ),
        ("lines: {p1: {every_ms: 5}}\n", [("LS-1028", 1, 24, "lines.p1.every_ms")]),
        ("lines: {p 1: {every_ms: 1.5}}\n", [("LS-1021", 1, 25, 'lines["p 1"].every_ms')]),
        ("lines: {p1: {every_ms: 12:30}}\n", [("LS-1021", 1, 24, "lines.p1.every_ms")]),
        ("either: x\n", [("LS-1035", 1, 9, "either")]),
        ("either: [1, x]\n", [("LS-1021", 1, 13, "either[1]")]),
        ("pair: [1]\n", [("LS-1010", 1, 7, "pair[1]")]),
        ("color: gren\n", [("LS-1030", 1, 8, "color")]),
        ("at: soon\n", [("LS-1031", 1, 5, "at")]),
        ("lasts: long\n", [("LS-1031", 1, 8, "lasts")]),
        ("plant: both\n", [("LS-1116", 1, 1, "")]),
        ("plant: plain\n", [("LS-1037", 1, 1, "")]),
    ],
)
def test_each_broken_rule_has_its_place(
    text: str, expected: list[tuple[str, int, int, str]]
) -> None:
    assert codes(text) == expected
    for one in problems(text):
        assert one.params.keys() == messages.parameters(one.code), "all its words are filled"


def test_a_misspelt_key_deep_inside_is_told_with_a_suggestion() -> None:
    text = """\
plant: a
devices:
  - kind: modbus
    host: h
    groups:
      - every_ms: 100
      - evry_ms: 100
"""
    found = problems(text)
    assert [one.text("en") for one in found] == [
        "edge.yaml:7:9: devices[0].groups[1].evry_ms: Unknown key. Did you mean 'every_ms'?",
    ]
    assert "是否应为“every_ms”" in found[0].text("zh")


def test_all_problems_of_a_file_are_told_at_once_in_the_order_of_lines() -> None:
    text = """\
plant: 12
scale: {a: "${NOT_SET}", b: x}
devices:
  - kind: modbus
    host: h
    host: i
    port: 0502
  - kind: opcua
lines:
  a: {every_ms: 1, tgs: []}
"""
    assert codes(text) == [
        ("LS-1023", 1, 8, "plant"),
        ("LS-1013", 2, 12, "scale.a"),
        ("LS-1022", 2, 29, "scale.b"),
        ("LS-1009", 6, 5, "devices[0].host"),
        ("LS-1014", 7, 11, "devices[0].port"),
        ("LS-1010", 8, 5, "devices[1].url"),
        ("LS-1028", 10, 17, "lines.a.every_ms"),
        ("LS-1012", 10, 20, "lines.a.tgs"),
    ]


def test_a_required_key_that_is_misspelt_is_one_problem_not_two() -> None:
    text = "plant: p\nlines: {a: {evry_ms: 1, tags: []}}\n"
    assert ("LS-1012", 2, 13, "lines.a.evry_ms") in codes(text)
    assert not any(code == "LS-1010" for code, *_ in codes(text))
    # What is missing besides is told.
    two = "devices:\n  - {kind: opcua, securty: none}\n"
    assert [code for code, *_ in codes(two)] == ["LS-1010", "LS-1012"]


def test_a_value_that_came_by_an_alias_is_told_at_its_own_line() -> None:
    text = "anything: &g {every_ms: 1}\nlines:\n  a: *g\n"
    assert codes(text) == [("LS-1028", 1, 25, "lines.a.every_ms")]


def test_a_key_named_like_a_union_tag_does_not_mislead() -> None:
    class Modbus2(Section):
        kind: Literal["modbus"]
        modbus: dict[str, int] = {}

    class Other(Section):
        kind: Literal["other"]

    class Top(Section):
        one: Annotated[Modbus2 | Other, Field(discriminator="kind")]

    with pytest.raises(ConfigError) as caught:
        strict_yaml.loads("one:\n  kind: modbus\n  modbus:\n    modbus: x\n", "f", Top)
    (one,) = caught.value.problems
    assert (one.line, one.column, one.field) == (4, 13, "one.modbus.modbus")


def test_of_a_union_of_models_the_closest_one_is_told() -> None:
    class Tcp(Section):
        host: str
        port: int

    class Serial(Section):
        device: str
        baud: int

    class Top(Section):
        link: Tcp | Serial

    with pytest.raises(ConfigError) as caught:
        strict_yaml.loads("link: {device: /dev/ttyS0, baud: fast}", "f", Top)
    assert [(p.code, p.field) for p in caught.value.problems] == [("LS-1021", "link.baud")]


def test_a_long_value_is_shortened() -> None:
    (one,) = problems(f"scale: {{a: {'x' * 5000}}}\n")
    assert len(one.text("en")) < 200


def test_the_error_words_itself_and_counts() -> None:
    with pytest.raises(ConfigError) as caught:
        strict_yaml.loads("plnt: a\non: x\n", "edge.yaml", Config)
    error = caught.value
    assert (error.code, error.params) == ("LS-1000", {"file": "edge.yaml", "count": 2})
    assert str(error).count("\n") == 1
    assert "是" in error.text("zh")


@settings(deadline=None)
@given(st.text(alphabet="ab:-[]{}'\"&*!|>#%@`,?<\n\t 01.~$\\", max_size=60))
def test_no_text_at_all_brings_anything_but_a_value_or_problems(text: str) -> None:
    try:
        strict_yaml.loads(text, "f", Config, env={})
    except ConfigError as error:
        assert error.problems
        for one in error.problems:
            assert one.text("en")
            assert one.text("zh")
            assert one.line <= text.count("\n") + 2


@settings(deadline=None)
@given(st.binary(max_size=40), st.sampled_from(["utf-8", "gb18030", "utf-16", "latin-1"]))
def test_no_bytes_at_all_bring_anything_but_a_value_or_problems(noise: bytes, coding: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "edge.yaml"
        file.write_bytes("anything: 冲压 é\n".encode(coding, "replace") + noise)
        try:
            strict_yaml.load(file, Config, env={})
        except ConfigError as error:
            assert error.text("zh")


PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text("ab中é😀 :#-{}[],'\"\\&*!|>%@`~1."),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abc"), inner, max_size=4),
    max_leaves=12,
)


@settings(deadline=None)
@given(PLAIN)
def test_what_json_says_yaml_says_too(data: Any) -> None:
    text = json.dumps({"anything": data}, ensure_ascii=False)
    assert strict_yaml.loads(text, "f", Config).anything == data


# -- places for checks across fields ------------------------------------------------------------


def test_checks_across_fields_can_name_the_line() -> None:
    text = "plant: a\ndevices:\n  - kind: modbus\n    host: h\n    port: 502\n"
    located = strict_yaml.loads_located(text, "edge.yaml", Config)
    assert located.line_of() == 1
    assert located.line_of("devices") == 2
    assert located.line_of("devices", 0, "port") == 5
    assert located.line_of("devices", 0, "unit_id") == 3, "absent: its parent"
    one = strict_yaml.problem(located, "LS-1010", "devices", 0, "port")
    assert one == located.problem("LS-1010", "devices", 0, "port")
    assert one.text("en").startswith("edge.yaml:5:5: devices[0].port: ")


def test_a_file_gives_its_places_too(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("\n\nplant: a\n")
    located = strict_yaml.load_located(file, Config)
    assert (located.value.plant, located.line_of("plant"), located.file) == ("a", 3, str(file))


@pytest.mark.parametrize("model", [dict[str, int], list[int]])
def test_a_type_that_is_no_model_can_be_read_as_well(model: Any) -> None:
    text = "{a: 1}" if model == dict[str, int] else "[1, 2]"
    assert strict_yaml.loads(text, "f", model) in ({"a": 1}, [1, 2])
    with pytest.raises(ConfigError):
        strict_yaml.loads("[x]", "f", model)


def test_reading_without_places_gives_the_same_values() -> None:
    text = """
base: &base {every_ms: 100, tags: [a, b], deep: {x: 1, y: [1, 2]}}
more: &more {port: 502, deep: {z: 3}}
list: &list [{k: 1}, {k: 2}]
one: {<<: *base, every_ms: 50}
both: {<<: [*base, *more], own: true}
written: {<<: [{a: 1, b: {c: 2}}, {a: 9, d: 4}], own: 7}
again: [*list, *base, *both]
"""
    with_places = TreeReader("x", {}).read(text)
    without = TreeReader("x", {}, places=False).read(text)
    assert with_places is not None
    assert without is not None
    assert without.value == with_places.value
    assert without.value["both"]["deep"] == {"x": 1, "y": [1, 2]}
    assert without.value["written"] == {"a": 1, "b": {"c": 2}, "d": 4, "own": 7}
