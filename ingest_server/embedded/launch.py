"""Become a server that ends with the program that started it and never runs as root.

Run as a file of its own (`python -I -S launch.py PARENT SIGNAL UID GID PROGRAM ARGS...`) with the
standard library only: the work is done in the child, after the fork and before the exec, where a
program with threads must not run Python. On Linux the kernel sends SIGNAL when the parent ends,
however it ends (prctl(2), PR_SET_PDEATHSIG); elsewhere the next start finds the left-over server.

UID -1 keeps the user. Otherwise root gives its rights up for that user's, all but reading: the
program or its data may lie below a folder only root may enter (/root, a temporary folder of 0700),
and opening such folders to everybody would be worse (capabilities(7), ambient set).
"""

from __future__ import annotations

import ctypes
import os
import sys

_PR_SET_PDEATHSIG = 1
_PR_SET_KEEPCAPS = 8
_PR_SET_SECUREBITS = 28
_SECBIT_NO_SETUID_FIXUP = 4
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_RAISE = 2
_CAPABILITY_VERSION_3 = 0x20080522
_CAP_DAC_OVERRIDE = 1
_CAP_DAC_READ_SEARCH = 2


class _CapHeader(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _CapData(ctypes.Structure):
    _fields_ = (
        ("effective", ctypes.c_uint32),
        ("permitted", ctypes.c_uint32),
        ("inheritable", ctypes.c_uint32),
    )


def _keep_only_reading(libc: ctypes.CDLL) -> None:
    """Reduce the capabilities kept over setuid to one that enters folders; none if none is left.

    Containers usually withhold CAP_DAC_READ_SEARCH and grant CAP_DAC_OVERRIDE.
    """
    header = _CapHeader(_CAPABILITY_VERSION_3, 0)
    data = (_CapData * 2)()
    libc.capget(ctypes.byref(header), data)
    kept = next(
        (
            cap
            for cap in (_CAP_DAC_READ_SEARCH, _CAP_DAC_OVERRIDE)
            if data[0].permitted & (1 << cap)
        ),
        None,
    )
    mask = 0 if kept is None else 1 << kept
    header = _CapHeader(_CAPABILITY_VERSION_3, 0)
    libc.capset(ctypes.byref(header), (_CapData * 2)(_CapData(mask, mask, mask), _CapData()))
    if kept is not None:
        libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, kept, 0, 0)


def main(argv: list[str]) -> int:
    """Replace this process by the program; returns only where that is impossible (exit code)."""
    parent, signal_number, uid, gid = (int(word) for word in argv[:4])
    command = argv[4:]
    os.umask(0o077)
    libc = ctypes.CDLL(None, use_errno=True)
    if sys.platform != "win32" and uid >= 0:
        if sys.platform == "linux":
            libc.prctl(_PR_SET_KEEPCAPS, 1, 0, 0, 0)
            # PostgreSQL looks for its own programs with access(2), which for a user other than
            # root ignores capabilities unless this is set (capabilities(7), securebits).
            libc.prctl(_PR_SET_SECUREBITS, _SECBIT_NO_SETUID_FIXUP, 0, 0, 0)
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
        if sys.platform == "linux":
            _keep_only_reading(libc)
    if sys.platform == "linux" and signal_number:
        # After setuid, which clears it. A parent that ended before this line is caught below.
        libc.prctl(_PR_SET_PDEATHSIG, signal_number, 0, 0, 0)
        if os.getppid() != parent:
            return 3
    try:
        os.execv(command[0], command)  # noqa: S606 - a program of ours, no shell
    except OSError as error:
        sys.stderr.write(f"cannot run {command[0]}: {error.strerror}\n")
        return 127


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
