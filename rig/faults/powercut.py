"""What a power cut leaves on a disk: pure, from the steps recorded before it and a seed.

The disk, as POSIX and SQLite's authors have it (fsync(2); sqlite.org/atomiccommit.html):
- what was written before a file's last fsync is there; names likewise by an fsync of their folder;
- of everything later any part may be there, a sector of 512 bytes whole or not at all, in any
  order; what a file has grown by without its content holds zeros or rubbish;
- changes of names are kept in their order, as journalling file systems do: the first n of them.

`Keep` narrows that down: `nothing` later, `all` of it, the `first` steps of it in their order (the
next one torn), or `any` of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from random import Random
from typing import Final, Literal, TypeAlias, get_args

from rig.faults.journal import Event, IncompleteJournal, Known

Keep: TypeAlias = Literal["nothing", "all", "first", "any"]
KEEPS: Final[tuple[Keep, ...]] = get_args(Keep)
SECTOR: Final = 512


@dataclass(kw_only=True, slots=True)
class _File:
    """A file's certain content, and what is under way to it."""

    certain: bytearray = field(default_factory=bytearray)
    later: list[_Step] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Step:
    """A change that is not certain yet, and its place among all events; `file`: what it creates."""

    at: int
    event: Event
    file: _File | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class _Chance:
    """How much of what is uncertain is there, and what stands where nothing was written."""

    random: Random
    share: float
    rubbish: bool

    def hit(self) -> bool:
        return self.random.random() < self.share

    def filling(self, size: int) -> bytes:
        return self.random.randbytes(size) if self.rubbish else bytes(size)


class Disk:
    """A folder on a disk, event by event, and what a power cut now would leave of it.

    `witness` is a file that stands for what the world outside has been told: nothing of it is lost.
    """

    def __init__(self, before: Mapping[str, Known], *, witness: str = "") -> None:
        self._witness = witness
        self._files = {one.file: _File(certain=bytearray(one.data)) for one in before.values()}
        self._certain_names = {name: self._files[one.file] for name, one in before.items()}
        self._later_names: list[_Step] = []
        self._names = dict(self._certain_names)
        self._events = 0

    @property
    def uncertain(self) -> int:
        """How many changes may be lost now."""
        return len(self._uncertain())

    def apply(self, event: Event) -> None:
        """Go one step further. Raises IncompleteJournal for a file the journal does not know."""
        step = _Step(at=self._events, event=event)
        self._events += 1
        match event.op:
            case "write" | "truncate":
                self._file(event).later.append(step)
            case "sync":
                file = self._file(event)
                for one in file.later:
                    _change(file.certain, one.event)
                file.later.clear()
            case "create":
                # An inode's number is used again once its file is gone: here it is a new file.
                file = self._files[event.file] = _File()
                self._change_name(_Step(at=step.at, event=event, file=file))
            case "unlink" | "rename":
                self._change_name(step)
            case "sync_names":
                self._sync_names(event.name)

    def image(self, keep: Keep, random: Random) -> dict[str, bytes]:
        """The files of the folder after a power cut now."""
        found = self._image(keep, random)
        if self._witness in self._names:
            found[self._witness] = _whole(self._names[self._witness])
        return found

    def _image(self, keep: Keep, random: Random) -> dict[str, bytes]:
        chance = _Chance(random=random, share=random.random(), rubbish=random.random() < 0.5)
        if keep == "any":
            names = self._names_after(random.randint(0, len(self._later_names)))
            return {name: _torn(file, chance) for name, file in names.items()}
        uncertain = self._uncertain()
        end = self._events if keep == "all" else -1
        if keep == "first" and uncertain:
            end = random.choice(uncertain)
        names = self._names_after(sum(step.at < end for step in self._later_names))
        return {name: _torn(file, chance, end) for name, file in names.items()}

    def check(self, files: Mapping[str, Known], *, ignore: Iterable[str] = ("-shm",)) -> None:
        """Compare with the files as they are. Raises IncompleteJournal where they differ.

        Names that end as `ignore` says are left out: SQLite's `-shm` is shared memory, changed by
        no call, and made anew after a crash.
        """
        endings = tuple(ignore)
        said = {name: _whole(file) for name, file in self._names.items()}
        names = {name for name in said.keys() | files.keys() if not name.endswith(endings)}
        wrong = [n for n in sorted(names) if n not in files or said.get(n) != files[n].data]
        if wrong:
            raise IncompleteJournal(f"not as recorded: {', '.join(wrong)}")

    # -- inside ----------------------------------------------------------------------------------

    def _uncertain(self) -> list[int]:
        """The places of all changes that may be lost now, in order."""
        reachable = [*self._certain_names.values(), *self._names.values()]
        reachable += [step.file for step in self._later_names if step.file is not None]
        files = {id(file): file for file in reachable}.values()
        return sorted(
            [step.at for file in files for step in file.later]
            + [step.at for step in self._later_names]
        )

    def _file(self, event: Event) -> _File:
        file = self._files.get(event.file)
        if file is None:
            raise IncompleteJournal(f"a {event.op} to a file nobody created: inode {event.file}")
        return file

    def _change_name(self, step: _Step) -> None:
        self._later_names.append(step)
        _change_names(self._names, step)

    def _sync_names(self, folder: str) -> None:
        """All changes up to the last one in that folder: a journal is written from its start."""
        places = [
            place
            for place, step in enumerate(self._later_names, 1)
            if PurePosixPath(folder) in (_folder(step.event.name), _folder(step.event.to))
        ]
        done = max(places, default=0)
        for step in self._later_names[:done]:
            _change_names(self._certain_names, step)
        del self._later_names[:done]

    def _names_after(self, count: int) -> dict[str, _File]:
        names = dict(self._certain_names)
        for step in self._later_names[:count]:
            _change_names(names, step)
        return dict(sorted(names.items()))


