"""A database that goes away while a run looks into it is told in words."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from rig.server_view import ServerView, in_words
from runtime.errors import RetryLater


def test_a_database_that_has_gone_is_no_defect_of_ours(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    dsn = f"postgresql://somebody@127.0.0.1:{port}/lineside"
    with pytest.raises(RetryLater) as raised, in_words(tmp_path), ServerView(dsn) as view:
        view.rows()
    assert raised.value.code == "LS-8106"
    assert raised.value.params["folder"] == str(tmp_path)
