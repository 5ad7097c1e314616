"""A secret is never shown, and each way of giving one has its own words when it fails."""

from __future__ import annotations

import copy
import json
import pickle
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict

from runtime import strict_yaml
from runtime.broker import BrokerAddress, BrokerConfig
from runtime.secret import Secret
from runtime.strict_yaml import ConfigError

WORD = "hunter2"


class Config(BaseModel):
    model_config = ConfigDict(extra="forbid")
    password: Secret


def load(text: str, env: dict[str, str] | None = None) -> Secret:
    return strict_yaml.loads(text, "f", Config, env=env or {}).password


def code_of(text: str, env: dict[str, str] | None = None) -> str:
    with pytest.raises(ConfigError) as caught:
        load(text, env)
    (one,) = caught.value.problems
    assert one.field == "password"
    for lang in ("en", "zh"):
        assert WORD not in one.text(lang)
    return one.code


def test_a_secret_is_given_as_text_as_a_file_or_by_the_environment(tmp_path: Path) -> None:
    assert load(f"password: {WORD}").reveal() == WORD
    (tmp_path / "pw").write_text(f"{WORD}\r\n")
    file = tmp_path / "edge.yaml"
    file.write_text("password: {file: pw}\n")
    assert strict_yaml.load(file, Config).password.reveal() == WORD, "relative to the file"
    assert load(f"password: {{file: {tmp_path / 'pw'}}}").reveal() == WORD
    assert load("password: {env: PW}", {"PW": WORD}).reveal() == WORD
    assert load("password: ${PW}", {"PW": WORD}).reveal() == WORD


def test_blanks_inside_a_secret_file_are_kept(tmp_path: Path) -> None:
    (tmp_path / "pw").write_text(" a b \n")
    assert load(f"password: {{file: {tmp_path / 'pw'}}}").reveal() == " a b "


def test_each_failure_has_its_words(tmp_path: Path) -> None:
    assert code_of("password: 5") == "LS-1040"
    assert code_of(f"password: [{WORD}]") == "LS-1040"
    assert code_of(f"password: {{fil: {WORD}}}") == "LS-1040"
    assert code_of("password: {file: 5}") == "LS-1040"
    assert code_of("password: {file: a, env: B}") == "LS-1040"
    assert code_of(f"password: {{file: {tmp_path / 'absent'}}}") == "LS-1041"
    assert code_of(f"password: {{file: {tmp_path}}}") == "LS-1041"
    (tmp_path / "empty").write_text("\n")
    assert code_of(f"password: {{file: {tmp_path / 'empty'}}}") == "LS-1042"
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    assert code_of(f"password: {{file: {tmp_path / 'binary'}}}") == "LS-1042"
    assert code_of("password: {env: PW}") == "LS-1043"
    assert code_of("password: {env: PW}", {"PW": ""}) == "LS-1043"


def test_no_way_of_printing_shows_it() -> None:
    secret = Secret(WORD)

    @dataclass
    class Holder:
        secret: Secret

    config = Config(password=secret)
    address = BrokerAddress(host="h", username="u", password=secret)
    shown = [
        repr(secret),
        str(secret),
        f"{secret}",
        f"{secret:>20}",
        "%s" % secret,  # noqa: UP031 - one of the ways
        repr(config),
        str(config.model_dump()),
        config.model_dump_json(),
        json.dumps(config.model_dump(), default=str),
        repr(asdict(Holder(secret))),
        repr(address),
        str(address),
        repr(vars(config)),
    ]
    assert not [one for one in shown if WORD in one]
    with pytest.raises(TypeError):
        pickle.dumps(secret)


def test_copies_and_comparison_work() -> None:
    secret = Secret(WORD)
    assert copy.deepcopy(Config(password=secret)).password.reveal() == WORD
    assert secret == Secret(WORD)
    assert secret != Secret("other")
    assert secret != WORD
    assert len({secret, Secret(WORD)}) == 1
    assert secret
    assert not Secret("")


def test_the_schema_says_how_to_give_one() -> None:
    schema = Config.model_json_schema()["properties"]["password"]
    assert {"string"} <= {one["type"] for one in schema["anyOf"]}
    assert {"file", "env"} == {
        name for one in schema["anyOf"] for name in one.get("properties", {})
    }


def test_a_broker_section_becomes_an_address(tmp_path: Path) -> None:
    text = """
host: broker.plant
username: edge-1
password: x
tls: {ca_file: ca.pem, cert_file: c.pem, key_file: k.pem}
"""
    file = tmp_path / "b.yaml"
    file.write_text(text)
    config = strict_yaml.load(file, BrokerConfig)
    address = config.address()
    assert (address.host, address.port, address.username) == ("broker.plant", 8883, "edge-1")
    assert address.tls is not None
    assert address.tls.ca_file == tmp_path / "ca.pem"
    assert str(address) == "broker.plant:8883"
    assert config.keepalive_s == 15
    plain = strict_yaml.loads("host: '::1'", "f", BrokerConfig).address()
    assert (plain.port, plain.tls, str(plain)) == (1883, None, "[::1]:1883")


def test_the_nodes_of_a_clustered_broker_share_port_and_log_in() -> None:
    text = """
host: node-1
port: 2000
username: edge-1
password: x
others: [node-2, 'node-3:1884', '::1', '[::2]', '[::3]:1885']
"""
    address = strict_yaml.loads(text, "f", BrokerConfig).address()
    nodes = address.nodes()
    assert [(node.host, node.port) for node in nodes] == [
        *(("node-1", 2000), ("node-2", 2000), ("node-3", 1884)),
        *(("::1", 2000), ("::2", 2000), ("::3", 1885)),
    ]
    assert {node.username for node in nodes} == {"edge-1"}
    assert not any(node.others for node in nodes)
    assert str(address) == (
        "node-1:2000, node-2:2000, node-3:1884, [::1]:2000, [::2]:2000, [::3]:1885"
    )


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("host: h\npassword: x", "LS-1116"),
        ("host: h\ntls: {cert_file: a}", "LS-1115"),
        ("host: h\nport: 0", "LS-1028"),
        ("host: ''", "LS-1032"),
        ("host: h\nothers: ['']", "LS-1117"),
        ("host: h\nothers: ['a:0']", "LS-1117"),
        ("host: h\nothers: ['a:65536']", "LS-1117"),
        ("host: h\nothers: ['a:mqtt']", "LS-1117"),
        ("host: h\nothers: [':1883']", "LS-1117"),
    ],
)
def test_a_broker_section_that_cannot_work_is_refused(text: str, code: str) -> None:
    with pytest.raises(ConfigError) as caught:
        strict_yaml.loads(text, "f", BrokerConfig)
    assert [one.code for one in caught.value.problems] == [code]


def test_every_field_of_the_broker_section_is_described() -> None:
    schema = BrokerConfig.model_json_schema()
    for model in (schema, *schema["$defs"].values()):
        for name, field in model["properties"].items():
            assert field.get("description"), name
