"""What bytes travel on: in-memory TCP, RS-485 lines, and serial ports on them."""
