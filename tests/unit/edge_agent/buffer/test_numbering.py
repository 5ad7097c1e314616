"""Numbers are given once, without holes, and a definition keeps its number."""

from __future__ import annotations

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from edge_agent.buffer.numbering import Definition, TagNumbers, seqs, tables
from wire.frame import Body, Kind, StreamClass, frame, read_prefix, unpack_body
from wire.records import TagDef, TagTable, decode_record

KEY, BULK = StreamClass.KEY, StreamClass.BULK


@given(st.lists(st.sampled_from([KEY, BULK])), st.integers(0, 99), st.integers(0, 99))
def test_each_class_counts_on_by_itself(classes: list[StreamClass], key: int, bulk: int) -> None:
    given_ = seqs({KEY: key, BULK: bulk}, classes)
    for cls, last in ((KEY, key), (BULK, bulk)):
        own = [seq for seq, one in zip(given_, classes, strict=True) if one is cls]
        assert own == list(range(last + 1, last + 1 + len(own)))


def test_a_definition_keeps_its_number_and_a_changed_one_gets_a_new_one() -> None:
    numbers = TagNumbers()
    tag = Definition(path="a", cls=KEY, dtype="u16")
    other = Definition(path="b", cls=BULK, dtype="u16")
    changed = Definition(path="a", cls=KEY, dtype="f32", scale=(0.1, 0.0))
    new = numbers.define([tag, other])
    assert [(one.n, one.path) for one in new[KEY] + new[BULK]] == [(1, "a"), (2, "b")]
    assert numbers.define([tag]) == {}
    [again] = numbers.define([other, changed])[KEY]
    assert (again.n, again.scale) == (3, (0.1, 0.0))
    assert numbers.number(tag) == 1


def test_tables_hold_every_tag_within_the_limits_of_a_record() -> None:
    wide = [
        Definition(path=f"{n:05d}/" + chr(0x4E00 + n) * 180, cls=KEY, dtype="u16",
                   address=chr(0x5E00 + n) * 300)
        for n in range(2_500)
    ]  # fmt: skip
    new = TagNumbers().define(wide)
    found = [tag.path for body in tables(new[KEY]) for tag in _tags(body)]
    assert found == [one.path for one in wide]


def _tags(body: Body) -> list[TagDef]:
    record = frame(epoch=UUID(int=1), cls=KEY, seq=2, body=body)
    prefix = read_prefix(record)
    assert prefix.kind is Kind.TAGS
    table = decode_record(prefix.kind, unpack_body(record, prefix))
    assert isinstance(table, TagTable)
    return list(table.tags)
