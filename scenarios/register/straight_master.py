"""A master over TCP that makes bytes of a request only where something can happen to them."""

from __future__ import annotations

from collections.abc import Callable

from chargebench.emulator.adu import Adu, pack_mbap
from chargebench.emulator.reel import Reel
from chargebench.emulator.straight import Straight
from chargebench.emulator.wires.tcp import Connection
from chargebench.manager.links.master import TRANSACTIONS, Master
from chargebench.manager.outcomes import LinkDown, Outcome, Request
from chargebench.scenarios.register.images import Image, Images
from chargebench.scenarios.register.reel_master import ReelMaster


class StraightMaster(ReelMaster):
    """A master as the wire has it, over the straight way where that is clear. ``late``: called with a late answer's unit."""

    def __init__(self, like: Master, late: Callable[[int], None], reel: Reel) -> None:
        super().__init__(like, reel, tcp=True)
        self._told_late = late
        self._way: Straight | None = None
        self._images = Images()
        self._image: Image | None = None
        self._unit = 0
        self._framed = False

    async def open(self, connect_us: int) -> str:
        """As on the wire."""
        self._way = self._image = None
        why = await Master.open(self, connect_us)
        transport = None if why else self._transport
        if isinstance(transport, Connection):
            self._way = Straight.over(self._reel, transport, self)
        return why

    def ask(self, unit: int, request: Request, deadline_us: int, over: Callable[[Outcome], None]) -> LinkDown | None:
        """As on the wire."""
        way = self._way
        if way is None or not self._up or self._lost or not way.clear:
            self._image = None
            return super().ask(unit, request, deadline_us, over)
        image = self._images.of(request)
        self._transaction = self._transaction % TRANSACTIONS + 1
        self._image, self._unit, self._framed = image, unit, False
        self._request, self._over = request, over
        self._latest_us = deadline_us
        way.send(self._transaction, unit, image.pdu)
        self._wait_until(deadline_us)
        return None

    def as_bytes(self, number: int, unit: int) -> None:
        """From here on the inlet has to know what is asked."""
        image = self._image
        if image is None or self._request is None or number != self._transaction or self._framed:
            return
        self._framed = True
        self.inlet.expect(unit, image.shape)
        self.inlet.sent(number.to_bytes(2, "big"))

    def answered(self, number: int, unit: int, pdu: bytes) -> None:
        """An answer has come, to the open request or to one that was given up."""
        self.byte_us = self._reel.now_us
        image = self._image
        if image is None or self._request is None or number != self._transaction:
            self._told_late(unit)
            return
        outcome = image.outcome(pdu, self.byte_us) if unit == self._unit else None
        if outcome is None:
            self.as_bytes(number, unit)
            self._came(pack_mbap(Adu(unit, pdu, number)))
        else:
            self._done(outcome)
