"""pyserial's door to the lines of a run: ports called ``simbus://COM1``.

``install`` makes pyserial look here for the handler of such names, by its own list of packages with handlers.
"""

from __future__ import annotations

import serial


def install() -> None:
    """Let ``serial.serial_for_url`` know ``simbus://``; doing it again changes nothing."""
    if __name__ not in serial.protocol_handler_packages:
        serial.protocol_handler_packages.append(__name__)
