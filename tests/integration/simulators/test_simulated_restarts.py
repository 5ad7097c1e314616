"""A plant that is killed starts again as the same plant; commands; the program itself."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml

from simulators.app import Simulation
from simulators.config import PlantConfig
from simulators.errors import SimulatorError
from simulators.truth import Truth
from tests.integration.simulators.conftest import (
    FastClock,
    busy,
    control_of,
    modbus_client,
    plant_of,
    replay,
    stored,
)

Simulate = Callable[..., Simulation]
ROOT = Path(__file__).parents[3]


@asynccontextmanager
async def program(folder: Path, config: PlantConfig, *more: str) -> AsyncIterator[Any]:
    """`python -m simulators` as a process of its own; killed if it still runs at the end."""
    (folder / "plant.yaml").write_text(
        yaml.safe_dump(config.model_dump(mode="json"), allow_unicode=True), encoding="utf-8"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "simulators", str(folder / "plant.yaml"), "--truth", str(folder / "truth")),
        *("--state", str(folder / "state.json"), "--control", *more),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def ready_of(process: Any) -> dict[str, Any]:
    line = await asyncio.wait_for(process.stdout.readline(), 30)
    if not line:
        pytest.fail((await process.stderr.read()).decode())
    ready: dict[str, Any] = orjson.loads(line)
    return ready


async def test_a_killed_plant_goes_on_as_the_same_plant(tmp_path: Path, wait_for: Any) -> None:
    config = plant_of(modbus=[busy("m1", cycle_s=0.25), busy("m2", cycle_s=0.3)])
    async with program(tmp_path, config) as process:
        first = await ready_of(process)
        async with control_of(first) as control, modbus_client(first) as client:

            async def made() -> Any:
                return (await control("status"))["machines"]["line-b/m1"]["good"] >= 3

            await wait_for(made)
            await control("fault", machine="line-b/m2", bit=4, on=True)
            seen = await client.read_holding_registers(0, count=2, device_id=1)
        process.kill()
        await process.wait()
    torn = Truth.load(tmp_path / "truth")
    assert not torn.stopped
    assert torn.good("line-b/m1") >= (seen.registers[0] - 65530) % 65536

    async with program(tmp_path, config) as process:
        second = await ready_of(process)
        assert second["lines"] == first["lines"], "the ports stay"
        assert (second["run"], second["start_us"]) == (first["run"], first["start_us"])
        async with control_of(second) as control, modbus_client(second) as client:
            again = await client.read_holding_registers(0, count=2, device_id=1)
            assert (again.registers[0] - seen.registers[0]) % 65536 < 1000
            await control("halt")
            await wait_for(made_nothing_more(control))
            final = (await control("status"))["machines"]
            assert (await control("stop"))["ok"]
        assert await asyncio.wait_for(process.wait(), 10) == 0

    truth = Truth.load(tmp_path / "truth")
    assert truth.stopped
    assert truth.good("line-b/m1") == final["line-b/m1"]["good"]
    assert [f.bit for f in truth.fault_intervals("line-b/m2")] == [4]
    state = stored(tmp_path / "state.json", config).state
    last = max(r["tick"] for r in truth.records if "tick" in r)
    same = replay(config, last, state.interventions).machines
    for path in truth.machines:
        assert truth.good(path) == same[path].good_total
        assert truth.scrap(path) == same[path].scrap_total


def made_nothing_more(control: Any) -> Callable[[], Any]:
    async def idle() -> bool:
        machines = (await control("status"))["machines"]
        return all(machine["state"] == "idle" for machine in machines.values())

    return idle


async def test_the_state_of_another_configuration_is_refused(
    simulate: Simulate, tmp_path: Path
) -> None:
    state = tmp_path / "state.json"
    async with simulate(plant_of(modbus=[busy("m1")]), state=state):
        pass
    with pytest.raises(SimulatorError) as caught:
        async with simulate(plant_of(modbus=[busy("m2")]), state=state, truth=None):
            pass
    assert caught.value.code == "LS-7009"
    state.write_bytes(b"{}")
    with pytest.raises(SimulatorError) as caught:
        async with simulate(plant_of(modbus=[busy("m1")]), state=state, truth=None):
            pass
    assert caught.value.code == "LS-7008"


async def test_without_its_state_a_plant_does_not_write_into_an_old_truth(
    simulate: Simulate,
) -> None:
    async with simulate(plant_of(modbus=[busy("m1")])):
        pass
    with pytest.raises(SimulatorError) as caught:
        async with simulate(plant_of(modbus=[busy("m1")])):
            pass
    assert caught.value.code == "LS-7007"


async def test_a_taken_port_is_said_so(simulate: Simulate) -> None:
    async with simulate(plant_of(modbus=[busy("m1")])) as running:
        ready: Any = running.ready()
        config = plant_of(modbus=[busy("m1")])
        line = config.lines[0].model_copy(update={"port": ready["lines"]["line-b"]["port"]})
        taken = config.model_copy(update={"lines": [line]})
        with pytest.raises(SimulatorError) as caught:
            async with simulate(taken, truth=None):
                pass
    assert caught.value.code == "LS-7005"


async def test_a_held_plant_makes_nothing_until_it_may(simulate: Simulate, wait_for: Any) -> None:
    config = plant_of(modbus=[busy("m1")])
    async with simulate(config, hold=True, clock=FastClock(20)) as running:
        ready: Any = running.ready()
        assert ready["start_us"] == 0
        async with control_of(ready) as control, modbus_client(ready) as client:
            times = set()

            async def went_on() -> bool:
                read = await client.read_holding_registers(40, count=2, device_id=1)
                times.add(tuple(read.registers))
                return len(times) >= 5

            await wait_for(went_on)  # the PLC's clock goes on
            status = await control("status")
            assert (status["tick"], status["running"]) == (0, False)
            assert (await control("run"))["ok"]

            async def made() -> Any:
                return (await control("status"))["machines"]["line-b/m1"]["good"] > 2

            await wait_for(made)


async def test_a_part_that_fails_ends_the_plant_instead_of_serving_old_values(
    simulate: Simulate,
) -> None:
    clock = FastClock(1)

    def broken() -> int:
        if running.plant.tick >= 3:
            raise OSError("no time")
        return clock()

    running = simulate(plant_of(modbus=[busy("m1")]), clock=broken, truth=None)
    with pytest.raises(OSError, match="no time"):
        async with running:
            await asyncio.wait_for(running.wait(), 10)


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ({"do": "dance"}, "LS-7011"),
        ({"do": "fault", "machine": "line-b/m1", "bit": 16, "on": True}, "LS-7011"),
        ({"do": "plc_restart", "machine": "line-b/m9"}, "LS-7010"),
        ({"do": "clock", "line": "line-z", "offset_s": 1}, "LS-7013"),
        ({"do": "silence", "seconds": 1}, "LS-7011"),
        ({"do": "silence", "seconds": 1, "line": "line-b", "machine": "line-b/m1"}, "LS-7011"),
    ],
)
async def test_a_command_that_makes_no_sense_is_refused_in_words(
    simulate: Simulate, command: dict[str, Any], code: str
) -> None:
    plant = simulate(plant_of(modbus=[busy("m1")]))
    async with plant as running, control_of(running.ready()) as control:
        answer = await control(**command)
        assert (answer["ok"], answer["code"]) == (False, code)
        assert code in answer["message"]
        assert (await control("status"))["ok"], "the plant goes on"


async def test_commands_show_in_the_truth(
    simulate: Simulate, wait_for: Any, tmp_path: Path
) -> None:
    config = plant_of(modbus=[busy("m1")])
    async with simulate(config, clock=FastClock(20)) as running:
        machine = running.plant.machines["line-b/m1"]
        async with control_of(running.ready()) as control:
            await wait_for(lambda: machine.good_total > 2)
            await control("fault", machine="line-b/m1", bit=3, on=True)
            await control("plc_restart", machine="line-b/m1")
            await wait_for(lambda: machine.values(0)[0] == 0)
            await control("fault", machine="line-b/m1", bit=3, on=False)
            await wait_for(lambda: machine.fault_word == 0)
    truth = Truth.load(tmp_path / "truth")
    assert [f.bit for f in truth.fault_intervals("line-b/m1")] == [3]
    assert [r.reason for r in truth.resets("line-b/m1")] == ["plc_restart"]
    commands = [r["do"] for r in truth.records if r["what"] == "command"]
    assert commands == ["fault", "plc_restart", "fault"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM to send")
async def test_the_program_stops_cleanly_at_a_signal(tmp_path: Path) -> None:
    config = plant_of(opcua=[busy("m1")], modbus=[busy("m1")])
    ready_file = tmp_path / "ready.json"
    async with program(tmp_path, config, "--ready", str(ready_file)) as process:
        for _ in range(3000):
            if ready_file.exists():
                break
            await asyncio.sleep(0.01)
        ready = orjson.loads(ready_file.read_bytes())
        assert set(ready["lines"]) == {"line-a", "line-b"}
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 10) == 0
    assert Truth.load(tmp_path / "truth").stopped


async def test_a_bad_configuration_ends_with_its_line_and_two(tmp_path: Path) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text("lines:\n  - name: a\n    protocol: modbus\n    machins: []\n")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "simulators", "addresses", str(bad)),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert (process.returncode, out) == (2, b"")
    assert b"bad.yaml:4" in err
    assert b"machines" in err


async def test_the_address_map_is_printed_as_json() -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "simulators", "addresses", "configs/demo/plant.yaml"),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    told = orjson.loads(out)
    assert process.returncode == 0
    assert [line["protocol"] for line in told["lines"]] == ["opcua", "modbus"]
    assert len(told["lines"][0]["tags"]) == 42
