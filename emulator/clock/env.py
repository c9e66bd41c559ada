"""The one heap of a run: a simpy environment in whole microseconds, with light calls that can be taken back.

Order is (time, priority, order of insertion), as in simpy. Three things differ from ``simpy.Environment``:
delays are integers; a failed event or process raises the exception itself, with its own traceback, where simpy raises a
copy made from its ``args``; and a cancelled call is forgotten by the heap, which drops the dead when they outnumber the
living, so that a timeout per request costs no memory.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heapify, heappop, heappush
from typing import Any, TypeVar, TypeVarTuple, cast

import simpy
from simpy.core import EmptySchedule, SimTime, StopSimulation
from simpy.events import NORMAL, Event, EventPriority, Process, ProcessGenerator

FOREVER_US = 1 << 63
TIDY_FROM = 256  # fewer cancelled calls than this are not worth a pass over the heap

Args = TypeVarTuple("Args")
AnyEvent = TypeVar("AnyEvent", bound=Event)


class Call:
    """A function call at ``when_us``, once."""

    __slots__ = ("_args", "_env", "_fn", "when_us")

    def __init__(self, env: SimEnv, when_us: int, fn: Callable[..., object], args: tuple[object, ...]) -> None:
        self._env = env
        self.when_us = when_us
        self._fn: Callable[..., object] | None = fn
        self._args = args

    @property
    def pending(self) -> bool:
        """Neither run nor cancelled yet."""
        return self._fn is not None

    @property
    def args(self) -> tuple[object, ...]:
        """What the function will be called with; empty once it is not pending."""
        return self._args

    def cancel(self) -> None:
        """Never run; nothing happens where it has run or was cancelled before."""
        if self._fn is not None:
            self._fn, self._args = None, ()
            self._env.forget()


class OwnProcess(Process):
    """A process into which a failed event is thrown as it is, where simpy throws a copy made from its ``args``."""

    def _resume(self, event: Event) -> None:
        env = cast("SimEnv", self.env)
        env.enter(self)
        while True:
            try:
                if event.ok:
                    target = self._generator.send(event.value)
                else:
                    event.defused = True
                    target = self._generator.throw(cast("BaseException", event.value))
            except StopIteration as end:
                self._end(ok=True, value=end.value)
                break
            except (KeyboardInterrupt, SystemExit):
                raise
            except BaseException as failure:  # noqa: BLE001 a process fails with whatever it raises
                self._end(ok=False, value=failure)
                break
            if not isinstance(cast("object", target), Event):
                raise TypeError(f"process {self.name} yields an event of simpy, not {target!r}")
            if not target.processed:
                target.callbacks.append(self._resume)
                self._target = target
                break
            event = target
        env.enter(None)

    def _end(self, *, ok: bool, value: object) -> None:
        self._target = cast("Event", None)
        self._ok, self._value = ok, value
        env = cast("SimEnv", self.env)
        env.ended(self)
        env.schedule(self)


class SimEnv(simpy.Environment):
    """Environment whose clock, ``now_us``, counts whole microseconds since the start of the run."""

    def __init__(self, initial_us: int = 0) -> None:
        super().__init__(initial_us)
        self.now_us = initial_us
        """The clock. Only the heap sets it, and simpy's ``now`` with it."""
        self._dead = 0
        self._processes: dict[Process, None] = {}
        self.on_earlier: Callable[[int], None] | None = None
        """Called with the time of a new first entry of the heap: whoever drives the heap on a real clock wakes earlier."""

    def __len__(self) -> int:
        """Entries of the heap, the dead that are still in it included."""
        return len(self._queue)

    @property
    def processes(self) -> tuple[Process, ...]:
        """Processes that have not ended, in the order in which they began."""
        return tuple(self._processes)

    def process(self, generator: ProcessGenerator) -> Process:
        """Start a process; its exceptions reach whoever waits for it, or end the run, uncopied."""
        process = OwnProcess(self, generator)
        self._processes[process] = None
        return process

    def enter(self, process: Process | None) -> None:
        """For processes alone: this one runs now."""
        self._active_proc = process

    def ended(self, process: Process) -> None:
        """For processes alone: this one is over."""
        self._processes.pop(process, None)

    def at(self, when_us: int, fn: Callable[[*Args], object], *args: *Args) -> Call:
        """Call ``fn(*args)`` at ``when_us`` (at once where that is past), after all that was put there before."""
        if when_us < self.now_us:  # noqa: PLR1730 a call less, where most calls begin
            when_us = self.now_us
        call = Call(self, when_us, fn, args)
        queue = self._queue
        heappush(queue, (when_us, NORMAL, next(self._eid), call))  # type: ignore[misc]
        if self.on_earlier is not None and cast("object", queue[0][3]) is call:
            self.on_earlier(when_us)
        return call

    def after(self, delay_us: int, fn: Callable[[*Args], object], *args: *Args) -> Call:
        """Call ``fn(*args)`` in ``delay_us``."""
        return self.at(self.now_us + delay_us, fn, *args)

    def schedule(self, event: Event, priority: EventPriority = NORMAL, delay: SimTime = 0) -> None:
        """As simpy's; ``delay`` is a whole number of microseconds."""
        if not isinstance(delay, int):
            raise TypeError(f"delays are whole microseconds, not {delay!r}")
        self._push(self.now_us + delay, priority, event)

    def _push(self, when_us: int, priority: EventPriority, item: Event | Call) -> None:
        queue = self._queue
        heappush(queue, (when_us, priority, next(self._eid), item))  # type: ignore[misc]
        if self.on_earlier is not None and queue[0][3] is item:
            self.on_earlier(when_us)

    def forget(self) -> None:
        """For calls alone: one more of the heap is dead."""
        self._dead += 1
        queue = self._queue
        if self._dead > TIDY_FROM and self._dead * 2 > len(queue):
            queue[:] = [entry for entry in queue if not self._is_dead(entry[3])]
            heapify(queue)
            self._dead = 0

    @staticmethod
    def _is_dead(item: object) -> bool:
        return isinstance(item, Call) and not item.pending

    def pending(self) -> list[Call]:
        """Calls that are still to come, in no particular order."""
        items = (cast("object", entry[3]) for entry in self._queue)
        return [item for item in items if isinstance(item, Call) and item.pending]

    def next_us(self) -> int | None:
        """When the next thing happens; None where nothing is left to happen."""
        queue = self._queue
        while queue and self._is_dead(queue[0][3]):
            heappop(queue)
            self._dead -= 1
        return cast("int", queue[0][0]) if queue else None

    def peek(self) -> SimTime:
        """As simpy's: ``next_us``, or infinity."""
        next_us = self.next_us()
        return float("inf") if next_us is None else next_us

    def step(self) -> None:
        """Go to the next entry of the heap and let it happen; raises ``EmptySchedule`` where there is none."""
        if not self.step_until(FOREVER_US):
            raise EmptySchedule

    def step_until(self, latest_us: int) -> bool:
        """Go to the next entry of the heap that is due by ``latest_us`` and let it happen; whether there was one."""
        queue = self._queue
        while queue:
            when_us, _, _, item = entry = heappop(queue)
            if not isinstance(item, Call):
                if when_us > latest_us:
                    heappush(queue, entry)
                    return False
                self._now = self.now_us = when_us  # type: ignore[assignment]
                self._happen(item)
                return True
            fn = item._fn  # noqa: SLF001 a part of this module
            if fn is None:
                self._dead -= 1
            elif when_us > latest_us:
                heappush(queue, entry)
                return False
            else:
                self._now = self.now_us = when_us  # type: ignore[assignment]
                args = item._args  # noqa: SLF001 as above
                item._fn, item._args = None, ()  # noqa: SLF001 as above
                fn(*args)
                return True
        return False

    def _happen(self, event: Event) -> None:
        callbacks, event.callbacks = event.callbacks, cast("Any", None)
        try:
            for callback in callbacks:
                callback(event)
        except StopSimulation:
            event.callbacks = callbacks[callbacks.index(callback) + 1 :]
            self.schedule(event, EventPriority(-1))
            raise
        if not event.ok and not event.defused:
            raise cast("BaseException", event.value)

    def skip_to(self, when_us: int) -> None:
        """Set the clock to ``when_us``, before which nothing on the heap is due."""
        self._now = self.now_us = when_us

    def advance_to(self, when_us: int) -> None:
        """Let everything happen that is due up to ``when_us``, and set the clock to it."""
        while self.step_until(when_us):
            pass
        self._now = self.now_us = max(self.now_us, when_us)
