"""A run in leaps: from one cycle at which something can follow to the next.

What the master would have asked in between is left out, since every answer would have been as the one before. The world says when
something happens in it next, the controller when it wants to be asked without that. What has happened shows at the first
round whose requests arrive after it; until everything behind a link is calm again its rounds are asked one by one.

Two things are made up for just before a link's world changes, as of their own time: the requests of a round under way that
have already arrived, and the last counter of energy that the master would have read. The latter, too, before a decision.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import NamedTuple, cast

from chargebench.datasheets.load import load
from chargebench.emulator.box import Box
from chargebench.emulator.devices.s0 import PulseMeter
from chargebench.emulator.flow import FAR, Flow
from chargebench.emulator.meter import PhaseMeter
from chargebench.emulator.plant import Server
from chargebench.emulator.slave import Slave
from chargebench.emulator.spec import ALL_BOXES, ROOF, MeterSpec, TcpAt
from chargebench.emulator.world import CONNECTION, FAULTS, FIRST_BOX, HOUSE, World
from chargebench.manager.inputs import Inputs
from chargebench.manager.links.link import Link
from chargebench.manager.notes import Note, Teller
from chargebench.manager.orders import NO_ORDERS, Desk, Orders, planned
from chargebench.manager.policies.registry import Controller
from chargebench.manager.readings import Command, View
from chargebench.manager.shell import MANAGER, Crew, Links, Stepping
from chargebench.manager.site import Address, Site
from chargebench.scenarios.leap.clockwork import Clockwork
from chargebench.scenarios.leap.party import Behind, Party, Poll
from chargebench.scenarios.leap.way import LeapLink, Road
from chargebench.scenarios.stage import INTERNAL_LATENCY_US


class Network(NamedTuple):
    """What the network between master and slaves takes for each packet, us."""

    latency_us: int
    jitter_us: int


INTERNAL = Network(INTERNAL_LATENCY_US, 0)


class LeapLinks(Links):
    """The links of a site, all over the network, to the slaves of a world."""

    def __init__(
        self, site: Site, teller: Teller, clockwork: Clockwork, world: World, network: tuple[int, int]
    ) -> None:
        super().__init__(site, {}, teller)
        self.made: dict[str, tuple[LeapLink, Server]] = {}
        self._clockwork, self._world, self._network = clockwork, world, network
        self._servers = {str_of(one.at): one for one in world.servers() if isinstance(one.at, TcpAt)}

    def make(self, address: Address, target: str) -> Link:  # noqa: ARG002 the target says it all
        server = self._servers[target]
        assert isinstance(server.at, TcpAt)
        latency_us, jitter_us = INTERNAL if server.at.internal else self._network
        road = Road(latency_us, jitter_us, server.turnaround_us)
        link = LeapLink(target, Slave(server.units), road, self._clockwork, self._world, self._teller)
        self.made[target] = link, server
        return cast("Link", link)


def str_of(at: TcpAt) -> str:
    return f"{at.host}:{at.port}"


@dataclass(frozen=True, slots=True)
class Life:
    """What a manager has to do with beside what it reads, as of the time at which it is asked."""

    licences: Callable[[], int]
    orders: Callable[[], Orders]
    day_us: Callable[[], int]


class Journey:
    """One run under way, of a world with or without a manager. ``note`` hears what that tells."""

    def __init__(self, world: World, network: Network, note: Callable[[Note], None]) -> None:
        self.world = world
        self.clockwork = Clockwork()
        self.asked = self.rounds = 0
        self.tells_all = False
        """Whether cycles that are left out are told as well."""
        self._network, self._note = network, note
        self._teller = Teller(note, lambda: self.clockwork.now_us)
        self._agenda: list[tuple[int, int, Callable[[], None], bool]] = []
        self._planned = 0
        self._news: list[int] = []
        self._parties: list[Party] = []
        self._of: dict[int, list[Party]] = {}
        self._master: Master | None = None
        self._cycle_us = 0

    def manage(self, site: Site, controller: Controller, life: Life) -> None:
        """Have ``controller`` manage ``site`` from the start on."""
        links = LeapLinks(site, self._teller, self.clockwork, self.world, self._network)
        crew = Crew(site, links, self._teller, load, life.licences)
        crew.desk = Desk(site, life.orders, life.day_us)
        crew.inputs = Inputs(site, links.to, self._teller, told=True)
        if isinstance(controller, Stepping):
            controller.in_steps([box.step_ma for box in crew.boxes])
        self._parties = self._gather(crew, links)
        self._of = self._concerned()
        self._cycle_us = controller.cycle_us
        self._master = Master(site, controller, crew, self._note, life.day_us)
        for box in site.boxes:
            attended(self.world.boxes[box.name])

    def at(self, at_us: int, do: Callable[[], None], *, news: bool = False) -> None:
        """Do something at an instant, after what the world does then. ``news``: the manager is to be asked after it."""
        self._planned += 1
        heappush(self._agenda, (at_us, self._planned, do, news))
        if news:
            heappush(self._news, at_us)

    # -- who is where -------------------------------------------------------------------------

    def _gather(self, crew: Crew, links: LeapLinks) -> list[Party]:
        """The polls by their links, each link's in the order of a round."""
        polls: list[tuple[Poll, int | None, object]] = [(box, k, box._link) for k, box in enumerate(crew.boxes)]  # noqa: SLF001
        polls += [(one, None, one._link) for one in (*crew._box_meters, *crew.meters)]  # noqa: SLF001
        parties = []
        for link, server in links.made.values():
            own = [(poll, place) for poll, place, its in polls if its is link]
            party = Party(link, [poll for poll, _ in own], [place for _, place in own], self._behind(server))
            party.boxes = [k for k, box in enumerate(crew.boxes) if box in party.polls or box._meter in party.polls]  # noqa: SLF001
            party.meters = [k for k, meter in enumerate(crew.meters) if meter in party.polls]
            parties.append(party)
        return parties

    def _behind(self, server: Server) -> Behind:
        behind, world = Behind(), self.world
        for member in server.members:
            box = world.boxes.get(member.name)
            if box is not None:
                behind.boxes.append(box)
                behind.flows.append(box.flow)
                attached = [one for one in world.spec.meters if one.at is None and one.measures == member.name]
                samples = [one.interval_us for one in attached] or [MeterSpec("", "", None, 0, "").interval_us]
                behind.counter = _counter(box, attached, world)
                behind.sample_us = max(behind.sample_us, *samples)
                behind.restless = behind.restless or any(one.accuracy for one in attached)
                continue
            spec = world.meters[member.name].spec
            behind.flows.append(self._flow(spec.measures))
            behind.sample_us = max(behind.sample_us, spec.interval_us)
            behind.restless = behind.restless or bool(spec.accuracy)
            if isinstance(pulses := world.meters[member.name], PulseMeter):
                behind.pulses.append(pulses)
        return behind

    def _flow(self, measures: str) -> Flow:
        flow = self.world.source(measures).flow
        assert isinstance(flow, Flow), f"{measures} is a place of the world"
        return flow

    def _concerned(self) -> dict[int, list[Party]]:
        """Whom it concerns that an actor of the world acts."""
        world = self.world
        found: dict[int, list[Party]] = {CONNECTION: self._parties, FAULTS: self._parties}
        measured = {one.measures for one in world.spec.meters}
        connection, house = world.connection.flow, world.house.flow
        roof = [self._flow(ROOF)] if ROOF in measured else []
        together = [self._flow(ALL_BOXES)] if ALL_BOXES in measured else []
        found[HOUSE] = self._who_sees(connection, house)
        for k, box in enumerate(world.boxes.values()):
            found[FIRST_BOX + k] = self._who_sees(box.flow, connection, *together)
        found[FIRST_BOX + len(world.boxes)] = self._who_sees(connection, house, *roof)
        return found

    def _who_sees(self, *flows: Flow) -> list[Party]:
        return [one for one in self._parties if any(flow is its for flow in flows for its in one.behind.flows)]

    # -- time ---------------------------------------------------------------------------------

    def go(self, until_us: int) -> None:
        """From the start until ``until_us``, which is no part of it."""
        master = self._master
        n = 0
        while master is not None and (at_us := n * master.cycle_us) < until_us:
            self._advance(at_us)
            self._cycle(master, n, at_us)
            following = self._next(master, n, at_us)
            if self.tells_all:
                master.tell_quiet(n, min(following, -(-until_us // master.cycle_us)))
            n = following
        self._advance(until_us - 1)
        self.clockwork.run(until_us)

    def _next(self, master: Master, n: int, at_us: int) -> int:
        """The next cycle at which anything can follow."""
        if any(not party.calm for party in self._parties):
            return n + 1
        happens_us = min(self.world.next_us, self._news[0] if self._news else FAR)
        return max(n + 1, min(-(-happens_us // master.cycle_us), master.next_cycle(at_us)))

    def _advance(self, to_us: int) -> None:
        """Let everything happen that is due until ``to_us``: in the world inclusive, on the ways before it."""
        world, clockwork, agenda = self.world, self.clockwork, self._agenda
        while True:
            planned_us = agenda[0][0] if agenda else FAR
            clockwork.run(min(world.next_us, planned_us, to_us))
            if world.next_us <= min(planned_us, to_us):
                self._happens(world.next_us)
            elif planned_us <= to_us:
                _, _, do, news = heappop(agenda)
                world.advance(planned_us)
                clockwork.now_us = planned_us
                do()
                if news:
                    heappop(self._news)
                if news and self._master is not None:
                    self._master.news = True
            else:
                return

    def _happens(self, at_us: int) -> None:
        """The world changes at ``at_us``; before, those whom it concerns are asked what they would have been asked by then."""
        world = self.world
        concerned = [party for number in world.due(at_us) for party in self._of.get(number, ())]
        if self._master is not None:
            cycle_us = self._master.cycle_us
            n = -(-at_us // cycle_us) - 1
            for party in concerned:
                late = at_us <= n * cycle_us + party.longest_us
                if n >= 0 and party.calm and party.done < n and (late or party.behind.draws()):
                    self._make_up(party, n, n * cycle_us)
            self.clockwork.run(at_us)
        if world.next_us < at_us:
            return  # what has just been written acts first
        world.advance(at_us)
        for party in concerned:
            party.stir(at_us)

    def _make_up(self, party: Party, n: int, at_us: int) -> None:
        """Have round ``n`` of a calm link asked after all, as of its own time."""
        self.clockwork.now_us = at_us
        party.begin(n, at_us)
        self.clockwork.at(at_us, party.start)
        self.rounds += 1

    # -- a cycle ------------------------------------------------------------------------------

    def _cycle(self, master: Master, n: int, at_us: int) -> None:
        clockwork = self.clockwork
        clockwork.now_us = at_us
        limits: dict[int, int] = {}
        turns: dict[int, Command] = {}
        changed = [party for party in self._parties if party.changed]
        if changed or master.is_to_ask(n, at_us):
            self._look(master, changed)
            if not master.quiet(n):
                self._count(n - 1, at_us - master.cycle_us)
                self._look(master, [party for party in self._parties if party.fresh])
                clockwork.now_us = at_us
                self.asked += 1
                limits, turns = master.decide(n)
        for party in self._parties:
            told = not party.calm
            for k in party.boxes if limits or turns else ():
                told = told or k in limits or k in turns
            if told:
                party.begin(n, at_us, limits, turns)
                clockwork.at(at_us, party.start)
                self.rounds += 1

    def _count(self, n: int, at_us: int) -> None:
        """Have it known what has been counted until round ``n``, which began at ``at_us``, where nothing else has changed."""
        for party in self._parties:
            if party.calm and party.done < n and party.behind.draws() and not party.count(at_us):
                self._make_up(party, n, at_us)
        self.clockwork.run(at_us + self._cycle_us)

    def _look(self, master: Master, parties: Sequence[Party]) -> None:
        for party in parties:
            party.changed = party.fresh = False
            for k in party.boxes:
                master.look_at_box(k)
            for k in party.meters:
                master.look_at_meter(k)


class Master:
    """The manager as far as it decides. ``news``: something has changed that is not read."""

    def __init__(
        self, site: Site, controller: Controller, crew: Crew, note: Callable[[Note], None], day_us: Callable[[], int]
    ) -> None:
        self.news = True
        self._told = -1
        self.cycle_us = controller.cycle_us
        self._site, self._controller, self._crew, self._note = site, controller, crew, note
        self._day_us = day_us if site.dimming is not None or site.surplus else None
        self._plan_us = FAR
        self._boxes = [box.view(0) for box in crew.boxes]
        self._meters = [one.view(0, at.phases) for one, at in zip(crew.meters, site.meters, strict=True)]

    def next_cycle(self, now_us: int) -> int:
        """The next cycle that it wants to be asked for by itself, as of ``now_us``."""
        self._plan_us = FAR if self._day_us is None else now_us + planned(self._site, self._day_us())[2]
        return min(self._controller.next_cycle, -(-self._plan_us // self.cycle_us))

    def is_to_ask(self, n: int, at_us: int) -> bool:
        """Whether cycle ``n`` is to be looked at though nothing was read anew."""
        return self.news or n >= self._controller.next_cycle or at_us >= self._plan_us

    def quiet(self, n: int) -> bool:
        """Whether nothing follows at cycle ``n`` from what is known now."""
        if self.news:
            self._crew.review_licences()
            self.news = False
            for k in range(len(self._boxes)):
                self.look_at_box(k)
        return self._controller.quiet(n, self._view())

    def decide(self, n: int) -> tuple[dict[int, int], dict[int, Command]]:
        """What goes out at cycle ``n``: limits, mA by box, and who is to charge on other phases."""
        commands = self._controller.cycle(n, self._view())
        self._tell(n, len(commands))
        heard = self._crew.to_be_told(commands) if self._site.management else []
        limits = {one.box: one.limit_ma for one in heard if one.phases is None}
        return limits, {one.box: one for one in heard if one.phases is not None}

    def tell_quiet(self, n: int, following: int) -> None:
        """Tell of the cycles from ``n`` until ``following`` in which nothing was decided."""
        for cycle in range(max(n, self._told + 1), following):
            self._tell(cycle, 0)

    def _tell(self, n: int, commands: int) -> None:
        self._told = n
        self._note(Note(n * self.cycle_us, "cycle", MANAGER, (("cycle", n), ("commands", commands))))

    def look_at_box(self, k: int) -> None:
        """See what has been read of a box since the last look."""
        self._boxes[k] = self._crew.boxes[k].view(0)

    def look_at_meter(self, k: int) -> None:
        """See what has been read of a meter of the house."""
        self._meters[k] = self._crew.meters[k].view(0, self._site.meters[k].phases)

    def _view(self) -> View:
        orders = self._crew.orders(0)
        return View(tuple(self._boxes), tuple(self._meters), orders if orders is NO_ORDERS else orders.since(0))


def _counter(box: Box, attached: Sequence[MeterSpec], world: World) -> PhaseMeter | None:
    """The meter whose counter of energy a box shows as it is; None where that is not known."""
    name = attached[0].name if attached else f"{box.spec.name}-meter"
    meter = world.meters.get(name)
    return meter if box.spec.device == "power-brain" and isinstance(meter, PhaseMeter) else None


def attended(box: Box) -> None:
    """Somebody speaks to this box all the time."""
    box.idle.attended = box.standby.attended = True
