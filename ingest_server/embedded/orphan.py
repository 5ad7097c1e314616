"""What the operating system knows about our data folders: who holds one, who still runs in one.

The only module of the embedded parts with calls that Windows does not have.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from runtime.errors import Reconfigure


@dataclass(frozen=True, kw_only=True, slots=True)
class User:
    """The account a server runs under; -1 is the one we have."""

    uid: int = -1
    gid: int = -1


def lock_folder(folder: Path) -> int:
    """Take the folder for this process until `unlock_folder`, or until the process ends.

    The kernel gives the lock back when we die, and children do not inherit it: so who holds it may
    treat a server still running in the folder as left over.
    """
    if sys.platform != "win32":
        import fcntl

        handle = os.open(folder / "lineside.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(handle, 32).decode("ascii", "replace").strip()
            os.close(handle)
            raise Reconfigure("LS-5202", folder=str(folder), pid=holder or "?") from None
        try:
            os.truncate(handle, 0)
            os.pwrite(handle, str(os.getpid()).encode("ascii"), 0)
        except OSError:
            os.close(handle)
            raise
        return handle
    raise Reconfigure("LS-5210")


def unlock_folder(handle: int) -> None:
    """Give a folder back."""
    os.close(handle)


def is_root() -> bool:
    """Whether we run as root, as which PostgreSQL refuses to work."""
    return sys.platform != "win32" and os.geteuid() == 0


def user_for(folder: Path) -> User:
    """Who may own `folder` and run a server in it.

    Not root: we ourselves. Root: whoever owns the folder already, else `postgres` where there is
    such an account, else `nobody`, which every system has.
    """
    if sys.platform != "win32" and is_root():
        import pwd

        owner = folder.stat().st_uid if folder.exists() else 0
        if owner != 0:
            return User(uid=owner, gid=folder.stat().st_gid)
        for name in ("postgres", "nobody"):
            try:
                entry = pwd.getpwnam(name)
            except KeyError:
                continue
            return User(uid=entry.pw_uid, gid=entry.pw_gid)
        raise Reconfigure("LS-5211")
    return User()


def give_to(user: User, folder: Path) -> None:
    """Hand an empty folder of ours to the account a server will run under."""
    if sys.platform != "win32" and user.uid >= 0:
        os.chown(folder, user.uid, user.gid)


def can_tell() -> bool:
    """Whether `processes_in` knows: only Linux tells where processes work."""
    return sys.platform == "linux" and Path("/proc/self/cwd").exists()


def processes_in(folder: Path, program: str) -> list[int]:
    """The processes of `program` that work in `folder`: a server of ours and its workers.

    By name too, so that an administrator's shell in that folder is left alone. Empty where the
    system does not tell.
    """
    proc = Path("/proc")
    if not can_tell():
        return []
    wanted = folder.resolve()
    found = []
    for entry in proc.iterdir():
        if not entry.name.isdigit():
            continue
        try:
            here = (entry / "cwd").readlink()
            name = (entry / "comm").read_text("utf-8", "replace").strip()
        except OSError:
            continue  # ended meanwhile, or another user's
        if here == wanted and name == program[:15]:  # the kernel cuts names there
            found.append(int(entry.name))
    return found
