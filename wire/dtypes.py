"""The data types a tag can have, and which column carries each."""

from __future__ import annotations

from enum import StrEnum
from typing import Final, Literal

Family = Literal["i", "f32", "f64", "s"]
"""The column of a batch that carries a data type's values."""


class DType(StrEnum):
    """A tag's data type on the wire. `time` is microseconds since the Unix epoch, UTC."""

    BOOL = "bool"
    I8 = "i8"
    I16 = "i16"
    I32 = "i32"
    I64 = "i64"
    U8 = "u8"
    U16 = "u16"
    U32 = "u32"
    U64 = "u64"
    F32 = "f32"
    F64 = "f64"
    STR = "str"
    TIME = "time"

    @property
    def family(self) -> Family:
        """The wire column: `i` holds bool, all integers and times, `s` holds texts."""
        return _FAMILY[self]

    @property
    def needs_big(self) -> bool:
        """Whether a double cannot hold every value."""
        return self in _BIG


_FAMILY: Final[dict[DType, Family]] = {
    DType.BOOL: "i",
    DType.I8: "i",
    DType.I16: "i",
    DType.I32: "i",
    DType.I64: "i",
    DType.U8: "i",
    DType.U16: "i",
    DType.U32: "i",
    DType.U64: "i",
    DType.F32: "f32",
    DType.F64: "f64",
    DType.STR: "s",
    DType.TIME: "i",
}
_BIG: Final = frozenset({DType.I64, DType.U64, DType.TIME})
