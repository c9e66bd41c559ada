"""A master's place on a simulated line, exact to the bit."""

from __future__ import annotations

import asyncio
from collections import deque

from chargebench.emulator.clock.loop import SimLoop
from chargebench.emulator.wires.rs485 import Line
from chargebench.scenarios.clauses.model import NotApplicable
from chargebench.scenarios.clauses.wires import Burst

HEARD_MAX = 64


class SimulatedLine:
    """Joins ``line`` as one more node, which hears everything."""

    exact = True
    hears: tuple[int, ...] | None = None

    def __init__(self, loop: SimLoop, line: Line, name: str = "checker") -> None:
        self.name = name
        self.baud, self.character_bits = line.setting.baud, line.setting.character_bits
        self._loop, self._line = loop, line
        self._heard: deque[Burst] = deque(maxlen=HEARD_MAX)
        self._came = asyncio.Event()
        line.attach(self)

    def line_busy(self, now_us: int) -> None:
        """Silence is for slaves to judge."""

    def received(self, now_us: int, data: bytes) -> None:
        begin_us = now_us - self._line.setting.time_us(len(data))
        self._heard.append(Burst(begin_us, now_us, data))
        self._came.set()

    def now_us(self) -> int:
        return self._loop.now_us

    async def pause(self, us: int) -> None:
        await asyncio.sleep(us / 1e6)

    async def send(self, *bursts: bytes, gap_us: int = 0, at_us: int | None = None, wrong_parity: bool = False) -> int:
        if wrong_parity:
            raise NotApplicable("the simulated line hands over characters whatever their parity")
        begin_us = end_us = self.now_us() if at_us is None else at_us
        for burst in bursts:
            end_us = self._line.send(self, burst, begin_us)
            begin_us = end_us + gap_us
        await self.pause(end_us - self.now_us())
        return end_us

    async def hear(self, until_us: int) -> Burst | None:
        while not self._heard:
            left_us = until_us - self.now_us()
            if left_us <= 0:
                return None
            self._came.clear()
            try:
                await asyncio.wait_for(self._came.wait(), left_us / 1e6)
            except TimeoutError:
                return None
        return self._heard.popleft()

    async def close(self) -> None:
        self._line.detach(self)
