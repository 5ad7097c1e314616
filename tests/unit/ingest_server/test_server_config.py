"""server.yaml: the example can be loaded, and what is dangerous is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingest_server.app import api_token
from ingest_server.config import ServerConfig
from runtime import strict_yaml
from runtime.strict_yaml import ConfigError

EXAMPLE = Path(__file__).parents[3] / "configs" / "examples" / "server.yaml"


def load(text: str) -> ServerConfig:
    return strict_yaml.loads(text, "server.yaml", ServerConfig, env={"PW": "secret"})


def test_the_example_is_all_embedded() -> None:
    config = strict_yaml.load(EXAMPLE, ServerConfig)
    assert (config.database, config.broker) == ("embedded", "embedded")
    assert config.api.is_loopback


def test_servers_of_ones_own_are_named_and_their_secrets_not_shown() -> None:
    config = load(
        "data_dir: /x\ndatabase: {dsn: 'postgresql://u:${PW}@db/l'}\n"
        "broker: {host: b, username: u, password: '${PW}'}\napi: {host: 0.0.0.0, port: 80}\n"
    )
    assert config.database != "embedded"
    assert config.database.dsn.reveal() == "postgresql://u:secret@db/l"
    assert "secret" not in repr(config)


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "::", "plant-server"])
def test_nothing_embedded_is_reachable_from_elsewhere(host: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(f"data_dir: /x\napi: {{host: '{host}'}}\n")
    assert [problem.code for problem in caught.value.problems] == ["LS-5432"]


def test_unknown_keys_are_refused() -> None:
    with pytest.raises(ConfigError):
        load("data_dir: /x\ningest: {commit_evry_ms: 5}\n")


def test_the_token_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    token = api_token(tmp_path)
    assert len(token) > 30
    assert api_token(tmp_path) == token
    assert (tmp_path / "api.token").stat().st_mode & 0o777 == 0o600
