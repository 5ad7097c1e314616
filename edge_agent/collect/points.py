"""The points of a device as arrays: what each is called, what becomes of its raw value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from drivers.base import DeviceConfig
from edge_agent.buffer.numbering import Definition, TagNumbers
from wire.dtypes import DType
from wire.frame import StreamClass

CLASSES: Final = (StreamClass.KEY, StreamClass.BULK)
FLOAT: Final = 0
INTEGER: Final = 1
TEXT: Final = 2
_FAMILY: Final = {"f32": FLOAT, "f64": FLOAT, "i": INTEGER, "s": TEXT}
KEY_SILENCE_S: Final = 60.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Points:
    """Columns of length n over the points of one device."""

    tag: NDArray[np.int32]
    cls: NDArray[np.int8]
    """Index into `CLASSES`."""
    raw: NDArray[np.int8]
    """FLOAT, INTEGER or TEXT as the driver hands it over."""
    sent: NDArray[np.int8]
    """The same after scaling."""
    single: NDArray[np.bool_]
    """Sent as float32."""
    scaled: NDArray[np.bool_]
    factor: NDArray[np.float64]
    offset: NDArray[np.float64]
    absolute: NDArray[np.float64]
    """Absolute deadband, 0 for none."""
    percent: NDArray[np.float64]
    """Deadband as a fraction of the last value sent, 0 for none."""
    on_change: NDArray[np.bool_]
    """Reported when it changes; otherwise at every reading."""
    silence_us: NDArray[np.int64]
    """An unchanged value is reported again after that."""

    def __len__(self) -> int:
        return int(self.tag.shape[0])


def definitions(device: DeviceConfig) -> list[Definition]:
    """What the tags of a device are, in the order of its points."""
    return [
        Definition(
            path=tag.path,
            cls=group.class_of(tag),
            dtype=tag.sent_dtype.value,
            unit=tag.unit,
            scale=None if tag.scale is None else (tag.scale.factor, tag.scale.offset),
            device=device.id,
            address=tag.address,
        )
        for group in device.groups
        for tag in group.tags
    ]


def points_of(device: DeviceConfig, numbers: TagNumbers) -> Points:
    """The points of a device whose tags have their numbers."""
    defined = definitions(device)
    grouped = [(group, tag) for group in device.groups for tag in group.tags]
    tags = [tag for _, tag in grouped]
    sent = [tag.sent_dtype for tag in tags]
    deadbands = [tag.deadband for tag in tags]
    # What a device reports has changed already; what is polled is compared where the class or the
    # configuration asks for it. Two equal events are two events.
    on_change = [
        not group.events
        and (
            definition.cls is StreamClass.KEY
            or tag.deadband is not None
            or group.mode == "subscribe"
        )
        for definition, (group, tag) in zip(defined, grouped, strict=True)
    ]
    silence = [KEY_SILENCE_S if tag.max_silence_s is None else tag.max_silence_s for tag in tags]
    return Points(
        tag=np.array([numbers.number(one) for one in defined], np.int32),
        cls=np.array([CLASSES.index(one.cls) for one in defined], np.int8),
        raw=_families([tag.dtype for tag in tags]),
        sent=_families(sent),
        single=np.array([dtype is DType.F32 for dtype in sent], np.bool_),
        scaled=np.array([tag.scale is not None for tag in tags], np.bool_),
        factor=np.array([1.0 if t.scale is None else t.scale.factor for t in tags], np.float64),
        offset=np.array([0.0 if t.scale is None else t.scale.offset for t in tags], np.float64),
        absolute=np.array(
            [0.0 if band is None else band.absolute or 0.0 for band in deadbands], np.float64
        ),
        percent=np.array(
            [0.0 if band is None else (band.percent or 0.0) / 100 for band in deadbands], np.float64
        ),
        on_change=np.array(on_change, np.bool_),
        silence_us=np.array([int(seconds * 1e6) for seconds in silence], np.int64),
    )


def _families(dtypes: Sequence[DType]) -> NDArray[np.int8]:
    return np.array([_FAMILY[dtype.family] for dtype in dtypes], np.int8)
