"""A box of a world, checked without a wire between: requests and answers travel without a frame, and time is the world's."""

from __future__ import annotations

from collections.abc import Coroutine
from dataclasses import replace

from chargebench.datasheets.load import load
from chargebench.datasheets.model import Datasheet
from chargebench.emulator.flow import NA_PER_MA, SECOND_US, ZERO, Triple
from chargebench.emulator.hand import Hand
from chargebench.emulator.kinds import kind_of_sheet
from chargebench.emulator.slave import Slave
from chargebench.emulator.spec import BoxSpec, CarSpec, ConnectionSpec, LineAt, TcpAt, WorldSpec
from chargebench.emulator.streams import Streams
from chargebench.emulator.world import World
from chargebench.scenarios.clauses.bench import Bench, Currents
from chargebench.scenarios.clauses.end import SILENT, End, Reply
from chargebench.scenarios.clauses.model import Target, Transport
from chargebench.scenarios.clauses.wires import Clock

BOX = "box"
TURNAROUND_US = 5_000
FAILSAFE_US, FAILSAFE_MA = 60 * SECOND_US, 8_000
BOOT_MA, MAX_MA, CABLE_MA = 11_000, 16_000, 32_000
_UNHEARD_OF = {"none", "unknown"}


def spec_of(sheet: Datasheet) -> BoxSpec:
    """A box of this sheet as an installer puts it up: with a failsafe, where it has a watchdog that is known."""
    manner = kind_of_sheet(sheet).manner
    kind = "unknown" if sheet.watchdog is None else sheet.watchdog.kind
    standard = BoxSpec(BOX, sheet.name, TcpAt("box.lan", sheet.port or 502), unit=sheet.unit)
    return replace(
        standard,
        at=standard.at if "tcp" in sheet.transports else LineAt("COM1"),
        max_ma=MAX_MA,
        cable_ma=CABLE_MA,
        failsafe_us=manner.failsafe_us or (0 if kind in _UNHEARD_OF else FAILSAFE_US),
        failsafe_ma=FAILSAFE_MA,
        boot_limit_ma=BOOT_MA,
        write_latency_us=standard.write_latency_us if manner.latency_us is None else manner.latency_us,
        boot_us=standard.boot_us if manner.boot_us is None else manner.boot_us,
    )


class LoneBox:
    """A world with one box in it, and all that can be done there.

    ``spec``: how the box is put up, if not as ``spec_of`` says. ``clock`` is the time it follows, None for its own.
    """

    def __init__(self, sheet: Datasheet, spec: BoxSpec | None = None, clock: Clock | None = None) -> None:
        self.spec = spec_of(sheet) if spec is None else spec
        world = WorldSpec(ConnectionSpec(2 * MAX_MA), (self.spec,))
        self.world = World(
            world, Streams(0), lambda _event: None, lambda name: sheet if name == sheet.name else load(name)
        )
        (server,) = self.world.servers()
        self.slave = Slave(server.units)
        self._hand, self._clock = Hand(self.world), clock
        self._cars = 0
        self._peak, self._asked_us = ZERO, 0
        self.world.boxes[BOX].flow.leaving.append(self._flowed)
        self.bench = Bench(
            sheet,
            MAX_MA,
            car=self,
            drawn=self.drawn,
            peak=self.peak,
            restart=self.restart,
            wear=lambda: self.world.devices[BOX].flash_writes,
            failsafe_us=self.spec.failsafe_us,
            failsafe_ma=self.spec.failsafe_ma,
            boot_ma=self.spec.boot_limit_ma,
        )

    def now_us(self) -> int:
        """The present, which the world has reached."""
        if self._clock is not None:
            self.world.advance(self._clock.now_us())
        return self.world.now_us

    async def plug(self) -> None:
        self.now_us()
        self._cars += 1
        visit = CarSpec(f"car {self._cars}", BOX, 0, None, 3, CABLE_MA, 10**6)
        self._hand.plug(replace(visit, below_ma=0, delay_us=0, ramp_ma_per_s=10**6, taper=()))

    async def unplug(self) -> None:
        self.now_us()
        self._hand.unplug(BOX)

    async def drawn(self) -> Currents:
        return _in_ma(self.world.boxes[BOX].flow.level(self.now_us()))

    async def peak(self) -> Currents:
        self._flowed(self.now_us())
        peak, self._peak, self._asked_us = self._peak, ZERO, self.world.now_us
        return _in_ma(peak)

    async def restart(self) -> None:
        self.now_us()
        self.world.act(self.world.boxes[BOX].restart)

    async def pause(self, us: int) -> None:
        """Time passes."""
        self.world.advance(self.world.now_us + us)

    def _flowed(self, at_us: int) -> None:
        """The piece that runs has come so far, or ends. A piece of current is straight: its most flows where it begins or ends."""
        flow = self.world.boxes[BOX].flow
        if at_us > flow.at_us:
            ends = (self._peak, flow.level(max(flow.at_us, self._asked_us)), flow.level(at_us))
            self._peak = max(one[0] for one in ends), max(one[1] for one in ends), max(one[2] for one in ends)

    def answer(self, unit: int, pdu: bytes) -> bytes | None:
        """What comes of a request now; nothing while the box is dark."""
        reach = self.world.reach(BOX)
        return self.slave.answer(unit, pdu, self.world.now_us) if not reach.mute and reach.speaks else None


def _in_ma(na: Triple) -> Currents:
    return na[0] // NA_PER_MA, na[1] // NA_PER_MA, na[2] // NA_PER_MA


class PduEnd(End):
    """The box of ``lone``, without a wire."""

    def __init__(self, lone: LoneBox) -> None:
        sheet = lone.bench.sheet
        self.target = Target((*sheet.reads, *sheet.writes), unit=sheet.unit)
        self.bench = lone.bench
        self._lone = lone

    @property
    def transport(self) -> Transport:
        return "pdu"

    @property
    def clock(self) -> Clock:
        return self._lone

    async def start_afresh(self) -> None:
        """There is nothing on its way."""

    async def ask(self, pdu: bytes, *, unit: int | None = None) -> Reply:
        unit = self.target.unit if unit is None else unit
        answer = self._lone.answer(unit, pdu)
        us = self.target.timeout_us if answer is None else TURNAROUND_US
        await self._lone.pause(us)
        return Reply(answer, SILENT if answer is None else "", us)


def at_once(work: Coroutine[object, None, None]) -> None:
    """Run to its end what waits for nothing but a ``PduEnd``."""
    try:
        work.send(None)
    except StopIteration:
        return
    work.close()
    raise RuntimeError("a check without a wire waits for something else")
