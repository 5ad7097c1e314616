"""The committed generator: its mixture, that everything changes, and that it repeats itself."""

from __future__ import annotations

from uuid import UUID

import numpy as np
import pytest

from benchmarks.generator import BIT, COUNTER, FLOAT, SCALED, Generator
from benchmarks.modbus_machine import images
from benchmarks.sizes import bare_bytes, generator_of, record_of
from wire.columns import decode_columns
from wire.frame import StreamClass, frame, read_prefix, unpack_body

_EPOCH = UUID(int=1)


def generator(tags: int = 200) -> Generator:
    return Generator(tags, start_us=1_000_000, every_us=500)


def test_the_mixture_is_forty_thirty_twenty_ten() -> None:
    counts = np.bincount(generator(1_000).kinds)
    assert (counts[FLOAT], counts[SCALED], counts[COUNTER], counts[BIT]) == (400, 300, 200, 100)


def test_every_value_changes_with_every_poll_and_a_poll_has_one_stamp() -> None:
    samples = generator().polls(5)
    f, i = samples.f.reshape(5, 200), samples.i.reshape(5, 200)
    assert ((f[1:] != f[:-1]) | (i[1:] != i[:-1])).all()
    stamps = samples.ts.reshape(5, 200)
    assert (stamps == stamps[:, :1]).all()
    assert stamps[:, 0].tolist() == [1_000_000, 1_000_500, 1_001_000, 1_001_500, 1_002_000]


def test_polls_go_on_where_they_stopped() -> None:
    one, other = generator(), generator()
    whole = one.polls(4)
    first, second = other.polls(1), other.polls(3)
    assert np.array_equal(whole.f, np.concatenate([first.f, second.f]))
    assert np.array_equal(whole.ts, np.concatenate([first.ts, second.ts]))


def test_what_is_encoded_comes_back() -> None:
    made, polls = generator_of(1_000)
    again, _ = generator_of(1_000)
    entry = record_of(made, polls)
    record = frame(epoch=_EPOCH, cls=StreamClass.BULK, seq=1, body=entry.body)
    samples, _ = decode_columns(unpack_body(record, read_prefix(record)))
    expected = again.polls(polls)
    assert len(samples) == entry.samples == 1_000
    assert np.allclose(np.sort(samples.f), np.sort(expected.f), rtol=0, atol=0)
    assert np.array_equal(np.sort(samples.i), np.sort(expected.i))


@pytest.mark.parametrize("batch", [10, 100, 1_000, 5_000])
def test_the_bare_values_take_less_than_the_record(batch: int) -> None:
    made, polls = generator_of(batch)
    again, _ = generator_of(batch)
    assert 0 < bare_bytes(again.kinds, again.polls(polls)) < len(record_of(made, polls).body.packed)


def test_every_register_of_the_machine_changes_with_every_poll_round_and_round() -> None:
    found = np.array([np.frombuffer(image, ">u2") for image in images(500)])
    assert (found != np.roll(found, 1, axis=0)).mean() > 0.999
