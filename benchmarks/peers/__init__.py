"""Lineside beside other gateways: the same PLC, tags, broker, machine, outage and kill."""
