"""The book-keeper of ``auditor`` for boxes that may fall silent: what each may draw as far as has been read, at every command.

A silent box may draw the most that it was told or was seen at, or its failsafe current where that is more. Once its own
watchdog must have run out, counted from the last request that may have reached it, it is at its failsafe current; and at
what it is told then as the first that it hears. A box that was never reached, or that nobody may write, is at its maximum;
where an earlier life of the manager left word of it, at the most that it may have been left at.
"""

from typing import Any

from chargebench.manager.controller import CYCLE_US
from tests.laws.auditor import WORST_DELAY_US, Auditor, Book

LOOK_US = 1_000_000
METER_LOST_US = 15_000_000
FOLLOWS_US = 20_000_000


class WireBook(Book):
    """One box on a wire."""

    def __init__(self, box):
        super().__init__(box)
        self.silent = self.fallen = self.charging = False
        self.remembered = None
        self.licensed = box.licensed

    def look(self, now_us, view):
        """Take a view in: a reading is news only while the box answers."""
        self.silent = view.silent_since_us is not None
        self.remembered = view.remembered
        self.licensed = self.box.licensed if view.licensed is None else view.licensed
        known = view.reading or view.remembered
        if view.reading is not None and not self.silent:
            self.fallen = False
            self.read(now_us, view.reading)
        elif self.silent and known is not None and not self.fallen and _fell_back(now_us, view.heard_us, known):
            self.fallen, self.live, self.sent, self.confirmed = True, [], None, known.failsafe_ma

    def send(self, limit_ma):
        """A command goes out; what was sent before may still arrive."""
        if self.confirmed is not None:
            self.live += [self.confirmed, *([self.sent] if self.sent is not None else [])]
        self.sent = limit_ma

    def may_ma(self):
        if not self.licensed:
            return self.box.maximum_ma
        if self.confirmed is None:
            return self.box.maximum_ma if self.remembered is None else self._remembered_ma(self.remembered)
        most = super().may_ma()
        if not self.silent or self.fallen:
            return most
        failsafe_ma = self.reading.failsafe_ma
        return max(most, self.box.maximum_ma if failsafe_ma is None else failsafe_ma)

    def _remembered_ma(self, was):
        """What it may be at by what an earlier life of the manager left: told then, fallen back, or started anew."""
        says_ma = self.box.maximum_ma if self.box.boot_ma is None else self.box.boot_ma
        boots_ma = 0 if self.box.boot_enable is False else says_ma
        failsafe_ma = self.box.maximum_ma if was.failsafe_ma is None else was.failsafe_ma
        return max(was.top_ma, failsafe_ma, boots_ma if was.boot_ma is None else was.boot_ma)

    def draw_ma(self, phase):
        """What a box that is not heard takes may be all that it may."""
        if self.confirmed is None or self.silent:
            return self.may_ma() if phase in self.box.phases else 0
        return super().draw_ma(phase)

    @property
    def in_reach(self):
        return self.confirmed is not None and not self.silent and self.licensed


def _fell_back(now_us, heard_us, known):
    """Whether a watchdog that was last fed at ``heard_us`` must have run out, and its car have followed."""
    if not known.failsafe_us or known.failsafe_ma is None:
        return False
    return now_us >= heard_us + known.failsafe_us + LOOK_US + WORST_DELAY_US


class WireAuditor(Auditor):
    """``watch`` of a watched run. ``complaints``: what was not allowed, in words; the run goes on after it."""

    def __init__(self, site, controller, complaints):
        super().__init__(site, phases_known=lambda k: controller.boxes[k].phases)
        self.books: Any = [WireBook(box) for box in site.boxes]
        self.complaints = complaints
        self.moved_us = -FOLLOWS_US

    def watch(self, n, view, commands):
        now_us = n * CYCLE_US
        for book, box in zip(self.books, view.boxes, strict=True):
            book.look(now_us, box)
        raised = []
        for command in commands:
            book = self.books[command.box]
            self.minimum(command)
            if command.limit_ma > book.may_ma():
                raised.append(command)
            book.send(command.limit_ma)
            self.moved_us = now_us
        background = self.seen(now_us, view)
        self._raises(n, raised, background)
        if all(meter.role != "grid supply" for meter in self.site.meters):
            self._cuts(n, background)

    def _raises(self, n, raised, background):
        after = self.bounds()
        for command in raised:
            for phase in self.phases_known(command.box):
                room = self._room(background, phase)
                if after[phase] > room:
                    self.complaints.append(
                        f"cycle {n}: {command} raises L{phase + 1} to {after[phase]} mA of boxes, {room} mA are free"
                    )

    def _cuts(self, n, background):
        """Every box in reach is told no more than what the others leave. A grid meter does not say what that is in time."""
        for phase in range(3):
            here = [book for k, book in enumerate(self.books) if phase in self.phases_known(k)]
            told = sum(book.confirmed if book.sent is None else book.sent for book in here if book.in_reach)
            room = self._room(background, phase) - sum(book.may_ma() for book in here if not book.in_reach)
            if told > max(0, room):
                self.complaints.append(f"cycle {n}: boxes are told {told} mA on L{phase + 1}, {room} mA are free")

    def _room(self, background, phase):
        return self.site.connection.limit_ma - self.site.connection.reserve_ma - background[phase]

    def seen(self, now_us, view):
        """The background, no more than what was read forces it to be."""
        total, connection = [0, 0, 0], self.site.connection
        measured = False
        ramps = [self.ramps(k) for k in range(len(self.books))]
        for meter, seen in zip(self.site.meters, view.meters, strict=True):
            if meter.role == "display":
                continue
            measured = True
            silent_us = seen.silent_since_us
            reading = seen.reading
            if reading is None or reading.phases_ma is None or (silent_us and now_us >= silent_us + METER_LOST_US):
                found = [connection.house_max_ma or connection.limit_ma] * 3
            elif meter.role == "consumption":
                found = list(reading.phases_ma)
            elif any(ramps) or now_us < self.moved_us + FOLLOWS_US or silent_us is not None:
                found = [0, 0, 0]  # read at different moments of a ramp: nothing can be said of the house
            else:
                found = [reading.phases_ma[phase] - sum(one.draw_ma(phase) for one in self.books) for phase in range(3)]
            total = [old + max(0, ma) for old, ma in zip(total, found, strict=True)]
        return total if measured else [connection.house_max_ma] * 3
