"""Records keep their bytes; damage and bombs are told apart and bounded."""

from __future__ import annotations

from uuid import UUID

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from wire.errors import (
    BadBody,
    DamagedBody,
    LimitExceeded,
    UnknownVersion,
    UnreadablePrefix,
    WireError,
)
from wire.frame import (
    MAX_PACKED,
    MAX_UNPACKED,
    PREFIX_SIZE,
    Body,
    Kind,
    StreamClass,
    frame,
    pack_body,
    read_prefix,
    unpack_body,
)

EPOCH = UUID("0197a000-0000-7000-8000-000000000001")


def record(plain: bytes = b'{"a":1}', *, kind: Kind = Kind.SAMPLES, seq: int = 3) -> bytes:
    return frame(epoch=EPOCH, cls=StreamClass.KEY, seq=seq, body=pack_body(kind, plain))


@given(
    st.binary(max_size=2000),
    st.sampled_from(Kind),
    st.sampled_from(StreamClass),
    st.integers(1, 2**63 - 1),
    st.uuids(),
)
def test_a_record_says_what_was_put_into_it(
    plain: bytes, kind: Kind, cls: StreamClass, seq: int, epoch: UUID
) -> None:
    bytes_ = frame(epoch=epoch, cls=cls, seq=seq, body=pack_body(kind, plain))
    prefix = read_prefix(bytes_)
    assert (prefix.epoch, prefix.cls, prefix.seq, prefix.kind) == (epoch, cls, seq, kind)
    assert unpack_body(bytes_, prefix) == plain


@given(st.integers(0, 10**6), st.integers(1, 255))
def test_no_flipped_byte_goes_unnoticed(position: int, flip: int) -> None:
    good = record(b'{"v":' + b"1" * 300 + b"}")
    at = position % len(good)
    bad = good[:at] + bytes([good[at] ^ flip]) + good[at + 1 :]
    with pytest.raises(WireError) as caught:
        unpack_body(bad, read_prefix(bad))
    if at >= PREFIX_SIZE:
        assert isinstance(caught.value, DamagedBody)
    elif at == 4:
        assert isinstance(caught.value, UnknownVersion)
    else:
        assert isinstance(caught.value, UnreadablePrefix)


@given(st.binary(max_size=200))
def test_foreign_bytes_are_an_unreadable_prefix(noise: bytes) -> None:
    with pytest.raises(UnreadablePrefix):
        read_prefix(noise)


def test_a_truncated_record_is_damaged_not_bad() -> None:
    cut = record()[:-1]
    with pytest.raises(DamagedBody):
        unpack_body(cut, read_prefix(cut))


def test_a_zip_bomb_is_refused_before_it_is_unpacked() -> None:
    bomb = zstandard.ZstdCompressor(level=19).compress(b"0" * (64 * 1024 * 1024))
    for promised in (len(bomb), MAX_UNPACKED, 64 * 1024 * 1024):
        body = Body(kind=Kind.SAMPLES, packing=1, unpacked_size=promised, packed=bomb)
        bytes_ = frame(epoch=EPOCH, cls=StreamClass.BULK, seq=1, body=body)
        with pytest.raises(BadBody):
            unpack_body(bytes_, read_prefix(bytes_))


def test_a_zstd_frame_that_announces_nothing_is_refused() -> None:
    packer = zstandard.ZstdCompressor(write_content_size=False)
    packed = packer.compress(b"0" * 1000)
    body = Body(kind=Kind.SAMPLES, packing=1, unpacked_size=1000, packed=packed)
    bytes_ = frame(epoch=EPOCH, cls=StreamClass.BULK, seq=1, body=body)
    with pytest.raises(BadBody):
        unpack_body(bytes_, read_prefix(bytes_))


def test_a_body_that_would_not_fit_is_not_packed() -> None:
    import random

    noise = random.Random(1).randbytes(MAX_PACKED)
    with pytest.raises(LimitExceeded):
        pack_body(Kind.SAMPLES, noise)
    with pytest.raises(LimitExceeded):
        pack_body(Kind.SAMPLES, b"0" * (MAX_UNPACKED + 1))


def test_the_bytes_of_version_one_are_frozen() -> None:
    assert record().hex() == (
        "4c53445201010100"  # magic, version, class key, kind samples, plain
        "0197a000000070008000000000000001"  # epoch
        "0300000000000000"  # seq
        "07000000afac1b56c5315d62"  # unpacked size, checksums
        "7b2261223a317d"
    )
