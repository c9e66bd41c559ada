"""The Modbus masters: the only place that touches pymodbus, sockets and serial ports."""
