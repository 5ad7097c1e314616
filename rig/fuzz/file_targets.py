"""What comes as files: configurations, plans, tag lists, and the agent's own files read back."""

from __future__ import annotations

import contextlib
import io
import tempfile
import zipfile
from collections.abc import Iterator
from functools import cache, partial
from pathlib import Path
from typing import Final

from openpyxl import Workbook

from edge_agent import config as edge_config
from edge_agent.buffer.records import is_sound
from edge_agent.buffer.rows import Stored, StreamState
from edge_agent.configure import kept
from edge_agent.tools import tag_table
from edge_agent.tools.tag_rows import TagList
from ingest_server.plant import bindings, model
from ingest_server.usecases import pushed_text
from rig.fuzz.target import Target, expect
from rig.fuzz.wire_targets import BODIES, EPOCH, record
from runtime.errors import LinesideError
from runtime.problems import ConfigError
from runtime.strict_yaml import loads_located
from wire.frame import Kind, StreamClass

_EXAMPLES: Final = Path(__file__).parents[2] / "configs" / "examples"
_SHORT: Final = """\
plant: p
edge: ${NAME:-e}
data_dir: var
broker: {host: 127.0.0.1, username: u, password: {env: WORD}}
templates:
  press:
    parameters: {unit: null}
    device: &common
      driver: modbus-tcp
      host: 10.0.0.7
      groups: [{every_ms: 100, tags: [{path: "a/${unit}", address: "holding:0", dtype: u32}]}]
devices:
  - {id: x, use: press, with: {unit: 3}}
publish: {rate_caps: [{from: "06:00", to: "18:00", kbit_s: 64}]}
"""
_ENVIRONMENT: Final = {"WORD": "secret"}
_HEADER: Final = "device,driver,host,path,address,dtype,unit,scale_factor,every_ms"
_LIST: Final = (
    f"{_HEADER}\n"
    "plc,modbus-tcp,10.0.0.7,press/good,holding:0,u32,件,,500\n"
    'plc,modbus-tcp,10.0.0.7,"press/temp, a",input:0x10,i16,°C,0.1,500\n'
)


def take_edge_yaml(raw: bytes) -> None:
    """A configuration, as a file and as the server looks at it before it pushes it."""
    text = _text(raw)
    if text is None:
        return
    with contextlib.suppress(ConfigError):
        edge_config.parse(text, "edge.yaml", folder=Path(), env=_ENVIRONMENT)
    with contextlib.suppress(ConfigError):
        pushed_text.check(text, "edge.yaml")


def take_plant_yaml(raw: bytes) -> None:
    """A plan, up to what is bound to tags."""
    text = _text(raw)
    if text is None:
        return
    with contextlib.suppress(ConfigError):
        plan = model.checked(loads_located(text, "plant.yaml", model.Plan, env={}))
        bindings.counter_bindings(plan)
        bindings.rule_bindings(plan)
        bindings.order_tag_bindings(plan)
        bindings.order_plans(plan)


def take_list(suffix: str, raw: bytes) -> None:
    """A tag list, up to the devices in it."""
    with _file(f"list{suffix}", raw) as path, contextlib.suppress(LinesideError):
        sheet = tag_table.read(path)
        devices = TagList(sheet, {}).devices()
        expect(sum(len(device.points) for device in devices.values()), "a list without tags")


def take_sheet(raw: bytes) -> None:
    """The same with a sound workbook around a sheet of hostile XML."""
    take_list(".xlsx", workbook(raw))


def take_kept(raw: bytes) -> None:
    """What the agent remembers of pushed configurations."""
    with _file(kept.FILE, raw) as path, contextlib.suppress(kept.Unreadable):
        kept.load(path.parent)


def take_stored(raw: bytes) -> None:
    """A record as the buffer's file gives it back: sent only if these are the bytes put there."""
    state = StreamState(ord=1, epoch=EPOCH, cls=StreamClass.BULK, last_seq=9)
    stored = Stored(seq=5, through=5, body=raw)
    if is_sound(stored, state):
        expect(raw == _STORED, "changed bytes passed for those that were written")


def _text(raw: bytes) -> str | None:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return None


@contextlib.contextmanager
def _file(name: str, raw: bytes) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="lineside-fuzz-") as folder:
        path = Path(folder) / name
        path.write_bytes(raw)
        yield path


@cache
def book() -> bytes:
    """An Excel file with a tag list."""
    made = Workbook(write_only=True)
    sheet = made.create_sheet("tags")
    for row in _LIST.splitlines():
        sheet.append(row.split(","))
    file = io.BytesIO()
    made.save(file)
    return file.getvalue()


_SHEET: Final = "xl/worksheets/sheet1.xml"


def workbook(sheet: bytes) -> bytes:
    """An Excel file that is sound but for its sheet, which is these bytes."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(book())) as before, zipfile.ZipFile(file, "w") as after:
        for name in before.namelist():
            after.writestr(name, sheet if name == _SHEET else before.read(name))
    return file.getvalue()


def _sheet() -> bytes:
    with zipfile.ZipFile(io.BytesIO(book())) as made:
        return made.read(_SHEET)


_PUSHED: Final = kept.Pushed(version=2, sha256="ab" * 32, text=_SHORT, own_sha256="cd" * 32)
_KEPT: Final = kept.Kept(
    current=_PUSHED,
    trial=kept.Trial(
        pushed=_PUSHED,
        before=kept.Before(version=None, sha256="cd" * 32, text=_SHORT),
        up=frozenset({"x"}),
        live=True,
        crashes=1,
    ),
)
_STORED: Final = record(Kind.SAMPLES, BODIES[Kind.SAMPLES])

TARGETS: Final = (
    Target(
        name="edge-yaml",
        seeds=[_SHORT.encode(), (_EXAMPLES / "edge-modbus.yaml").read_bytes()],
        feed=take_edge_yaml,
    ),
    Target(
        name="plant-yaml", seeds=[(_EXAMPLES / "plant.yaml").read_bytes()], feed=take_plant_yaml
    ),
    Target(
        name="csv",
        seeds=[
            _LIST.encode("utf-8-sig"),
            _LIST.replace("°", "").encode("gb18030"),
            _LIST.encode("utf-16"),
        ],
        feed=partial(take_list, ".csv"),
    ),
    Target(name="xlsx", seeds=[book()], feed=partial(take_list, ".xlsx")),
    Target(name="xlsx-sheet", seeds=[_sheet()], feed=take_sheet),
    Target(
        name="kept", seeds=[kept.Kept().model_dump_json().encode()], feed=take_kept, is_json=True
    ),
    Target(name="stored", seeds=[_STORED], feed=take_stored),
)
