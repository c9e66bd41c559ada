"""The proxy: clients on Modbus TCP before, a serial line or another server behind, one request at a time."""
