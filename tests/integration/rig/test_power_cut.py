"""A power cut at any moment leaves every record that was promised, byte for byte, and no half."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from random import Random

import orjson
import pytest

from rig.faults import journal
from rig.faults.journal import Event, IncompleteJournal, Known, Recorder, known
from rig.faults.powercut import KEEPS, Disk, Keep, install
from rig.faults.preload import build, lacking
from tests.integration.rig.promises import broken, held, told

ROOT = Path(__file__).parents[3]
WRITER = Path(__file__).with_name("buffer_writer.py")

pytestmark = pytest.mark.skipif(bool(lacking()), reason=lacking())


@pytest.fixture(scope="session")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("powercut", tmp_path_factory.mktemp("a shim"))


Record = Callable[..., Recorder]


@pytest.fixture
def record(shim: Path, tmp_path: Path) -> Record:
    """Run a Python program in a folder, recorded to its end."""

    def run(folder: Path, *command: str) -> Recorder:
        folder.mkdir(exist_ok=True)
        elsewhere = tmp_path / f"{folder.name}.journal"
        recorder = Recorder(folder, journal=elsewhere, shim=shim)
        environment = {**os.environ, "PYTHONPATH": str(ROOT), **recorder.environment()}
        subprocess.run([sys.executable, *command], cwd=folder, env=environment, check=True)
        return recorder

    return run


def cuts(events: list[Event], count: int, random: Random) -> set[int]:
    """Places to cut at: by chance, and around each step that is not a plain write."""
    rare = [at for at, event in enumerate(events) if event.op not in ("write", "sync")]
    rare = random.sample(rare, min(len(rare), count // 3))
    return {*rare, *random.sample(range(len(events)), min(len(events), count - len(rare)))}


def disks(
    before: Mapping[str, Known], events: list[Event], at: set[int], *, witness: str = "witness"
) -> Iterator[Disk]:
    """The disk as it was right behind each of these events."""
    disk = Disk(before, witness=witness)
    for place, event in enumerate(events):
        disk.apply(event)
        if place in at:
            yield disk


# -- the recording -------------------------------------------------------------------------------

PROGRAM = """
import os
with open("a", "wb") as file:
    file.write(b"1" * 70000); file.flush(); os.fsync(file.fileno())
