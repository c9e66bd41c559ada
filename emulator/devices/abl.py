"""What an ABL eMH1 shows and does beside what its datasheet says of any box.

Decisions where nobody tells:

- A restart ends E0, in which it otherwise stays until it is told to go back to A1, at the limit that it has by then.
- The flags beside the duty cycle are those of the one frame that was seen.
- It offers the duty cycle as configured whether or not there is a car.
"""

from __future__ import annotations

from collections.abc import Mapping

from chargebench.datasheets.model import Datasheet
from chargebench.emulator.box import Box
from chargebench.emulator.devices.orders import Orders
from chargebench.emulator.devices.registers import Cell

NAME = "abl-emh1"
OFF = 0xE0E0
SWITCHED_OFF = 0xE0
BLOCK = 0x2E00
FLAGS = 0x9000
DUTY_OFF, DUTY_MA = 1000, 60


def own_cells(sheet: Datasheet, box: Box, orders: Orders, cells: Mapping[str, Cell]) -> dict[str, Cell]:
    """The registers of its state, switched off or not, and of the block that tells it all; none for another box."""
    if sheet.name != NAME:
        return {}

    letters = cells["state"]

    def state() -> int:
        code = letters.get()
        assert isinstance(code, int), "states are codes"
        return SWITCHED_OFF if orders.off else code

    def modify(code: int) -> None:
        orders.switch(off=code == OFF)

    return {
        "state": Cell(state),
        "modify_state": Cell(lambda: 0, modify),
        "status_state": Cell(lambda: BLOCK | state()),
        "status_duty": Cell(lambda: FLAGS | (box.granted_ma // DUTY_MA or DUTY_OFF)),
    }
