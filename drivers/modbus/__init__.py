"""Modbus: TCP, RTU on a serial port, and RTU through a serial server."""
