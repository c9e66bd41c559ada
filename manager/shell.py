"""The manager at work: cycles on a fixed grid, commands out, one round of reads in, until it is cancelled.

Cycle n begins ``n * cycle_us`` after the start. What has arrived by then is its view, and the controller's commands
follow from that alone; answers that come later, confirmations included, belong to the next cycle. Then the round runs, on
all links at once: cuts, raises, reads. The next cycle begins at the first instant of the grid after the round has ended;
instants that pass meanwhile are skipped, and told.

Time is the running loop's and nothing else's, so the whole manager runs wherever its loop, its sockets and its serial
ports come from.

What a person changes meanwhile, and what an earlier life left behind, comes in from outside: licences are asked for at
every cycle, and the ledger is written before a command leaves that could not be known of after a restart.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, runtime_checkable

from chargebench.datasheets.errors import BadInput
from chargebench.datasheets.load import load
from chargebench.manager.doubts import Doubts
from chargebench.manager.drivers.old_reads import OldReads
from chargebench.manager.drivers.phases import PhaseSwitch
from chargebench.manager.drivers.registry import Sheets, box_driver, dozes, gap_us, meter_driver, told_by_broadcast
from chargebench.manager.inputs import InputPoll, Inputs
from chargebench.manager.ledger import Ledger, Store, Unusable
from chargebench.manager.licence import licensed, third_party
from chargebench.manager.links.link import Link
from chargebench.manager.links.master import now_us, quiet
from chargebench.manager.meter_poll import MeterPoll
from chargebench.manager.notes import Note, Teller
from chargebench.manager.orders import NO_ORDERS, Desk, Orders
from chargebench.manager.pacing import Pacing
from chargebench.manager.policies.registry import as_meant
from chargebench.manager.readings import Command, Session, View
from chargebench.manager.rounds import BEAT_US, BoxPoll
from chargebench.manager.site import Address, Site, TcpAddress

MANAGER = "manager"


class Controller(Protocol):
    """Who decides: the view of a cycle in, commands out. Sans-IO; times in a view count from the first cycle."""

    @property
    def cycle_us(self) -> int:
        """The distance of the grid's instants."""

    def cycle(self, n: int, view: View) -> Sequence[Command]:
        """The commands of cycle ``n``."""


@runtime_checkable
class Stepping(Protocol):
    """A controller that gives current in the steps in which boxes take it."""

    def in_steps(self, steps_ma: Sequence[int]) -> None:
        """The step of each box, before the first cycle."""


@runtime_checkable
class Learner(Protocol):
    """A controller that knows of the cars what is worth keeping over a restart."""

    def sessions(self) -> Sequence[Session | None]:
        """The car at each box, None where there is none, as of the last cycle."""


@dataclass(frozen=True, slots=True)
class Life:
    """What a manager has to do with beyond one start of it.

    ``licences`` says how many there are now, beyond those that are free; as many as the site says, if left out. ``store``
    keeps what is to be known after a restart; it is used only where something is written. ``orders`` says what is ordered now,
    ``day_us`` the time of the day, us since midnight, by which the site's own plan goes. ``tells_inputs``: the orders tell which
    inputs are on that are not read.
    """

    licences: Callable[[], int] | None = None
    store: Store | None = None
    orders: Callable[[], Orders] | None = None
    day_us: Callable[[], int] | None = None
    tells_inputs: bool = False


