"""A master on a serial line that makes bytes of a request only where something can happen to them."""

from __future__ import annotations

from collections.abc import Callable

from chargebench.emulator.adu import pack_rtu
from chargebench.emulator.clock.env import SimEnv
from chargebench.emulator.reel import Reel
from chargebench.emulator.straight_line import StraightLine
from chargebench.emulator.wires.simbus.protocol_simbus import Serial
from chargebench.manager.links.line_inlet import BELIEVED_US, LineInlet
from chargebench.manager.links.master import Master
from chargebench.manager.outcomes import LinkDown, Outcome, Request
from chargebench.scenarios.register.images import Image, Images
from chargebench.scenarios.register.reel_master import ReelMaster


class LineMaster(ReelMaster):
    """A master as the wire has it, over the straight way where that is clear.

    Once bytes were made, they are made for as long as one of them may still be under way.
    """

    def __init__(self, like: Master, reel: Reel, env: SimEnv) -> None:
        super().__init__(like, reel, tcp=False)
        self._env = env
        self._way: StraightLine | None = None
        self._images = Images()
        self._image: Image | None = None
        self._unit = 0
        self._bytes_until_us = 0

    async def open(self, connect_us: int) -> str:
        """As on the wire."""
        why = await Master.open(self, connect_us)
        port = None if why else getattr(self._transport, "sync_serial", None)
        self._way = StraightLine(self._reel, self._env, port, self) if isinstance(port, Serial) else None
        if self._way is not None and self._way.used:
            self._bytes_until_us = self._reel.now_us + BELIEVED_US  # whoever asked before may still get an answer
        return why

    def close(self, *, abort: bool = False) -> None:
        """As on the wire, where what is under way goes on."""
        way, self._way = self._way, None
        if way is not None:
            way.leave()
        Master.close(self, abort=abort)

    def ask(self, unit: int, request: Request, deadline_us: int, over: Callable[[Outcome], None]) -> LinkDown | None:
        """As on the wire."""
        way, now_us = self._way, self._reel.now_us
        if way is None or not self._up or self._lost or now_us < self._bytes_until_us or self._doubts():
            return self._ask_in_bytes(unit, request, deadline_us, over)
        image = self._images.of(request)
        if not way.send(unit, image.pdu, deadline_us):
            return self._ask_in_bytes(unit, request, deadline_us, over)
        self._image, self._unit = image, unit
        self._request, self._over = request, over
        self._latest_us = deadline_us
        self._wait_until(deadline_us)
        return None

    def _doubts(self) -> bool:
        """Whether the inlet may take an answer for that to an earlier request."""
        return isinstance(self.inlet, LineInlet) and self.inlet.suspects

    def _ask_in_bytes(
        self, unit: int, request: Request, deadline_us: int, over: Callable[[Outcome], None]
    ) -> LinkDown | None:
        self._image = None
        self._bytes_until_us = self._reel.now_us + BELIEVED_US
        return Master.ask(self, unit, request, deadline_us, over)

    def as_bytes(self) -> None:
        """From here on the inlet has to know what is asked."""
        image, self._image = self._image, None
        self._bytes_until_us = self._reel.now_us + BELIEVED_US
        if image is not None and self._request is not None:
            self.inlet.expect(self._unit, image.shape)
            self.inlet.sent(pack_rtu(self._unit, image.pdu))

    def answered(self, pdu: bytes) -> None:
        """The answer has come."""
        image = self._image
        if image is None or self._request is None:
            return
        self.byte_us = self._reel.now_us
        outcome = image.outcome(pdu, self.byte_us)
        if outcome is None:
            self.as_bytes()
            self._came(pack_rtu(self._unit, pdu))
        else:
            self._done(outcome)
