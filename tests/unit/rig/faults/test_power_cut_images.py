"""The files a power cut leaves: what was synced always, of the rest any part, sector by sector."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rig.faults.journal import Event, IncompleteJournal, Known, Recorder
from rig.faults.powercut import KEEPS, SECTOR, Disk, Keep

SYNC = Event(op="sync", file=1)
NAMES = Event(op="sync_names", name=".")


def create(name: str = "a", file: int = 1) -> Event:
    return Event(op="create", file=file, name=name)


def write(data: bytes, offset: int = 0, file: int = 1) -> Event:
    return Event(op="write", file=file, offset=offset, data=data)


def truncate(size: int) -> Event:
    return Event(op="truncate", file=1, offset=size)


def rename(name: str, to: str) -> Event:
    return Event(op="rename", name=name, to=to)


def after(*events: Event, **before: bytes) -> Disk:
    disk = Disk({n: Known(file=at, data=data) for at, (n, data) in enumerate(before.items(), 1)})
    for event in events:
        disk.apply(event)
    return disk


def images(disk: Disk, keep: Keep, count: int = 200) -> list[dict[str, bytes]]:
    return [disk.image(keep, Random(seed)) for seed in range(count)]


def sectors(content: bytes) -> list[bytes]:
    return [content[at : at + SECTOR] for at in range(0, len(content), SECTOR)]


@pytest.mark.parametrize("keep", KEEPS)
def test_what_was_synced_is_there_whatever_else_is(keep: Keep) -> None:
    disk = after(create(), write(b"certain"), SYNC, NAMES, write(b"!" * 9, offset=7))
    assert disk.uncertain == 1
    for image in images(disk, keep):
        assert image["a"][:7] == b"certain"


def test_nothing_and_all_of_what_is_uncertain() -> None:
    disk = after(write(b"12", offset=1), write(b"9", offset=2), a=b"abcd")
    assert disk.image("nothing", Random(0)) == {"a": b"abcd"}
    assert disk.image("all", Random(0)) == {"a": b"a19d"}


@pytest.mark.parametrize(
    ("keep", "found"),
    [
        ("nothing", {None}),
        ("all", {b"certain"}),
        ("first", {None}),  # the name is what is torn
        ("any", {None, b"certain"}),
    ],
)
def test_the_content_without_the_name_is_lost(keep: Keep, found: set[bytes | None]) -> None:
    disk = after(create(), write(b"certain"), SYNC)
    assert {image.get("a") for image in images(disk, keep)} == found


def test_any_part_is_there_in_whole_sectors() -> None:
    old, new = b"o" * 4 * SECTOR, b"n" * 4 * SECTOR
    disk = after(write(new), a=old)
    found = {tuple(one[:1] for one in sectors(image["a"])) for image in images(disk, "any", 999)}
    assert len(found) == 2**4, "each sector by itself"
    for image in images(disk, "any"):
        assert set(sectors(image["a"])) <= {b"o" * SECTOR, b"n" * SECTOR}


def test_a_write_across_a_sector_border_is_torn_there_and_nowhere_else() -> None:
    disk = after(write(b"nn", offset=SECTOR - 1), a=b"o" * 2 * SECTOR)
    found = {image["a"][SECTOR - 1 : SECTOR + 1] for image in images(disk, "any")}
    assert found == {b"oo", b"no", b"on", b"nn"}


def test_later_writes_may_arrive_without_earlier_ones() -> None:
    disk = after(write(b"1"), write(b"2", offset=SECTOR), a=b"0" * (SECTOR + 1))
    found = {image["a"][:1] + image["a"][SECTOR:] for image in images(disk, "any")}
    assert found == {b"00", b"10", b"02", b"12"}
    ordered = {image["a"][:1] + image["a"][SECTOR:] for image in images(disk, "first")}
    assert ordered == {b"00", b"10", b"12"}, "in their order, the last one torn or not"


def test_the_size_may_arrive_without_the_content() -> None:
    disk = after(write(b"n" * SECTOR, offset=SECTOR), a=b"o" * SECTOR)
    grown = [image["a"][SECTOR:] for image in images(disk, "any")]
    assert {b"", bytes(SECTOR), b"n" * SECTOR} <= set(grown)
    assert any(one not in (b"", bytes(SECTOR), b"n" * SECTOR) for one in grown), "rubbish"
    assert all(image["a"][:SECTOR] == b"o" * SECTOR for image in images(disk, "any"))


def test_a_truncation_may_be_lost_and_later_writes_still_arrive() -> None:
    disk = after(truncate(0), write(b"n"), a=b"ooo")
    assert {image["a"] for image in images(disk, "any")} >= {b"ooo", b"noo", b"", b"n"}
    assert after(truncate(5), a=b"ooo").image("all", Random(0)) == {"a": b"ooo\0\0"}
    assert after(truncate(1), SYNC, a=b"ooo").image("nothing", Random(0)) == {"a": b"o"}


def test_names_change_in_their_order() -> None:
    disk = after(create("b", 9), rename("b", "a"), Event(op="unlink", name="c"), a=b"1", c=b"2")
    found = {tuple(sorted(image)) for image in images(disk, "any")}
    assert found == {("a", "c"), ("a", "b", "c"), ("a",)}
    assert disk.image("all", Random(0)) == {"a": b""}
    disk.apply(NAMES)
    assert all(set(image) == {"a"} for image in images(disk, "nothing"))


def test_a_file_replaced_by_renaming_is_the_old_or_the_new_one_whole() -> None:
    disk = after(
        create("b", 9), write(b"new", file=9), Event(op="sync", file=9), rename("b", "a"), a=b"old"
    )
    for keep in KEEPS:
        assert {image["a"] for image in images(disk, keep)} <= {b"old", b"new"}


def test_an_inode_used_again_is_another_file() -> None:
    gone = Event(op="unlink", name="a")
    disk = after(gone, create("b", 1), write(b"new"), SYNC, a=b"old")
    assert disk.image("nothing", Random(0)) == {"a": b"old"}
    assert disk.image("all", Random(0)) == {"b": b"new"}


def test_a_sync_of_one_folder_takes_what_was_before_it_along() -> None:
    events = create("x/b", 9), create("y/c", 8), create("x/d", 7)
    disk = after(*events, Event(op="sync_names", name="y"))
    assert set(disk.image("nothing", Random(0))) == {"x/b", "y/c"}


def test_a_change_that_was_not_recorded_is_found() -> None:
    disk = after(write(b"x"), a=b"1")
    disk.check({"a": Known(file=1, data=b"x"), "a-shm": Known(file=2, data=b"?")})
    for files in ({"a": b"y"}, {}, {"a": b"x", "b": b""}):
        with pytest.raises(IncompleteJournal):
            disk.check({name: Known(file=1, data=data) for name, data in files.items()})
    with pytest.raises(IncompleteJournal, match="nobody created"):
        disk.apply(write(b"x", file=5))


EVENTS = st.lists(
    st.one_of(
        st.builds(write, st.binary(min_size=1, max_size=1500), st.integers(0, 3000)),
        st.builds(truncate, st.integers(0, 3000)),
        st.just(SYNC),
    ),
    max_size=12,
)


@given(EVENTS, st.sampled_from(KEEPS), st.integers())
def test_an_image_is_the_same_for_a_seed_and_does_not_change_the_disk(
    events: list[Event], keep: Keep, seed: int
) -> None:
    disk = after(*events, a=b"before")
    whole = disk.image("all", Random(0))
    once = disk.image(keep, Random(seed))
    assert disk.image(keep, Random(seed)) == once
    assert disk.image("all", Random(0)) == whole
    disk.apply(SYNC)
    assert disk.uncertain == 0
    assert disk.image(keep, Random(seed)) == whole


@given(st.lists(st.tuples(st.integers(0, 5), st.binary(min_size=1, max_size=1))), st.integers())
def test_the_first_steps_of_whole_sectors_are_a_state_the_file_was_in(
    written: list[tuple[int, bytes]], seed: int
) -> None:
    events = [write(byte * SECTOR, offset=place * SECTOR) for place, byte in written]
    before = bytes(6 * SECTOR)
    states = [
        after(*events[:count], a=before).image("all", Random(0))["a"]
        for count in range(len(events) + 1)
    ]
    assert after(*events, a=before).image("first", Random(seed))["a"] in states


def test_a_process_that_was_killed_before_it_wrote_recorded_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    recorder = Recorder(folder, journal=tmp_path / "journal", shim=tmp_path / "shim.so")
    assert recorder.events() == []
