"""Which drivers there are: a literal table, one line a driver.

Configuration can be read with any driver's library missing; connecting then says which it is.
"""

from __future__ import annotations

import logging
from importlib.util import find_spec
from typing import Annotated, Final

from pydantic import Field

from drivers.base import Device, Driver
from drivers.modbus.config import AnyModbus, ModbusDevice, ModbusRtuDevice, ModbusRtuTcpDevice
from drivers.opcua.config import OpcUaDevice
from drivers.scanner.config import ScannerDevice
from runtime.clock import Clock
from runtime.errors import Reconfigure

AnyDevice = Annotated[
    ModbusDevice | ModbusRtuDevice | ModbusRtuTcpDevice | OpcUaDevice | ScannerDevice,
    Field(discriminator="driver"),
]
"""A device in a configuration; the key `driver` decides."""


def _modbus(config: AnyModbus, clock: Clock) -> Device:
    _demand(config.driver)
    from drivers.modbus.driver import ModbusConnection

    return ModbusConnection(config, clock)


def _opcua(config: OpcUaDevice, clock: Clock) -> Device:
    _demand("opcua")
    from drivers.opcua.driver import OpcUaConnection

    return OpcUaConnection(config, clock)


def _scanner(config: ScannerDevice, clock: Clock) -> Device:
    if config.serial is not None:
        _demand("scanner", "serial")
    from drivers.scanner.driver import ScannerConnection

    return ScannerConnection(config, clock)


DRIVERS: Final[dict[str, Driver]] = {
    "modbus-tcp": Driver(
        config=ModbusDevice, connect=_modbus, needs=("pymodbus",), loggers=("pymodbus",)
    ),
    "modbus-rtu": Driver(config=ModbusRtuDevice, connect=_modbus, needs=("serial",), loggers=()),
    "modbus-rtu-tcp": Driver(config=ModbusRtuTcpDevice, connect=_modbus, needs=(), loggers=()),
    "opcua": Driver(config=OpcUaDevice, connect=_opcua, needs=("asyncua",), loggers=("asyncua",)),
    "scanner": Driver(config=ScannerDevice, connect=_scanner, needs=(), loggers=()),
}


def silence_libraries() -> None:
    """Silence the drivers' libraries; called once, where the program is put together."""
    for driver in DRIVERS.values():
        for name in driver.loggers:
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)


def connect(config: AnyDevice, clock: Clock) -> Device:
    """An unconnected device of any driver; enter it to connect. Raises Reconfigure (LS-3001)."""
    return DRIVERS[config.driver].connect(config, clock)


def _demand(driver: str, *more: str) -> None:
    for package in (*DRIVERS[driver].needs, *more):
        if find_spec(package) is None:
            raise Reconfigure("LS-3001", driver=driver, package=package)