async def manage(  # noqa: PLR0913 all that it is given from outside
    site: Site,
    controller_factory: Callable[[Site], Controller],
    *,
    ports: Mapping[str, str],
    note: Callable[[Note], None],
    sheets: Sheets = load,
    life: Life = Life(),
    links: Callable[[Site, Mapping[str, str], Teller], Links] | None = None,
) -> None:
    """Manage ``site`` until cancelled; then every link is closed, in the order of the site.

    ``ports`` says where a port or an address of the site really leads: "COM1" to "/dev/ttyUSB0" or any URL of pyserial,
    "192.168.2.151:4701" to another host and port. ``links`` makes other links to them. ``BadInput`` or ``UnknownName``
    before anything is opened.
    """
    quiet()
    teller = Teller(note, now_us)
    ways = (links or Links)(site, ports, teller)
    crew = Crew(site, ways, teller, sheets, life.licences)
    crew.desk = Desk(site, life.orders, life.day_us)
    crew.inputs = Inputs(site, ways.to, teller, told=life.tells_inputs)
    keeper = Keeper(site, life.store, crew, teller) if life.store is not None and site.management else None
    tasks = [asyncio.get_running_loop().create_task(link.run(), name=f"link {link.name}") for link in ways.all]
    try:
        controller = controller_factory(site)
        if isinstance(controller, Stepping):
            controller.in_steps([box.step_ma for box in crew.boxes])
        await _cycles(site, controller, crew, ways, teller, keeper)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _cycles(
    site: Site, controller: Controller, crew: Crew, links: Links, teller: Teller, keeper: Keeper | None
) -> None:
    start_us = now_us()
    learner = controller if isinstance(controller, Learner) else None
    n = 0
    while True:
        await _sleep_until(start_us + n * controller.cycle_us)
        crew.review_licences()
        view = crew.view(start_us)
        commands = controller.cycle(n, view)
        if keeper is not None:
            sessions = None if learner is None else learner.sessions()
            commands = keeper.kept(view, commands, n * controller.cycle_us, sessions)
        teller.tell("cycle", MANAGER, cycle=n, commands=len(commands))
        links.new_round()
        begun_us = now_us()
        await crew.round(n, commands if site.management else ())
        ended_us = now_us()
        if crew.feeds() and ended_us < begun_us + BEAT_US:
            await _sleep_until(begun_us + BEAT_US)
            await crew.feed()
            ended_us = now_us()
        following = max(n + 1, (ended_us - start_us) // controller.cycle_us + 1)
        if following > n + 1:
            took_us = ended_us - begun_us
            teller.tell("skipped", MANAGER, cycle=n, skipped=following - n - 1, took_us=took_us)
        n = following


async def _sleep_until(at_us: int) -> None:
    await asyncio.sleep(at_us / 1e6 - asyncio.get_running_loop().time())


class Keeper:
    """Has what is to be known after a restart kept before it becomes true, and tells the boxes what is known of them."""

    def __init__(self, site: Site, store: Store, crew: Crew, teller: Teller) -> None:
        self._teller = teller
        self._failing = False
        try:
            remembered = store.load()
        except Unusable as error:
            remembered = {}
            teller.tell("forgotten", MANAGER, why=str(error))
        self._ledger = Ledger(site, store, remembered)
        known = self._ledger.remembered()
        for box, page in zip(crew.boxes, known, strict=True):
            box.remembered = page
        if remembered:
            teller.tell("remembers", MANAGER, boxes=sum(page is not None for page in known))

    def kept(
        self, view: View, commands: Sequence[Command], now_us: int, sessions: Sequence[Session | None] | None = None
    ) -> Sequence[Command]:
        """The commands that may leave: all of them, or only those that raise nothing while nothing can be kept."""
        try:
            self._ledger.take(view, commands, now_us, sessions)
        except Unusable as error:
            if not self._failing:
                self._teller.tell("unsaved", MANAGER, why=str(error))
            self._failing = True
            return [one for one in commands if not _raises(one, view)]
        self._failing = False
        return commands


def _raises(command: Command, view: View) -> bool:
    """Whether a box may draw more after a command than it shows."""
    reading = view.boxes[command.box].reading
    return reading is not None and command.limit_ma > reading.limit_ma


class Links:
    """One link for each TCP address and each serial line of the site, in its order."""

    def __init__(self, site: Site, ports: Mapping[str, str], teller: Teller) -> None:
        self.all: list[Link] = []
        self._ports = ports
        self._teller = teller
        self._by_target: dict[str, tuple[Address, Link]] = {}
        self._broadcasts: dict[str, str] = {}
        self._path = site.path

    def to(self, address: Address, name: str) -> Link:
        """The link to ``address``; ``BadInput`` where ``name`` wants a line at other parameters than another device."""
        target = self._ports.get(str(address) if isinstance(address, TcpAddress) else address.port)
        if target is None:
            target = str(address) if isinstance(address, TcpAddress) else address.port
        if target not in self._by_target:
            link = self.make(address, target)
            self._by_target[target] = address, link
            self.all.append(link)
        first, link = self._by_target[target]
        if first != address and not isinstance(address, TcpAddress):
            raise BadInput(self._path, name, f"expected {first}, as another device has on this line, got {address}")
        return link

    def alone(self, link: Link, name: str) -> None:
        """``name`` is told by what all of its kind on its line hear; ``BadInput`` where there is another such."""
        other = self._broadcasts.setdefault(link.name, name)
        if other != name:
            raise BadInput(self._path, name, f"expected a line of its own: what tells it its limit tells {other}, too")

    def make(self, address: Address, target: str) -> Link:
        """A new link to ``address``, which is really at ``target``."""
        return Link(address, target, self._teller)

    def new_round(self) -> None:
        for link in self.all:
            link.new_round()

    async def all_at_once(self, rounds: Sequence[Coroutine[Any, Any, None]]) -> None:
        """Have these done over the links, side by side."""
        await asyncio.gather(*rounds)


class Crew:
    """All boxes and meters of a site, each with its driver and its link."""

    def __init__(
        self, site: Site, links: Links, teller: Teller, sheets: Sheets, licences: Callable[[], int] | None
    ) -> None:
        self._site = site
        self._links = links
        self._licences = licences
        self._foreign = third_party(site.boxes, sheets)
        self.boxes: list[BoxPoll] = []
        self.meters: list[MeterPoll] = []
        self._box_meters: list[MeterPoll] = []
        self._doubts = Doubts(site, teller)
        self.desk = Desk(site)
        self.inputs: Inputs | None = None
        for box in site.boxes:
            meter = None
            link = links.to(box.address, box.name)
            if box.meter is not None:
                name = f"meter of {box.name}"
                its_driver = meter_driver(box.meter.device, sheets)
                meter_link = links.to(box.meter.address, name)
                meter = MeterPoll(name, box.meter.unit, its_driver, meter_link, teller)
                self._box_meters.append(meter)
                meter_link.keep_gap(gap_us(sheets(box.meter.device)))
            link.keep_gap(gap_us(sheets(box.device)))
            if dozes(sheets(box.device)):
                link.dozes(box.unit)
            if told_by_broadcast(sheets(box.device)):
                links.alone(link, box.name)
            may_write = site.management and box.licensed and not box.observed
            driver = box_driver(box.device, sheets, box.unit)
            pacing, meant = Pacing.of(sheets(box.device)), as_meant(site.policy, box)
            phases = None if box.switch_us is None or box.memory_us else PhaseSwitch(sheets(box.device))
            if box.memory_us:
                driver = OldReads(driver, box.failsafe, box.maximum_ma)
            believed = None if box.meter is not None and box.meter.memory_us else meter
            poll = BoxPoll(meant, driver, link, teller, believed, may_write=may_write, pacing=pacing, phases=phases)
            if not box.licensed:
                teller.tell("unlicensed", box.name)
            self.boxes.append(poll)
        for one in site.meters:
            link = links.to(one.address, one.name)
            link.keep_gap(gap_us(sheets(one.device)))
            its_driver = meter_driver(one.device, sheets)
            self.meters.append(MeterPoll(one.name, one.unit, its_driver, link, teller, one.factor))

    def view(self, start_us: int) -> View:
        """What has arrived so far, as far as it is believed."""
        boxes = tuple(box.view(start_us) for box in self.boxes)
        meters = zip(self.meters, self._site.meters, strict=True)
        seen = self._doubts.believable(View(boxes, tuple(meter.view(start_us, one.phases) for meter, one in meters)))
        orders = self.orders(now_us())
        return seen if orders is NO_ORDERS else replace(seen, orders=orders.since(start_us))

    def orders(self, at_us: int) -> Orders:
        """What is ordered now, by people, by the site's plan and by inputs as they were read until ``at_us``."""
        orders = self.desk.now()
        return orders if self.inputs is None else self.inputs.over(orders, at_us)

    def to_be_told(self, commands: Sequence[Command]) -> list[Command]:
        """The commands that may go out: those to boxes that have a licence and are not only observed."""
        return [one for one in commands if self.boxes[one.box].licensed and not self.boxes[one.box].box.observed]

    def review_licences(self) -> None:
        """Ask which boxes may be managed now."""
        if self._licences is not None:
            allowed = licensed(self._foreign, self._licences())
            for box, one in zip(self.boxes, allowed, strict=True):
                box.license(one, managed=self._site.management and not box.box.observed)

    def feeds(self) -> bool:
        """Whether a box wants something to be written between two rounds."""
        return any(box.feeding() is not None for box in self.boxes)

    async def feed(self) -> None:
        """Feed the watchdogs for which that is due."""
        await asyncio.gather(*(box.feed() for box in self.boxes))

    async def round(self, cycle: int, commands: Sequence[Command]) -> None:
        """Write the commands and read everything once. All writes are queued before the first read."""
        heard = self.to_be_told(commands)
        limits = {one.box: one.limit_ma for one in heard if one.phases is None}
        for k, box in enumerate(self.boxes):
            box.begin(cycle, limits.get(k))
        for one in heard:
            if one.phases is not None:
                self.boxes[one.box].turn(one.phases, one.why)
        inputs = self.inputs
        boxes = [
            inputs.behind(box) if inputs is not None and inputs.on(box.box.name) else box.round() for box in self.boxes
        ]
        apart = inputs.apart if inputs is not None else ()
        polls: list[MeterPoll | InputPoll] = [*self._box_meters, *self.meters, *apart]
        await self._links.all_at_once([*boxes, *(poll.round() for poll in polls)])
