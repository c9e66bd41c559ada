"""What of a socket an in-memory end offers: its options, of which one means something."""

from __future__ import annotations

import socket
import struct

_NO_LINGER = struct.pack("ii", 1, 0)


class SocketOptions:
    """Stands where a transport over a socket hands out that socket (``get_extra_info("socket")``).

    ``lingers``: what is closed goes on delivering what it was given; not after SO_LINGER was set to (1, 0).
    """

    def __init__(self) -> None:
        self.lingers = True

    def setsockopt(self, level: int, option: int, value: int | bytes) -> None:
        """Set an option; but for SO_LINGER there is nothing that would make a difference."""
        if (level, option) == (socket.SOL_SOCKET, socket.SO_LINGER):
            self.lingers = value != _NO_LINGER
