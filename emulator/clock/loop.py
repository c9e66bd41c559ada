"""asyncio on the clock of a simpy environment: ordinary asyncio code runs unchanged, and time is whatever it has to be.

A pass runs the callbacks that are ready, as every asyncio loop does. When none is ready the environment goes to its next
event, which may make some ready. So time moves in one place only, and between two events of the heap everything that
follows from the first has happened. Sockets are wires of ``loop.net``, serial ports are reached over virtual descriptors,
and there are no threads, no selector and no wall clock.

A run ends with its result, or with the exception that broke it: the first one that any callback, process or task leaves
to the loop, the very object, with its own traceback. An exception that stays untaken in a finished task ends the run when
nobody has come for it in a minute, at a hang, or at the end.
"""

from __future__ import annotations

import asyncio
import threading  # noqa: TID251 only to recognise a thread that is not ours
from collections.abc import Awaitable, Callable, Coroutine, Generator, Iterable
from contextvars import Context, copy_context
from datetime import datetime
from typing import Any, TypeVar, TypeVarTuple, cast

from simpy.events import Event

from chargebench.emulator.clock.env import SimEnv
from chargebench.emulator.clock.handles import Handle, TimerHandle
from chargebench.emulator.clock.hangs import (
    NEVER_US,
    PATIENCE_US,
    Broken,
    Deadlock,
    Livelock,
    Starved,
    Unwilling,
    instant,
)
from chargebench.emulator.clock.tasks import RunTask, Untaken
from chargebench.emulator.clock.watches import Timer, Watch, Watches
from chargebench.emulator.clock.wired import Wired
from chargebench.emulator.streams import Streams
from chargebench.emulator.trace import Sink, Trace
from chargebench.emulator.wires.descriptors import Descriptors
from chargebench.emulator.wires.net import Net

SPINS_MAX = 100_000  # passes and events at one instant

T = TypeVar("T")
Args = TypeVarTuple("Args")


