"""The truth log: what is written is read, a torn line is passed over, another run is refused."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import orjson
import pytest

from simulators.addresses import as_json, plant_tags
from simulators.config import PlantConfig
from simulators.errors import SimulatorError, TruthDamaged
from simulators.machine import Intervention
from simulators.modbus_image import Packer
from simulators.model import Plant
from simulators.truth import Truth
from simulators.truth_log import ANSWERS, EVENTS, TruthLog
from tests.unit.simulators.simulated_plants import machine, plant

PATH = "line-x/m1"
START_US = 1_800_000_000_000_000
TICK_US = 50_000


class SteppingClock:
    """A clock that a test sets by hand."""

    def __init__(self) -> None:
        self.now_us = START_US

    def __call__(self) -> int:
        return self.now_us


def truth_log(
    folder: Path, config: PlantConfig, clock: SteppingClock | None = None, run: str = "run-1"
) -> TruthLog:
    return TruthLog(
        folder, clock=clock or SteppingClock(), answers=True, run=run, tags=as_json(config)
    )


async def write(folder: Path, config: PlantConfig, ticks: int, run: str = "run-1") -> Plant:
    """What a plant writes that starts and runs for so many ticks."""
    made = Plant(config)
    async with truth_log(folder, config, run=run) as log:
        log.note("start", run=run, start_us=START_US)
        log.tell(made.advance(ticks), start_us=START_US, tick_us=TICK_US)
    return made


async def test_the_truth_is_what_the_model_made(tmp_path: Path) -> None:
    made = (await write(tmp_path, plant(), 3000)).machine(PATH)
    truth = Truth.load(tmp_path)
    assert truth.machines == (PATH,)
    assert truth.start_us == START_US
    assert (truth.good(PATH), truth.scrap(PATH)) == (made.good_total, made.scrap_total)
    assert truth.pulses(PATH) == made.pulses
    orders = truth.orders()
    assert sum(quantity.good for quantity in orders.values()) == made.good_total
    assert sum(quantity.scrap for quantity in orders.values()) == made.scrap_total
    assert orders["A1", PATH].good == 20
    halves = [truth.good(PATH, until_us=START_US + 40_000_000)]
    halves.append(truth.good(PATH, since_us=START_US + 40_000_000))
    assert sum(halves) == made.good_total
    assert min(halves) > 0


async def test_intervals_join_and_the_last_one_is_open(tmp_path: Path) -> None:
    await write(tmp_path, plant(), 3000)
    truth = Truth.load(tmp_path)
    orders = truth.order_intervals(PATH)
    assert [interval.order for interval in orders[:3]] == ["A1", "A2", "A1-R2"]
    assert all(a.end_us == b.start_us for a, b in pairwise(orders))
    assert orders[-1].end_us is None
    faults = truth.fault_intervals(PATH, 2)
    assert [(f.on_us - START_US, f.off_us) for f in faults[:2]] == [
        (10_000_000, START_US + 13_000_000),
        (35_000_000, START_US + 38_000_000),
    ]
    assert truth.fault_intervals(PATH)[0].bit == 5
    crossings = truth.crossings(f"{PATH}/temperature")
    assert [crossing.above for crossing in crossings[:4]] == [True, False, True, False]
    assert crossings[0].value > crossings[0].limit >= crossings[1].value
    assert truth.resets(PATH)[0].reason == "plc_restart"
    assert truth.wraps(PATH)[0][1] == "good"
    assert truth.states(PATH)[0] == (START_US, 2)


async def test_a_fault_that_still_is_has_an_open_end(tmp_path: Path) -> None:
    config = plant(machine(faults=[]))
    made = Plant(config)
    made.intervene([Intervention(tick=30, machine=PATH, do="fault", bit=9, on=True)])
    async with truth_log(tmp_path, config) as log:
        log.tell(made.advance(100), start_us=START_US, tick_us=TICK_US)
    (interval,) = Truth.load(tmp_path).fault_intervals(PATH)
    assert (interval.bit, interval.on_us, interval.off_us) == (9, START_US + 1_500_000, None)


async def test_a_second_start_tells_only_what_is_new(tmp_path: Path) -> None:
    await write(tmp_path, plant(), 1000)
    before = (tmp_path / EVENTS).read_bytes()
    made = (await write(tmp_path, plant(), 2000)).machine(PATH)
    after = (tmp_path / EVENTS).read_bytes()
    assert after.startswith(before)
    numbers = [r["n"] for r in map(orjson.loads, after.splitlines()) if r.get("stream") == PATH]
    assert numbers == list(range(1, len(numbers) + 1))
    assert Truth.load(tmp_path).good(PATH) == made.good_total


@pytest.mark.parametrize("kept", [-1, -3, -40])
async def test_a_line_torn_by_a_kill_is_passed_over_and_told_again(
    tmp_path: Path, kept: int
) -> None:
    first = (await write(tmp_path, plant(), 1000)).machine(PATH)
    events = tmp_path / EVENTS
    whole = events.read_bytes()
    events.write_bytes(whole[:kept])
    torn = Truth.load(tmp_path)
    assert 0 <= first.good_total - torn.good(PATH) <= 1
    made = (await write(tmp_path, plant(), 2000)).machine(PATH)
    assert events.read_bytes().startswith(whole[:kept])
    assert Truth.load(tmp_path).good(PATH) == made.good_total


async def test_a_damaged_line_in_the_middle_is_not_passed_over(tmp_path: Path) -> None:
    await write(tmp_path, plant(), 1000)
    events = tmp_path / EVENTS
    lines = events.read_bytes().splitlines(keepends=True)
    lines[5] = lines[5][:10] + b"\n"
    events.write_bytes(b"".join(lines))
    with pytest.raises(TruthDamaged) as caught:
        Truth.load(tmp_path)
    assert caught.value.params["line"] == 6


async def test_two_truths_under_one_number_are_refused(tmp_path: Path) -> None:
    await write(tmp_path, plant(), 1000)
    events = tmp_path / EVENTS
    lines = events.read_bytes().splitlines()
    changed = next(orjson.loads(line) for line in lines if b'"parts"' in line)
    events.write_bytes(b"\n".join([*lines, orjson.dumps({**changed, "good": 99}), b""]))
    with pytest.raises(TruthDamaged):
        Truth.load(tmp_path)


async def test_a_folder_with_the_truth_of_another_run_is_refused(tmp_path: Path) -> None:
    await write(tmp_path, plant(), 100)
    with pytest.raises(SimulatorError) as caught:
        await write(tmp_path, plant(), 100, run="run-2")
    assert caught.value.code == "LS-7007"


def test_no_truth_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(SimulatorError) as caught:
        Truth.load(tmp_path)
    assert caught.value.code == "LS-7002"


async def test_asking_for_an_unknown_machine_does_not_look_like_no_parts(tmp_path: Path) -> None:
    await write(tmp_path, plant(), 100)
    with pytest.raises(SimulatorError) as caught:
        Truth.load(tmp_path).good("line-x/m7")
    assert caught.value.code == "LS-7010"


async def test_modbus_answers_are_decoded_tag_by_tag(tmp_path: Path) -> None:
    config = plant(machine(swapped_words=["temperature"]))
    clock = SteppingClock()
    made = Plant(config)
    made.advance(700)
    image = Packer(plant_tags(config)).pack(made.machine(PATH).values(START_US))
    async with truth_log(tmp_path, config, clock) as log:
        for table, address, count in (("holding", 1, 23), ("input", 0, 7), ("coil", 0, 1)):
            clock.now_us += 1
            body = image.read(table, address, count)  # type: ignore[arg-type]
            assert body is not None
            log.modbus_answer(
                line="line-x",
                unit=1,
                table=table,  # type: ignore[arg-type]
                address=address,
                count=count,
                body=body,
            )
    answers = {answer.tag.rpartition("/")[2]: answer for answer in Truth.load(tmp_path).answers()}
    # Of the order's 16 registers all were read, of the program's none, the good counter was not.
    assert set(answers) == {
        "scrap", "state", "fault", "energy", "order",
        "temperature", "pressure", "cycle_time", "speed", "pulse",
    }  # fmt: skip
    served = made.machine(PATH).values(START_US)
    assert answers["order"].value == served[5]
    assert answers["temperature"].value == served[8]
    assert answers["energy"].value == served[4]
    assert answers["scrap"].source_us is None
    assert answers["scrap"].at_us == START_US + 1
    assert Truth.load(tmp_path).last_answer(f"{PATH}/good") is None
    assert set(Truth.load(tmp_path).last_answers(until_us=START_US + 1)) == {
        f"{PATH}/{name}" for name in ("scrap", "state", "fault", "energy", "order")
    }


async def test_opcua_answers_keep_their_stamps_and_statuses(tmp_path: Path) -> None:
    config = plant(protocol="opcua")
    async with truth_log(tmp_path, config) as log:
        log.opcua_answer(
            line="line-x",
            how="read",
            places=[0, 4],
            values=[5, 2**63 + 1],
            source_us=[START_US, START_US],
            statuses=[0, 0],
        )
        log.opcua_answer(
            line="line-x",
            how="notified",
            places=[0, 5],
            values=[None, "A1"],
            source_us=[START_US, START_US + 9],
            statuses=[0x80050000, 0],
        )
        log.write_attempt(line="line-x", target="ns=2;s=x", answer="BadUserAccessDenied")
    truth = Truth.load(tmp_path)
    answers = list(truth.answers())
    assert [(a.tag.rpartition("/")[2], a.value, a.status, a.how) for a in answers] == [
        ("good", 5, 0, "read"),
        ("energy", 2**63 + 1, 0, "read"),
        ("good", None, 0x80050000, "notified"),
        ("order", "A1", 0, "notified"),
    ]
    assert [answer.source_us for answer in answers] == [START_US] * 3 + [START_US + 9]
    (attempt,) = truth.write_attempts()
    assert attempt["answer"] == "BadUserAccessDenied"


async def test_without_answers_only_events_are_written(tmp_path: Path) -> None:
    log = TruthLog(tmp_path, clock=SteppingClock(), answers=False, run="r", tags=as_json(plant()))
    async with log:
        log.modbus_answer(line="line-x", unit=1, table="coil", address=0, count=1, body=b"\0")
    assert not (tmp_path / ANSWERS).exists()
    assert list(Truth.load(tmp_path).answers()) == []
