"""Today's code and messages of other releases: bytes of contract v1 that never change again.

`frozen/v1` holds a message of each kind as the first release wrote them, `frozen/v1.json` what they
say. A server of this release meets edges that write so, and the reverse; so today's code must read
them, and must still write all that stands in them. A later release adds files and changes none.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, Final

import numpy as np
import orjson
import pytest

from tests.unit.wire.frozen_reading import CONTROL, read
from wire.columns import decode_columns, encode_columns, family_code
from wire.frame import Body, Kind, frame, pack_body, read_prefix, unpack_body
from wire.records import TagTable, decode_record, encode_record

FOLDER: Final = Path(__file__).parent / "frozen"
FILES: Final = sorted((FOLDER / "v1").iterdir())
SAID: Final[dict[str, Any]] = json.loads((FOLDER / "v1.json").read_text("utf-8"))
SHA256: Final = "c775aed2716b030ea6d371814c1b172ef0dd5c91c6f1d06b501009d1bc5f53e5"
NAMES: Final = [file.name for file in FILES]


def _within(known: Any, found: Any) -> bool:
    """Whether `found` says all that `known` does; objects may say more."""
    if isinstance(known, dict):
        return isinstance(found, dict) and all(
            name in found and _within(value, found[name]) for name, value in known.items()
        )
    if isinstance(known, list):
        return (
            isinstance(found, list)
            and len(known) == len(found)
            and all(_within(*pair) for pair in zip(known, found, strict=True))
        )
    return bool(known == found)


def test_none_of_them_was_changed() -> None:
    digest = hashlib.sha256()
    for file in FILES:
        digest.update(file.name.encode() + b"\0" + file.read_bytes())
    assert digest.hexdigest() == SHA256
    assert sorted(SAID) == NAMES


def test_there_is_one_of_each_kind() -> None:
    records = {read_prefix(file.read_bytes()).kind for file in FILES if file.suffix == ".record"}
    assert records == set(Kind)
    assert {name.partition("-")[0].removesuffix(".json") for name in NAMES} >= set(CONTROL)


@pytest.mark.parametrize("file", FILES, ids=NAMES)
def test_todays_code_reads_what_it_says(file: Path) -> None:
    assert _within(SAID[file.name], read(file))


@pytest.mark.parametrize("file", FILES, ids=NAMES)
def test_todays_code_still_writes_all_that_stands_in_it(file: Path) -> None:
    data = file.read_bytes()
    if file.suffix == ".json":
        again = CONTROL[file.stem.partition("-")[0]].decode(data).encode()
        assert _within(orjson.loads(data), orjson.loads(again))
        return
    prefix = read_prefix(data)
    plain = unpack_body(data, prefix)
    body = _again(prefix.kind, plain)
    record = frame(epoch=prefix.epoch, cls=prefix.cls, seq=prefix.seq, body=body)
    written = read_prefix(record)
    assert record[:7] == data[:7], "magic, version, class and kind stand where they stood"
    assert record[8:32] == data[8:32], "so do epoch and seq"
    assert _within(orjson.loads(plain), orjson.loads(unpack_body(record, written)))


@pytest.mark.parametrize("file", FILES, ids=NAMES)
def test_what_a_later_release_adds_is_ignored(file: Path, tmp_path: Path) -> None:
    data, later = file.read_bytes(), tmp_path / file.name
    if file.suffix == ".json":
        later.write_bytes(orjson.dumps({**orjson.loads(data), "from_the_future": [1, {"a": 2}]}))
    else:
        prefix = read_prefix(data)
        told = {**orjson.loads(unpack_body(data, prefix)), "from_the_future": [1, {"a": 2}]}
        body = pack_body(prefix.kind, orjson.dumps(told))
        later.write_bytes(frame(epoch=prefix.epoch, cls=prefix.cls, seq=prefix.seq, body=body))
    assert _within(SAID[file.name], read(later))


def _again(kind: Kind, plain: bytes) -> Body:
    if kind is not Kind.SAMPLES:
        return encode_record(decode_record(kind, plain))
    samples, complete_to_us = decode_columns(plain)
    return pack_body(kind, encode_columns(samples, _families(), complete_to_us=complete_to_us))


def _families() -> np.ndarray[Any, np.dtype[np.int8]]:
    data = (FOLDER / "v1" / "tags.record").read_bytes()
    prefix = read_prefix(data)
    table = decode_record(prefix.kind, unpack_body(data, prefix))
    assert isinstance(table, TagTable)
    families = np.zeros(len(table.tags) + 1, np.int8)
    for tag in table.tags:
        families[tag.n] = family_code(tag.dtype.family)
    return families
