"""A box of any make: limit, pulse, contactor, failsafe, standby, restarts; a machine without a clock.

What boxes do alike stands here; in what they differ says their ``Manner``, and their registers say it in ``devices``.

Who decides what the pilot offers: failsafe while it acts on top, else limit and enable as written, once the write latency
has passed; then the cable (8091 in its stead where it is set) and the model; rounded down to 0.1 A, below 6 A nothing.

Pulse: changes at most every 5 s; only losing the car, the pilot or the power stops it at once. A box that is to stop a car
first offers 6 A, then stops the pulse, waits until less than 1 A flows and at least 3 s, then opens the contactor; a car
that goes on all the same is cut off after 30 s. The contactor closes as soon as a car under a pulse closes its switch,
and opens 100 ms after the switch opens, the plug is pulled, or an interruption of the pilot begins; a restart or a loss
of power opens it at once. Openings with 1 A or more flowing are counted apart: they are what wears it.

Failsafe: after a time without any access (counted from power-on) the failsafe current takes over, 0 stops charging.
Profile "on-top": limit and enable stay as written and the next access returns to them, after the write latency: so
a write that ends it is what holds, and a read wakes the old limit. Profile "overwrite": they take the
failsafe values, and keep them until they are written again. Under both profiles a failsafe current above 0 lets a stopped
box charge: that is the case a load manager has to reckon with.

Fault: a box that knows it puts its pilot into state F while its failsafe current of 0 acts, or while it is locked, and for
``fault_us`` after; the pulse stops at once, the contactor opens as with an interrupted pilot, a car is not seen.

Standby: a box that knows it sleeps when no car is plugged in and nothing was heard for a while. It wakes when a car comes,
or at a request, which it misses; what it had been told is gone then as after a restart. Asleep, no watchdog runs.

Registers follow a write at once; what they cause comes ``write_latency_us`` later. Nothing that a write causes changes the
current in that same microsecond, so what a meter samples at an instant does not depend on a write at that instant.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

from chargebench.emulator.car import Car
from chargebench.emulator.events import Event
from chargebench.emulator.flow import FAR, NA_PER_MA, SECOND_US, ZERO, Flow, Triple, first_below
from chargebench.emulator.manner import POWER_BRAIN, Manner, quirks_of, refuse_impossible
from chargebench.emulator.parts import LOAD_NA, OPEN_US, Contactor, IdleTimer, OwnManager, Pulse, Standby
from chargebench.emulator.pilot import DUTY_FULL, MINIMUM_MA, Pilot, path
from chargebench.emulator.spec import BoxSpec

STEP_MA = 100
PHASE_SWITCH_US = 120 * SECOND_US

Feed = Callable[[int, tuple[Triple, Triple]], None]


class Box:
    """One box with its cars. ``feed`` gets every change of its current: (when, (nA, nA/us) per house phase).

    ``down`` is called when the box goes dark or comes back. The registers are attributes; after writing some of them call
    ``written``. ``leave``: whether it may close its contactor, where that needs somebody's leave.
    """

    def __init__(
        self,
        spec: BoxSpec,
        cars: Sequence[Car],
        tell: Callable[[Event], None],
        feed: Feed,
        down: Callable[[], None],
        manner: Manner = POWER_BRAIN,
    ) -> None:
        refuse_impossible(spec, [car.spec for car in cars], manner)
        self.manner = manner
        self.spec, self.channel = spec, f"box {spec.name}"
        self.quirks = quirks_of(spec, manner)
        self.flow = Flow()  # at the box's terminals t1..t3
        self._tell, self._feed, self._down = tell, feed, down
        self.visits = deque(sorted(cars, key=lambda one: one.spec.plugs_us))
        self.car: Car | None = None
        self.idle = IdleTimer(spec.failsafe_us, manner.look_us)
        self.standby = Standby(manner.standby_us)
        self.pulse, self.contactor = Pulse(), Contactor()
        self.own = OwnManager(active="manages-itself" in self.quirks)
        # registers in flash
        self.enabled = "not-enabled" not in self.quirks  # by its owner, in a menu that no register shows
        self.def_fixed_ma, self.def_limit_ma, self.def_enable = 0, spec.boot_limit_ma, spec.boot_enable
        self.failsafe_ma = spec.failsafe_ma
        self.restarts = 0
        self.locked = False
        self.before_boot: Callable[[], None] = lambda: None
        # registers that live until the next restart
        self.fixed_ma, self.limit_ma = self.def_fixed_ma, self.clip(self.def_limit_ma)
        self.enable = self.def_enable and self.enabled
        self.relay_select = self.relay2 = 0
        # machines
        self.pilot = Pilot.A
        self.dark = False  # without power, or still starting: it hears and says nothing
        self._in_force = (self.limit_ma, self.enable)
        self._told = self._in_force
        self._writes: deque[tuple[int, int, bool]] = deque()
        self._boot_end_us = FAR
        self._release_us = FAR  # when it goes back to its limit, failsafe being over
        self._cut_us, self._cut_end_us = FAR, FAR  # interruption of the pilot: since, until
        self._faulted = False  # the interruption is a fault's
        self._heard_us = -manner.pause_us
        self.boot_charge2: Triple = ZERO
        """Twice the charge (nA*us) that had flowed through its terminals when it last was powered on."""
        self.one_phase, self._switching, self.leave = 0, False, True
        self.switch_us = PHASE_SWITCH_US if "phase-switching" in self.quirks else manner.switch_us
        self._dead = [False, False, False]

    # -- what can be read --------------------------------------------------------------------------------------------

    @property
    def cable_ma(self) -> int:
        """What the plugged cable is coded for, 0 = no cable."""
        return self.spec.cable_ma if self.car is not None else 0

    def clip(self, current_ma: int) -> int:
        """What the model makes of a limit."""
        return min(current_ma, self.spec.max_ma)

    def cut_left_s(self, at_us: int) -> int:
        """Seconds left of an interruption of the pilot, rounded up."""
        return 0 if self._cut_us == FAR else -(-(self._cut_end_us - at_us) // SECOND_US)

    @property
    def next_us(self) -> int:
        """When the box or its car next does something by itself."""
        return min(
            self._writes[0][0] if self._writes else FAR,
            self._boot_end_us,
            self._release_us,
            self._cut_end_us,
            FAR if self.dark or self.standby.asleep else self.idle.next_us,
            FAR if self.dark or self.car is not None else self.standby.next_us,
            FAR if self.dark else self.own.next_us,
            self._visit_us(),
            self.pulse.due_us(self._duty_wanted()),
            self._opens_us(),
            FAR if self.car is None else self.car.next_us,
        )

    # -- what a master can do to it ----------------------------------------------------------------------------------

    def hears(self, at_us: int) -> bool:
        """Whether it hears a request that comes now: not the one that wakes it, and none too soon after another."""
        if self.standby.asleep:
            self._wake(at_us)
            self._settle(at_us)
            return False
        return at_us >= self._heard_us + self.manner.pause_us

    def heard(self, at_us: int) -> bool:
        """Any access to its unit: the idle time starts anew, failsafe ends. False: that only puts off what was to come."""
        self._heard_us = at_us
        self.standby.stir(at_us)
        if not self.idle.heard(at_us):
            return False
        self._release_us = at_us + self.spec.write_latency_us
        self._say(at_us, "failsafe", ("on", 0), ("limit_ma", self.limit_ma if self.enable else 0))
        self._review_fault(at_us)
        self._settle(at_us)
        return True

    def written(self, at_us: int) -> None:
        """Registers of its have been written: they take effect when the write latency has passed."""
        if (self.limit_ma, self.enable) != (self._writes[-1][1:] if self._writes else self._in_force):
            self._writes.append((at_us + self.spec.write_latency_us, self.limit_ma, self.enable))
        self._say_limit(at_us)
        self._review_fault(at_us)
        self._settle(at_us)

    def interrupt(self, at_us: int, seconds: int) -> None:
        """Open the control pilot for so many seconds, contactor first; 0 ends an interruption. Not while phases switch."""
        if self._switching:
            return
        self._cut(at_us, seconds)
        if self._cut_end_us <= at_us:
            self._end_cut()
        self._settle(at_us)

    def select_relay(self, at_us: int, one_phase: int) -> None:
        """0 = three phases, 1 = one. Unplugged: at once. Plugged: by a sequence if released, else at the next unplug.

        The sequence: no current, contactor open, pilot interrupted for ``switch_us``, then the other contactor.
        """
        self.relay_select = one_phase
        if self.car is None:
            self.one_phase = one_phase
        self._switching = self.switch_us is not None and one_phase != self.one_phase
        self._settle(at_us)

    # -- what happens to it ------------------------------------------------------------------------------------------

    def restart(self, at_us: int, boot_us: int | None = None) -> None:
        """Its hardware restarts: dark for the boot time, then working registers come from their def_ registers."""
        if self._dead[self.spec.wiring[0]]:
            return
        self._go_dark(at_us)
        self.restarts += 1
        self.idle.power_on(at_us)
        self._boot_end_us = at_us + (self.spec.boot_us if boot_us is None else boot_us)
        self._settle(at_us)

    def lose_phases(self, at_us: int, phases: tuple[int, ...]) -> None:
        """These house phases are dead: a box whose first terminal hangs on one is dark, a car loses what is behind others."""
        for phase in phases:
            self._dead[phase] = True
        if self._dead[self.spec.wiring[0]]:
            self._go_dark(at_us)
            self._boot_end_us = FAR
        self._settle(at_us)

    def gain_phases(self, at_us: int, phases: tuple[int, ...]) -> None:
        """These house phases are alive again: a box that was dark for it starts anew."""
        without = self._dead[self.spec.wiring[0]]
        for phase in phases:
            self._dead[phase] = False
        if without:
            self.restart(at_us)
        self._settle(at_us)

    def step(self, at_us: int) -> None:
        """Do what is due at ``at_us``."""
        if self._boot_end_us <= at_us:
            self._boot(at_us)
        while self._writes and self._writes[0][0] <= at_us:
            _, limit, enable = self._writes.popleft()
            self._in_force = (limit, enable)
        if self._release_us <= at_us:
            self._release_us = FAR
        if not self.dark and not self.standby.asleep and self.idle.next_us <= at_us:
            self._fall_back(at_us)
        if not self.dark and self.car is None and self.standby.next_us <= at_us:
            self._fall_asleep(at_us)
        if not self.dark and self.own.next_us <= at_us:
            self.own.looked(at_us)
            self.limit_ma, self.enable = self.clip(self.def_limit_ma), True
            self.written(at_us)
        if self._visit_us() <= at_us:
            self._visit(at_us)
        if self._cut_end_us <= at_us:
            self._end_cut()
        self._settle(at_us)

    # -- power and failsafe ------------------------------------------------------------------------------------------

    def _go_dark(self, at_us: int) -> None:
        self._open(at_us)
        self._offer(at_us, DUTY_FULL)
        if self.car is not None:
            self.car.lose_pilot(at_us)
        self._writes.clear()
        self._cut_us = self._cut_end_us = self._release_us = FAR
        self._switching = self._faulted = self.idle.on = self.standby.asleep = False
        if not self.dark:
            self.dark = True
            self._down()

    def _boot(self, at_us: int) -> None:
        self._boot_end_us = FAR
        self.dark = False
        if self.manner.boots_first:
            self.idle.power_on(at_us)
        self.boot_charge2 = self.flow.charge2(at_us)
        self.fixed_ma = self.def_fixed_ma
        self.relay_select = self.relay2 = self.one_phase = 0
        self.standby.stir(at_us)
        self.restore()
        self._say(at_us, "boot", ("count", self.restarts))
        self._say_limit(at_us)
        self._review_fault(at_us)
        self._down()

    def restore(self) -> None:
        """What it was told is gone: the boot registers hold, of which ``before_boot`` may have its say."""
        self.before_boot()
        if self.manner.forgets in self.quirks:
            self.idle.after_us, self.failsafe_ma = self.manner.failsafe_us, self.manner.failsafe_ma
            self.standby.allowed, self.locked = True, False
        self.limit_ma, self.enable = self.clip(self.def_limit_ma), self.def_enable and self.enabled
        self._writes.clear()
        self._in_force = (self.limit_ma, self.enable)

    def _fall_back(self, at_us: int) -> None:
        self.idle.on = True
        self._say(at_us, "failsafe", ("on", 1), ("limit_ma", self.clip(self.failsafe_ma)))
        if self.spec.profile == "overwrite":
            self.enable = self.failsafe_ma > 0
            self.limit_ma = self.clip(self.failsafe_ma) if self.enable else self.limit_ma
            self._writes.clear()
            self._in_force = (self.limit_ma, self.enable)
            self._say_limit(at_us)
        self._review_fault(at_us)

    def _fall_asleep(self, at_us: int) -> None:
        self.standby.asleep, self.idle.on = True, False
        if self._faulted:
            self._end_cut()
        self._say(at_us, "standby", ("on", 1))

    def _wake(self, at_us: int) -> None:
        self.standby.stir(at_us)
        self.idle.power_on(at_us)
        self._say(at_us, "standby", ("on", 0))
        self.restore()
        self._say_limit(at_us)
        self._review_fault(at_us)

    def _review_fault(self, at_us: int) -> None:
        """Put the pilot into state F where there is cause, and let it go on for a while when there is none any more."""
        if not self.manner.fault_us or self.dark or self.standby.asleep:
            return
        if self.locked or (self.idle.on and not self.failsafe_ma):
            self._faulted = True
            self._cut_until(at_us, FAR)
        elif self._faulted and self._cut_end_us == FAR:
            self._cut_end_us = at_us + self.manner.fault_us

    # -- what it offers ----------------------------------------------------------------------------------------------

    def _allowed_ma(self) -> int:
        """What may be offered now, in steps of 0.1 A; 0 = nothing."""
        if self.dark or self.car is None or self._switching or self._cut_us != FAR:
            return 0
        return self.granted_ma

    @property
    def granted_ma(self) -> int:
        """What its limit, or its failsafe while that acts, lets a car have, in whole steps; 0 = nothing."""
        limit, enable = self._in_force
        if (self.idle.on or self._release_us != FAR) and self.spec.profile == "on-top":
            limit, enable = self.failsafe_ma, self.failsafe_ma > 0
        most = min(limit, self.fixed_ma or self.spec.cable_ma, self.spec.max_ma)
        step_ma = self.manner.step_ma
        return most // step_ma * step_ma if enable and most >= MINIMUM_MA else 0

    def _duty_wanted(self) -> int:
        return self.pulse.towards(self._allowed_ma(), closed=self.contactor.closed)

    def _offer(self, at_us: int, duty: int) -> None:
        if self.pulse.set(at_us, duty):
            self._say(at_us, "offer", ("offered_ma", self.pulse.offered_ma))
            if self.car is not None:
                self.car.hear(at_us, self.pulse.offered_ma)

    def _cut(self, at_us: int, seconds: int) -> None:
        """Begin, prolong or shorten an interruption of the pilot."""
        if seconds or self._cut_us != FAR:
            self._cut_until(at_us, at_us + seconds * SECOND_US)

    def _cut_until(self, at_us: int, end_us: int) -> None:
        if self._cut_us == FAR:
            self._cut_us = at_us
            self._offer(at_us, DUTY_FULL)
        self._cut_end_us = end_us

    def _end_cut(self) -> None:
        self._cut_us = self._cut_end_us = FAR
        self._faulted = False
        if self._switching:
            self._switching, self.one_phase = False, self.relay_select

    # -- contactor ---------------------------------------------------------------------------------------------------

    def _opens_us(self) -> int:
        """When the contactor is to open, as things stand."""
        if not self.contactor.closed:
            return FAR
        if self.car is None:
            return self.contactor.released_opens_us()
        if self._cut_us != FAR:
            return self._cut_us + OPEN_US
        if self.pulse.on:
            return self.contactor.released_opens_us()
        calm_us = first_below(self.car.at_us, self.car.na, self.car.rate, LOAD_NA)
        return self.contactor.stopped_opens_us(self.pulse.changed_us, calm_us)

    def _open(self, at_us: int) -> None:
        if not self.contactor.closed:
            return
        drawn = 0 if self.car is None else self.car.level(at_us)
        self.contactor.open(drawn)
        self._say(at_us, "contactor", ("closed", 0), ("drawn_ma", drawn // NA_PER_MA))
        if self.car is not None:
            self.car.supply(at_us, 0)

    def _close(self, at_us: int) -> None:
        self.contactor.close()
        self.relay2 = 0  # only one relay at a time
        self._say(at_us, "contactor", ("closed", 1), ("drawn_ma", 0))

    # -- the car -----------------------------------------------------------------------------------------------------

    def _visit_us(self) -> int:
        if self.car is not None:
            return FAR if self.car.spec.leaves_us is None else self.car.spec.leaves_us
        return self.visits[0].spec.plugs_us if self.visits else FAR

    def _visit(self, at_us: int) -> None:
        if self.car is not None:
            self.car.unplug(at_us)
            self._flow(at_us)
            self.car = None
            self.standby.stir(at_us)
            self._offer(at_us, DUTY_FULL)
            self.one_phase, self._switching = self.relay_select, False
        if self._visit_us() <= at_us:
            if self.standby.asleep:
                self._wake(at_us)
            self._move(at_us)  # the state passes through A
            self.car = self.visits.popleft()
            self.car.plug(at_us)

    def _terminals(self) -> tuple[bool, bool, bool]:
        """Which terminals the present car draws on, if the contactor is closed."""
        if self.car is None:
            return (False, False, False)
        used = min(self.car.spec.phases, len(self.spec.wiring), 1 if self.one_phase else 3)
        first, second, third = (k < used and not self._dead[self.spec.wiring[k]] for k in range(3))
        return (first, second, third)

    def _live(self) -> int:
        return sum(self._terminals()) if self.contactor.closed else 0

    # -- settling ----------------------------------------------------------------------------------------------------

    def _settle(self, at_us: int) -> None:
        """Let pulse, contactor and car act on one another until nothing more is due at ``at_us``."""
        while self._act_on_car(at_us) or self._act_on_contactor(at_us):
            pass
        self._flow(at_us)
        self._move(at_us)

    def _act_on_car(self, at_us: int) -> bool:
        """One thing that is due; False: nothing is."""
        car = self.car
        if car is None:
            return False
        if car.next_us <= at_us:
            car.step(at_us)
        elif car.live != self._live():
            car.supply(at_us, self._live())
        elif self._cut_us != FAR and car.hears and not self.contactor.closed:
            car.lose_pilot(at_us)
        else:
            return False
        return True

    def _act_on_contactor(self, at_us: int) -> bool:
        """One thing that is due; False: nothing is."""
        contactor, car = self.contactor, self.car
        duty = self._duty_wanted()
        if contactor.ask(at_us, asked=car is not None and car.wants):
            pass
        elif self._opens_us() <= at_us:
            self._open(at_us)
        elif self.pulse.due_us(duty) <= at_us:
            self._offer(at_us, duty)
        elif contactor.asked and self.leave and self.pulse.on and not contactor.closed:
            self._close(at_us)
        elif self._switching and self._cut_us == FAR and not self.pulse.on and not contactor.closed:
            self._cut_until(at_us, at_us + (self.switch_us or 0))
        else:
            return False
        return True

    def _flow(self, at_us: int) -> None:
        """Show the current that flows to those outside, where it has changed."""
        car = self.car
        na, rate = (0, 0) if car is None else (car.level(at_us), car.rate)
        used = self._terminals()
        was, was_rate = self.flow.level(at_us), self.flow.rate
        now: Triple = (na * used[0], na * used[1], na * used[2])
        now_rate: Triple = (rate * used[0], rate * used[1], rate * used[2])
        if not self.flow.set(at_us, now, now_rate):
            return
        by, by_rate = [0, 0, 0], [0, 0, 0]
        for terminal, phase in enumerate(self.spec.wiring):
            by[phase] = now[terminal] - was[terminal]
            by_rate[phase] = now_rate[terminal] - was_rate[terminal]
        self._feed(at_us, ((by[0], by[1], by[2]), (by_rate[0], by_rate[1], by_rate[2])))

    def _move(self, at_us: int) -> None:
        """Bring the pilot state up to date; it stands still while the pilot is interrupted, but for a fault."""
        if self._cut_us != FAR and not self._faulted:
            return
        if self.dark:
            now = Pilot.E
        elif self._faulted:
            now = Pilot.F
        elif self.car is None:
            now = Pilot.A
        else:
            now = Pilot.C if self.contactor.closed and self.contactor.asked else Pilot.B
        for state in path(self.pilot, now):
            self._say(at_us, "state", ("was", self.pilot.value), ("now", state.value))
            self.pilot = state

    def _say(self, at_us: int, kind: str, *data: tuple[str, int | str]) -> None:
        self._tell(Event(at_us, self.channel, kind, data))

    def _say_limit(self, at_us: int) -> None:
        if (self.limit_ma, self.enable) != self._told:
            self._told = (self.limit_ma, self.enable)
            self._say(at_us, "limit", ("limit_ma", self.limit_ma), ("enable", int(self.enable)))
