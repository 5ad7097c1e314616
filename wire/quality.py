"""Quality of a sample: the high word of an OPC UA StatusCode and our own flags in the low word.

OPC UA Part 4, 7.39: bits 30-31 of a StatusCode are the severity (0 good, 1 uncertain, 2 bad), bits
16-27 the sub-code. The low word (info bits) is not carried; in its place stand the flags below.
Arrays of quality are `uint32`; the database keeps the same 32 bits as a signed `int4`.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

GOOD: Final = 0x0000_0000
UNCERTAIN: Final = 0x4000_0000
UNCERTAIN_LAST_USABLE: Final = 0x4090_0000
BAD: Final = 0x8000_0000
BAD_COMMUNICATION: Final = 0x8005_0000
BAD_TIMEOUT: Final = 0x800A_0000
BAD_NO_COMMUNICATION: Final = 0x8031_0000
BAD_WAITING: Final = 0x8032_0000
BAD_NODE_UNKNOWN: Final = 0x8034_0000
BAD_OUT_OF_RANGE: Final = 0x803C_0000
BAD_TYPE_MISMATCH: Final = 0x8074_0000
BAD_CONFIGURATION: Final = 0x8089_0000
BAD_NOT_CONNECTED: Final = 0x808A_0000
BAD_DEVICE_FAILURE: Final = 0x808B_0000
BAD_OUT_OF_SERVICE: Final = 0x808D_0000

LATE: Final = 0x0001  # delivered after an outage; set by nobody on the wire, derived by the server
HISTORICAL: Final = 0x0002  # read from a device's history, not observed live
CLOCK: Final = 0x0004  # the device's own time was not believable; event time is the edge's
NO_VALUE: Final = 0x0008  # there is no value; the value column holds a placeholder
NOT_FINITE: Final = 0x0010  # the device gave NaN or an infinity
OVERFLOW: Final = 0x0020  # the device's queue overflowed before this value: some are missing

STATUS_MASK: Final = 0xFFFF_0000
FLAG_MASK: Final = 0x0000_FFFF


def status_of(opcua_code: int, flags: int = 0) -> int:
    """Our quality of an OPC UA StatusCode: its high word, with `flags` in the low word."""
    return (opcua_code & STATUS_MASK) | flags


def is_good(quality: NDArray[np.uint32]) -> NDArray[np.bool_]:
    """Severity good, elementwise; uncertain is not good."""
    return np.asarray((quality >> np.uint32(30)) == 0)


def has_value(quality: NDArray[np.uint32]) -> NDArray[np.bool_]:
    """Whether the value column means anything, elementwise."""
    return np.asarray((quality & np.uint32(NO_VALUE)) == 0)


def to_signed(quality: NDArray[np.uint32]) -> NDArray[np.int32]:
    """The same bits as the database's int4."""
    return quality.astype(np.uint32, copy=False).view(np.int32)


def to_unsigned(stored: NDArray[np.int32]) -> NDArray[np.uint32]:
    """The reverse of `to_signed`."""
    return stored.astype(np.int32, copy=False).view(np.uint32)