class SimLoop(Wired):
    """An asyncio event loop in virtual time.

    ``start`` is the civil time at which the run begins, for messages only. Everything random comes from ``seed``; ``sink``
    is given every record of the trace.
    """

    def __init__(self, seed: int = 0, *, start: datetime | None = None, sink: Sink | None = None) -> None:
        super().__init__()
        self.env = SimEnv()
        self.streams = Streams(seed)
        self.trace = Trace(sink)
        self.start = start
        self._own_thread = threading.get_ident()
        self._tasks_made = 0
        self._watches = Watches(self, self.trace)
        self._unsettled: list[Watch] = []
        self._untaken = Untaken()
        self._failure: BaseException | None = None
        self._spins = 0
        self._own_context = copy_context()
        self.net = Net(self)
        self.lines = {}
        self.descriptors = Descriptors(self)

    # ------------------------------------------------------------------ clock

    @property
    def now_us(self) -> int:
        """Microseconds since the start of the run."""
        return self.env.now_us

    @property
    def instant(self) -> str:
        """The time of day, or the time since the start, for people."""
        return instant(self.start, self.now_us)

    def time(self) -> float:
        return self.env.now_us / 1e6

    def call_soon(
        self, callback: Callable[[*Args], object], *args: *Args, context: Context | None = None
    ) -> asyncio.Handle:
        if self._closed or self._debug:
            return super().call_soon(callback, *args, context=context)
        handle = Handle(callback, args, self, copy_context() if context is None else context)
        self._ready.append(handle)
        return handle

    def call_at(
        self, when: float, callback: Callable[[*Args], object], *args: *Args, context: Context | None = None
    ) -> asyncio.TimerHandle:
        self._check_closed()
        handle = TimerHandle(when, callback, args, self, context)
        handle.owner, handle.set_us = asyncio.current_task(self), self.env.now_us
        us = when * 1e6
        handle.call = self.env.at(round(us), self._due, handle) if us < NEVER_US else None
        return handle

    def _due(self, handle: TimerHandle) -> None:
        handle.owner = None
        self._ready.append(handle)

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        timer = cast("TimerHandle", handle)
        timer.owner = None
        if timer.call is not None:
            timer.call.cancel()

    def timers(self) -> Iterable[Timer]:
        """The timers that are running, in no particular order."""
        for call in self.env.pending():
            if call.args and isinstance(call.args[0], TimerHandle):
                yield Timer(call.args[0].owner, call.args[0].set_us)

    def call_soon_threadsafe(
        self, callback: Callable[[*Args], object], *args: *Args, context: Context | None = None
    ) -> asyncio.Handle:
        if threading.get_ident() != self._own_thread:
            raise RuntimeError("a thread that is not the loop's own touched the loop; there are no threads in a run")
        return self.call_soon(callback, *args, context=context)

    # ------------------------------------------------------------------ running

    def _run_once(self) -> None:
        """Pass after pass, until somebody stops the loop."""
        ready = self._ready
        while True:
            while not ready and not self._stopping:
                self._step()
            self._spins += 1
            if self._spins > SPINS_MAX:
                self._spin()
            for _ in range(len(ready)):
                handle = ready.popleft()
                if handle._cancelled:  # noqa: SLF001 as every loop of asyncio does
                    continue
                try:
                    handle._context.run(handle._callback, *handle._args)  # type: ignore[attr-defined]  # noqa: SLF001 as above
                except (KeyboardInterrupt, SystemExit):
                    raise
                except BaseException as error:  # noqa: BLE001 whatever a callback leaves to the loop
                    text = f"exception in {handle!r}"
                    self.call_exception_handler({"message": text, "exception": error, "handle": handle})
                if self._failure is not None:
                    failure, self._failure = self._failure, None
                    raise failure
            if self._stopping:
                return

    def _step(self) -> None:
        """Go to the next thing on the heap, or to the instant at which it is time to look for who was left out."""
        env = self.env
        if self._unsettled:
            for watch in self._unsettled:
                watch.settle()
            self._unsettled.clear()
        look_us, before_us = self._watches.look_us, env.now_us
        look_us = min(look_us, self._untaken.look_us)
        if not env.step_until(look_us):
            if not len(env):
                self._raise_untaken()
                raise Deadlock(self.instant, self.waiting())
            env.advance_to(look_us)
            self._look()
        elif env.now_us != before_us:
            self._spins = 0
        else:
            self._spins += 1
            if self._spins > SPINS_MAX:
                self._spin()

    def _spin(self) -> None:
        """Time stands still, and has for too long."""
        self._spins = 0
        self._raise_untaken()
        raise Livelock(self.instant, self._spinning())

    def _look(self) -> None:
        self._raise_untaken(self.now_us - PATIENCE_US)
        if starved := self._watches.starved():
            self._raise_untaken()
            raise Starved(self.instant, tuple(str(watch) for watch in starved))

    def tasks(self) -> list[RunTask[Any]]:
        """Tasks that are not done, in the order in which they were created."""
        return sorted(cast("set[RunTask[Any]]", asyncio.all_tasks(self)), key=lambda task: task.number)

    def waiting(self) -> tuple[str, ...]:
        """Who waits: the tasks, ``name<coroutine>``, then the processes that have not ended, each sorted by name."""
        tasks = sorted(str(task) for task in self.tasks())
        return (*tasks, *sorted(f"process {process.name}" for process in self.env.processes))

    def _spinning(self) -> tuple[str, ...]:
        callbacks = (handle._callback for handle in self._ready)  # type: ignore[attr-defined]  # noqa: SLF001
        owners = (getattr(callback, "__self__", None) for callback in callbacks)
        names = [str(owner) for owner in owners if isinstance(owner, RunTask)]
        return tuple(dict.fromkeys(names)) or tuple(str(handle) for handle in self._ready) or self.waiting()

    def run_until_complete(self, future: Generator[Any, None, T] | Awaitable[T]) -> T:
        result = super().run_until_complete(future)
        self._raise_untaken()
        return result

    def run(self, main: Coroutine[Any, Any, T]) -> T:
        """Run ``main`` to its end, cancel what is left in the order in which it began, and close the loop.

        What was cancelled has a minute to end in.
        """
        try:
            result = self.run_until_complete(main)
            self._wind_up()
        except BaseException:
            self._bury()
            raise
        finally:
            self.close()
        return result

    def close(self) -> None:
        super().close()
        self.net.close()

    def _wind_up(self) -> None:
        until_us = self.now_us + PATIENCE_US
        while tasks := self.tasks():  # again and again, since the end of one may be the beginning of another
            if self.now_us >= until_us:
                raise Unwilling(self.instant, self.waiting())
            for task in tasks:
                task.cancel()
            self.run_until_complete(asyncio.wait(tasks, timeout=(until_us - self.now_us) / 1e6))
        self.run_until_complete(self.shutdown_asyncgens())

    def _bury(self) -> None:
        """Wind up after a failure, which must not be covered by what the rest says about it."""
        try:
            self._wind_up()
        except (Exception, asyncio.CancelledError):  # noqa: BLE001 the first failure is the one that is raised
            for task in self.tasks():
                task.give_up()

    # ------------------------------------------------------------------ tasks and failures

    def create_task(
        self,
        coro: Generator[Any, None, T] | Coroutine[Any, Any, T],
        *,
        name: object = None,
        context: Context | None = None,
    ) -> asyncio.Task[T]:
        self._check_closed()
        self._tasks_made += 1
        task = RunTask(coro, loop=self, name=str(name or f"task-{self._tasks_made}"), context=context)
        task.number = self._tasks_made
        task.created_by(asyncio.current_task(self))
        task.add_done_callback(self._ended, context=self._own_context)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._untaken.ended(cast("RunTask[Any]", task), self.now_us)

    def _raise_untaken(self, before_us: int = NEVER_US) -> None:
        found = self._untaken.oldest(before_us)
        if found is not None:
            task, since_us = found
            failure = cast("BaseException", task.exception())
            failure.add_note(f"raised in {task} at {instant(self.start, since_us)}; nobody took it from there")
            raise failure

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        failure = context.get("exception") or Broken(context["message"])
        if self.get_exception_handler() is not None or not self.is_running():
            super().call_exception_handler(context)
        elif self._failure is None and not isinstance(failure, asyncio.CancelledError):
            self._failure = failure  # a cancellation only passes through: some callbacks of asyncio's streams let it

    # ------------------------------------------------------------------ requests

    def watch(self, channel: str, what: str) -> Watch:
        """A request is open: unless ``done`` is called on the result, a minute without a record on ``channel`` ends the run."""
        return self._watches.open(channel, what)

    def asked(self, channel: str, what: str) -> Watch | None:
        """The running task has just sent a request over ``channel``; None where no task runs."""
        task = asyncio.current_task(self)
        if not isinstance(task, RunTask):
            return None
        watch = self._watches.open(channel, what, task)
        self._unsettled.append(watch)
        return watch

    # ------------------------------------------------------------------ bridges

    def to_future(self, event: Event) -> asyncio.Future[Any]:
        """A future for an event or process of simpy: its value, or its exception itself."""
        future = self.create_future()
        if event.processed:
            _pass_on(event, future)
        else:
            event.callbacks.append(lambda event: _pass_on(event, future))
        return future

    def to_event(self, coro: Coroutine[Any, Any, object]) -> Event:
        """An event of simpy for a coroutine, which runs as a task: its value, or its exception itself."""
        event = self.env.event()

        def end(task: asyncio.Task[object]) -> None:
            failure = asyncio.CancelledError() if task.cancelled() else task.exception()
            if failure is None:
                event.succeed(task.result())
            else:
                event.fail(cast("Exception", failure))

        self.create_task(coro).add_done_callback(end)
        return event


def running() -> SimLoop:
    """The loop that runs this code; refused outside a run."""
    loop = asyncio.get_running_loop()
    if not isinstance(loop, SimLoop):
        raise TypeError(f"expected the loop of a run, got {loop!r}")
    return loop


def _pass_on(event: Event, future: asyncio.Future[Any]) -> None:
    if future.done():
        return  # nobody waits any more; a failure then is for the heap to raise
    if event.ok:
        future.set_result(event.value)
    else:
        event.defused = True
        future.set_exception(cast("BaseException", event.value))
