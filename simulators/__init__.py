"""A simulated plant that speaks real OPC UA and real Modbus TCP, and logs its own truth."""