def install(image: Mapping[str, bytes], folder: Path) -> None:
    """Write the files of an image into a folder, as they are found when the power is back."""
    for name, data in image.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def _folder(name: str) -> PurePosixPath:
    return PurePosixPath(name).parent


def _change_names(names: dict[str, _File], step: _Step) -> None:
    event = step.event
    if event.op == "create" and step.file is not None:
        names[event.name] = step.file
    elif event.op == "unlink":
        names.pop(event.name, None)
    elif event.op == "rename" and event.name in names:
        names[event.to] = names.pop(event.name)


def _change(content: bytearray, event: Event) -> None:
    """Carry out a write or a truncation, whole."""
    if event.op == "truncate":
        del content[event.offset :]
        content += bytes(event.offset - len(content))
        return
    content += bytes(max(0, event.offset - len(content)))
    content[event.offset : event.offset + len(event.data)] = event.data


def _whole(file: _File) -> bytes:
    """A file's content with every change so far."""
    content = bytearray(file.certain)
    for step in file.later:
        _change(content, step.event)
    return bytes(content)


def _torn(file: _File, chance: _Chance, end: int | None = None) -> bytes:
    """A file's content with every change before event `end`, and by chance of that one.

    Without `end`: by chance of all of them.
    """
    content = bytearray(file.certain)
    for step in file.later:
        if end is not None and step.at < end:
            _change(content, step.event)
        elif end is None or step.at == end:
            _change_by_chance(content, step.event, chance)
    return bytes(content)


def _change_by_chance(content: bytearray, event: Event, chance: _Chance) -> None:
    if event.op == "truncate":
        if chance.hit():
            _change(content, event)
        return
    grown = event.offset + len(event.data) - len(content)
    if grown > 0 and chance.hit():  # the size has arrived, whatever of the content has
        content += chance.filling(grown)
    for offset, data in _sectors(event):
        if chance.hit():
            content += chance.filling(max(0, offset - len(content)))
            content[offset : offset + len(data)] = data


def _sectors(event: Event) -> Iterator[tuple[int, bytes]]:
    """What a write brings to each sector."""
    at = 0
    while at < len(event.data):
        offset = event.offset + at
        size = SECTOR - offset % SECTOR
        yield offset, event.data[at : at + size]
        at += size