descriptor = os.open("b", os.O_RDWR | os.O_CREAT)
os.write(descriptor, b"abc"); os.pwrite(descriptor, b"Z", 5); os.ftruncate(descriptor, 4)
os.write(descriptor, b"D"); os.fdatasync(descriptor); os.close(descriptor)
descriptor = os.open("b", os.O_WRONLY | os.O_APPEND)
os.write(descriptor, b"end"); os.close(descriptor)
os.rename("a", "c"); open("d", "w").close(); os.unlink(os.path.abspath("d"))
here = os.open(".", os.O_RDONLY); os.fsync(here)
os.rename("c", "a", src_dir_fd=here, dst_dir_fd=here)
open("a", "r+b").write(b"x"); open("../outside", "w").write("not ours")
print("not ours either", flush=True)
with open("b", "wb"): pass
"""


def test_every_step_of_a_program_is_recorded_in_order(record: Record, tmp_path: Path) -> None:
    recorder = record(tmp_path / "files", "-W", "ignore", "-c", PROGRAM)
    events = recorder.events()
    steps = [(e.op, e.name, e.to, e.offset, len(e.data)) for e in events]
    assert steps == [
        ("create", "a", "", 0, 0),
        ("write", "", "", 0, 70000),
        ("sync", "", "", 0, 0),
        ("create", "b", "", 0, 0),
        ("write", "", "", 0, 3),
        ("write", "", "", 5, 1),
        ("truncate", "", "", 4, 0),
        ("write", "", "", 3, 1),
        ("sync", "", "", 0, 0),
        ("write", "", "", 4, 3),
        ("rename", "a", "c", 0, 0),
        ("create", "d", "", 0, 0),
        ("unlink", "d", "", 0, 0),
        ("sync_names", ".", "", 0, 0),
        ("rename", "c", "a", 0, 0),
        ("write", "", "", 0, 1),
        ("truncate", "", "", 0, 0),
    ]
    disk = Disk(recorder.before)
    for event in events:
        disk.apply(event)
    disk.check(known(recorder.folder))
    assert disk.image("nothing", Random(0)) == {"b": b"abcD", "c": b"1" * 70000}
    assert disk.image("all", Random(0)) == {"a": b"x" + b"1" * 69999, "b": b""}


def test_a_change_by_a_way_that_is_not_recorded_is_found(record: Record, tmp_path: Path) -> None:
    program = (
        "import mmap; f = open('a', 'w+b'); f.write(b'12'); f.flush();"
        "m = mmap.mmap(f.fileno(), 2); m[0] = 57; m.flush(); m.close(); f.close()"
    )
    recorder = record(tmp_path / "files", "-c", program)
    disk = Disk(recorder.before)
    for event in recorder.events():
        disk.apply(event)
    with pytest.raises(IncompleteJournal, match="a"):
        disk.check(known(recorder.folder))


def test_a_journal_that_was_cut_off_ends_with_its_last_whole_step(
    record: Record, tmp_path: Path
) -> None:
    recorder = record(tmp_path / "files", "-c", "open('a', 'w').write('1234')")
    raw = (tmp_path / "files.journal").read_bytes()
    whole = recorder.events()
    assert [event.op for event in whole] == ["create", "write"]
    for length in range(len(raw)):
        assert journal.parse(raw[:length], folder=recorder.folder) in ([], whole[:1])
    with pytest.raises(ValueError, match="no event at byte 0"):
        journal.parse(b"?" * 100, folder=recorder.folder)


# -- the buffer ----------------------------------------------------------------------------------


async def judge(image: Mapping[str, bytes], folder: Path) -> list[str]:
    """What a buffer found after a power cut does not keep of what was promised before it."""
    install(image, folder)
    return broken(told(image.get("witness", b"")), await held(folder / "buffer.db"))


@pytest.mark.parametrize("seed", [1, 2])
async def test_the_buffer_keeps_its_promises_through_any_power_cut(
    seed: int, record: Record, tmp_path: Path
) -> None:
    recorder = record(
        tmp_path / "files", str(WRITER), str(tmp_path / "files"), str(seed), "4", "40"
    )
    events = recorder.events()
    last = Disk(recorder.before)
    for event in events:
        last.apply(event)
    last.check(known(recorder.folder))
    random = Random(seed)
    uncertain = promised = 0
    for number, disk in enumerate(disks(recorder.before, events, cuts(events, 60, random))):
        keep = KEEPS[number % len(KEEPS)]
        image = disk.image(keep, random)
        assert await judge(image, tmp_path / f"cut-{number}") == [], (number, keep)
        uncertain += disk.uncertain > 0
        promised = max(promised, len(told(image.get("witness", b"")).kept))
    assert uncertain > 30, "most cuts have something to lose"
    assert promised > 200


NEWEST = "id = (select max(id) from record where kind = 1)"
SPOILT = {
    "the newest record gone": (f"delete from record where {NEWEST}", "is lost or changed"),
    "bytes changed": (
        f"update record set body = zeroblob(99) where {NEWEST}",
        "is lost or changed",
    ),
    "acknowledged by nobody": ("update stream set acked = last_seq", "which nobody said"),
    "an epoch forgotten": (
        "delete from record; delete from ack_mark; delete from stream; delete from epoch",
        "is gone",
    ),
}


@pytest.mark.parametrize("how", SPOILT)
async def test_a_buffer_that_lost_something_is_found_out(
    how: str, record: Record, tmp_path: Path
) -> None:
    folder = tmp_path / "files"
    record(folder, str(WRITER), str(folder), "5", "1", "20")
    witness = (folder / "witness").read_bytes()
    statements, words = SPOILT[how]
    with closing(sqlite3.connect(folder / "buffer.db", isolation_level=None)) as db:
        db.executescript(statements)
    wrong = broken(told(witness), await held(folder / "buffer.db"))
    assert any(words in one for one in wrong), wrong


async def test_half_an_append_is_found_out(record: Record, tmp_path: Path) -> None:
    folder = tmp_path / "files"
    record(folder, str(WRITER), str(folder), "5", "1", "20")
    lines = (folder / "witness").read_bytes().splitlines(keepends=True)
    last = max(
        at for at, line in enumerate(lines) if line.count(b'"key"') + line.count(b'"bulk"') > 1
    )
    under_way = told(b"".join(lines[: last + 1]))
    found = await held(folder / "buffer.db")
    del found.records[next(iter(under_way.open[0]))]
    assert any("half an append" in one for one in broken(under_way, found))


async def test_a_buffer_survives_power_cuts_one_after_another(
    record: Record, tmp_path: Path
) -> None:
    random = Random(3)
    image: dict[str, bytes] = {}
    for run in range(6):
        folder = tmp_path / f"run-{run}"
        folder.mkdir()
        install(image, folder)
        recorder = record(folder, str(WRITER), str(folder), str(run), "2", "15")
        events = recorder.events()
        # Early on the recovery from the cut before is under way.
        at = random.choice([random.randrange(60), random.randrange(len(events))])
        (disk,) = disks(recorder.before, events, {at})
        keep: Keep = random.choice(KEEPS)
        image = disk.image(keep, random)
        assert await judge(image, tmp_path / f"cut-{run}") == [], (run, at, keep)
        image["witness"] = image.get("witness", b"") + orjson.dumps({"cut": True}) + b"\n"
    assert len(told(image["witness"]).opened) >= 3


# -- a buffer that does not keep its promises ----------------------------------------------------

CARELESS = """
import hashlib, json, os, sqlite3, sys
synchronous, journal_mode = sys.argv[1:]
witness = os.open("witness", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
db = sqlite3.connect("rows.db", isolation_level=None)
db.execute(f"pragma journal_mode = {journal_mode}")
db.execute(f"pragma synchronous = {synchronous}")
db.execute("pragma wal_autocheckpoint = 20")
db.execute("create table row (id integer primary key, body blob)")
for id in range(1, 121):
    body = hashlib.sha256(str(id).encode()).digest() * (1 + id % 7 * 40)
    db.execute("insert into row values (?, ?)", (id, body))
    os.write(witness, f"{id}\\n".encode())
db.close()
"""


def lost_rows(record: Record, tmp_path: Path, *pragmas: str) -> tuple[int, int]:
    """How many of 150 power cuts lose a row that was promised, or damage the file."""
    recorder = record(tmp_path / "files", "-c", CARELESS, *pragmas)
    events = recorder.events()
    random = Random(1)
    lost = damaged = 0
    for number, disk in enumerate(disks(recorder.before, events, cuts(events, 150, random))):
        image = disk.image(KEEPS[number % len(KEEPS)], random)
        folder = tmp_path / f"cut-{number}"
        install(image, folder)
        promised = len(image.get("witness", b"").splitlines())
        with closing(sqlite3.connect(folder / "rows.db")) as db:
            try:
                sound = db.execute("pragma integrity_check").fetchone()[0] == "ok"
                made = db.execute("select count(*) from sqlite_schema").fetchone()[0]
                there = db.execute("select count(*) from row").fetchone()[0] if made else 0
            except sqlite3.DatabaseError:
                sound, there = False, 0
        damaged += not sound
        lost += there < promised
    return lost, damaged


@pytest.mark.parametrize(("synchronous", "journal_mode"), [("full", "wal"), ("extra", "delete")])
def test_sqlite_that_synchronises_enough_loses_nothing(
    synchronous: str, journal_mode: str, record: Record, tmp_path: Path
) -> None:
    assert lost_rows(record, tmp_path, synchronous, journal_mode) == (0, 0)


def test_a_commit_by_removing_a_name_is_lost_with_the_folder_not_synchronised(
    record: Record, tmp_path: Path
) -> None:
    # As SQLite's documentation of `pragma synchronous` says of FULL without a WAL.
    lost, damaged = lost_rows(record, tmp_path, "full", "delete")
    assert lost > 20
    assert damaged == 0


def test_a_wal_that_is_not_synchronised_at_commit_is_caught_losing_rows(
    record: Record, tmp_path: Path
) -> None:
    lost, damaged = lost_rows(record, tmp_path, "normal", "wal")
    assert lost > 20
    assert damaged == 0, "it loses the newest rows, and nothing else"


def test_no_synchronisation_at_all_is_caught_damaging_the_file(
    record: Record, tmp_path: Path
) -> None:
    lost, damaged = lost_rows(record, tmp_path, "off", "wal")
    assert lost > 20
    assert damaged > 5
