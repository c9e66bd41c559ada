"""An independent book-keeper: what every box may draw as far as has been read, and whether each command was allowed.

Written from the laws, not from the controller: it knows the view, the commands and the site, nothing else.
"""

from typing import Any

from chargebench.manager.controller import CYCLE_US
from chargebench.manager.readings import Pilot

WORST_DELAY_US = 16_000_000
MARGIN_MA = 1_000


class Book:
    """One box: limits that were confirmed or written and that its car may still follow."""

    def __init__(self, box):
        self.box = box
        self.confirmed: Any = None
        self.since = 0
        self.sent = None
        self.live = []  # limits that may still be followed

    def read(self, now_us, reading):
        if reading.limit_ma != self.confirmed:
            if self.confirmed is not None:
                self.live.append(self.confirmed)
            self.confirmed, self.since = reading.limit_ma, now_us
        self.charging = reading.pilot in (Pilot.C, Pilot.D)
        self.reading = reading
        if self.physical(now_us):
            self.live = []
        if self.sent == self.confirmed:
            self.sent = None

    def physical(self, now_us):
        reading = self.reading
        if reading.offered_ma > self.confirmed:
            return False
        if not self.charging:
            return True
        if reading.phases_ma is not None:
            return max(reading.phases_ma) <= self.confirmed
        if reading.power_w is not None:
            return reading.power_w * 1000 // 230 <= self.confirmed or now_us - self.since >= WORST_DELAY_US
        return now_us - self.since >= WORST_DELAY_US

    def may_ma(self):
        if self.confirmed is None:
            return self.box.maximum_ma
        return max([self.confirmed, self.sent or 0, *self.live])

    def draw_ma(self, phase):
        """What may be taken off the grid meter's reading for this box."""
        reading = self.reading
        if phase not in self.box.phases:
            return 0
        if reading.phases_ma is not None:
            return reading.phases_ma[self.box.phases.index(phase)]
        if not self.charging:
            return 0
        if reading.power_w is not None:
            return min(reading.power_w * 1000 // 230, self.may_ma())  # for all that is known, all of it flows here
        if self.live:
            return self.may_ma()  # a cut is under way, and nobody sees how far
        return max(0, self.confirmed - MARGIN_MA)


class Auditor:
    """``watch`` of a ``Loop``: raises AssertionError at the first command that a law forbids."""

    def __init__(self, site, *, phases_known=None):
        self.site = site
        self.books = [Book(box) for box in site.boxes]
        self.phases_known = phases_known or (lambda k: site.boxes[k].phases)
        self.raises = 0

    def watch(self, n, view, commands):
        now_us = n * CYCLE_US
        for book, box in zip(self.books, view.boxes, strict=True):
            if box.reading is not None:
                book.read(now_us, box.reading)
        before = self.bounds()
        raised = []
        for command in commands:
            book = self.books[command.box]
            self.minimum(command)
            if command.limit_ma > book.may_ma():
                raised.append(command)
            elif command.limit_ma < book.may_ma():
                book.live += [book.confirmed, *([book.sent] if book.sent is not None else [])]
            book.sent = command.limit_ma
        after = self.bounds()
        background = self.background(view)
        self.cut_far_enough(n, background)
        for phase in range(3):
            room = self.site.connection.limit_ma - self.site.connection.reserve_ma - background[phase]
            touched = [command for command in raised if phase in self.phases_known(command.box)]
            if touched:
                self.raises += 1
                assert after[phase] <= room, (
                    f"cycle {n}: {touched} raises L{phase + 1} to {after[phase]} mA of boxes beside {background[phase]} mA; "
                    f"{room} mA are free and {before[phase]} mA were booked"
                )

    def cut_far_enough(self, n, background):
        """Whatever the boxes may still draw, what they are told fits, or they are told nothing."""
        if self.site.meters and self.site.meters[0].role == "grid supply":
            return  # while cars follow their cuts, a grid meter does not say what the house takes
        for phase in range(3):
            told = [
                book.sent if book.sent is not None else book.confirmed
                for k, book in enumerate(self.books)
                if book.confirmed is not None and phase in self.phases_known(k)
            ]
            room = self.site.connection.limit_ma - self.site.connection.reserve_ma - background[phase]
            assert sum(told) <= max(0, room), f"cycle {n}: boxes are told {told} on L{phase + 1}, {room} mA are free"

    def minimum(self, command):
        box = self.site.boxes[command.box]
        assert command.limit_ma == 0 or box.minimum_ma <= command.limit_ma <= box.maximum_ma
        assert command.limit_ma % 100 == 0

    def bounds(self):
        return [
            sum(book.may_ma() for k, book in enumerate(self.books) if phase in self.phases_known(k))
            for phase in range(3)
        ]

    def background(self, view):
        if not self.site.meters:
            return [self.site.connection.house_max_ma] * 3
        reading = view.meters[0].reading
        if self.site.meters[0].role == "consumption":
            return list(reading.phases_ma)
        if any(self.ramps(k) for k in range(len(self.books))):
            return [
                -(10**9)
            ] * 3  # the meters were read at different moments of a ramp: nothing can be said of the house
        return [
            max(0, reading.phases_ma[phase] - sum(book.draw_ma(phase) for book in self.books)) for phase in range(3)
        ]

    def ramps(self, k):
        """Whether this box drew something else a cycle ago."""
        book = self.books[k]
        now = [book.draw_ma(phase) for phase in range(3)]
        was, book.was = getattr(book, "was", now), now
        return any(abs(a - b) > 100 for a, b in zip(was, now, strict=True))
