"""Names of asyncio, simpy and pyserial that are nobody's promise: each is what the clock and the wires take it to be."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import inspect
from asyncio import base_events

import pytest
import serial
import simpy
from serial.serialutil import SerialBase
from simpy.core import StopSimulation
from simpy.events import NORMAL, URGENT, Initialize, Process

from chargebench.emulator.clock import SimLoop


@pytest.fixture
def loop():
    with contextlib.closing(asyncio.new_event_loop()) as loop:
        yield loop


# ---------------------------------------------------------------------- asyncio's loop


def test_call_soon_appends_a_handle_to_ready(loop):
    before = len(loop._ready)
    handle = loop.call_soon(print)
    assert list(loop._ready)[before:] == [handle]


def test_run_forever_calls_run_once_until_it_is_stopping():
    passes = []

    class Counting(base_events.BaseEventLoop):
        _stopping: bool

        def _run_once(self):
            passes.append(self._stopping)
            if len(passes) == 3:
                self.stop()

    with contextlib.closing(Counting()) as loop:
        loop.run_forever()
        assert not loop._stopping
    assert passes == [False, False, False]


def test_a_handle_runs_its_callback_and_tells_the_loop_of_its_exception(loop):
    told = []
    loop.set_exception_handler(lambda _, context: told.append(context))
    failure = ZeroDivisionError()

    def breaks():
        raise failure

    assert list(inspect.signature(asyncio.Handle._run).parameters) == ["self"]
    handle = loop.call_soon(breaks)
    assert handle._callback is breaks
    handle._run()
    assert told[0]["exception"] is failure


def test_cancelling_a_timer_tells_the_loop_once():
    told = []

    class Told(base_events.BaseEventLoop):
        def _timer_handle_cancelled(self, handle):
            told.append(handle)

    with contextlib.closing(Told()) as loop:
        timer = loop.call_later(1, print)
        timer.cancel()
        timer.cancel()
        assert told == [timer]


def test_call_later_goes_through_call_at_and_time():
    asked = []

    class Told(base_events.BaseEventLoop):
        def time(self):
            return 5.0

        def call_at(self, when, *args, **more):  # type: ignore[override]
            asked.append(when)
            return super().call_at(when, *args, **more)

    with contextlib.closing(Told()) as loop:
        loop.call_later(1.5, print)
    assert asked == [6.5]


def test_a_closed_loop_refuses_by_check_closed(loop):
    loop._check_closed()
    loop.close()
    with pytest.raises(RuntimeError, match="closed"):
        loop._check_closed()


# ---------------------------------------------------------------------- asyncio's tasks


def test_a_task_shows_the_future_it_waits_for(loop):
    future: asyncio.Future[None] = loop.create_future()

    async def waits():
        await future

    task = loop.create_task(waits())
    seen = [task._fut_waiter]
    loop.run_until_complete(asyncio.sleep(0))
    seen.append(task._fut_waiter)
    future.set_result(None)
    loop.run_until_complete(task)
    seen.append(task._fut_waiter)
    assert seen == [None, future, None]


def test_a_task_shows_whether_its_exception_was_taken(loop):
    async def breaks():
        raise ZeroDivisionError

    task = loop.create_task(breaks())
    assert not task._log_traceback
    loop.run_until_complete(asyncio.wait([task]))
    assert task._log_traceback
    task.exception()
    assert not task._log_traceback


def test_a_step_of_a_task_names_its_task(loop):
    async def idle():
        pass

    task = loop.create_task(idle())
    assert loop._ready[-1]._callback.__self__ is task
    loop.run_until_complete(task)


def test_a_task_that_is_thrown_away_can_be_silenced(loop):
    told = []
    loop.set_exception_handler(lambda _, context: told.append(context["message"]))

    async def waits():
        await loop.create_future()

    for silent in (True, False):
        task = loop.create_task(waits())
        loop.run_until_complete(asyncio.sleep(0))
        assert task._log_destroy_pending
        task._log_destroy_pending = not silent
        del task
        gc.collect()
    assert told == ["Task was destroyed but it is pending!"]


# ---------------------------------------------------------------------- simpy


def test_the_queue_of_simpy_holds_time_priority_number_and_event():
    env = simpy.Environment(3)
    event = env.timeout(4)
    assert (env._now, env._queue) == (3, [(7, NORMAL, 0, event)])
    assert next(env._eid) == 1
    assert URGENT < NORMAL


def test_a_process_of_simpy_begins_and_goes_on_by_resume():
    resumed = []

    class Told(Process):
        def _resume(self, event):
            resumed.append(type(event))
            super()._resume(event)

    env = simpy.Environment()

    def waits():
        assert env.active_process is process
        assert env._active_proc is process
        yield env.timeout(1)

    generator = waits()
    process = Told(env, generator)
    assert process.name == "waits"
    env.run()
    assert resumed == [Initialize, simpy.events.Timeout]
    assert (process._ok, process._value) == (True, None)
    assert process._generator is generator


def test_an_interrupt_of_simpy_resumes_its_process_with_a_defused_failure():
    seen = []

    class Told(Process):
        def _resume(self, event):
            seen.append((event.ok, event.defused))
            super()._resume(event)

    env = simpy.Environment()

    def waits():
        with contextlib.suppress(simpy.Interrupt):
            yield env.timeout(10)

    process = Told(env, waits())
    env.run(until=1)
    process.interrupt()
    env.run()
    assert seen == [(True, False), (False, True)]


def test_running_until_something_ends_by_stop_simulation():
    env = simpy.Environment()
    event = env.timeout(1)
    with pytest.raises(StopSimulation):
        StopSimulation.callback(event)


# ---------------------------------------------------------------------- pyserial


def test_pyserial_looks_for_handlers_in_its_packages():
    assert "serial.urlhandler" in serial.protocol_handler_packages
    with pytest.raises(ValueError, match="not known"):
        serial.serial_for_url("nonsense://x")


def test_the_base_of_ports_calls_reconfigure_when_an_open_port_is_set():
    calls: list[object] = []

    class Port(SerialBase):
        def open(self):
            self.is_open = True

        def close(self):
            self.is_open = False

        def read(self, size=1, /):
            return bytes(size)

        def write(self, data, /):
            return len(bytes(data))

        def _reconfigure_port(self):
            calls.append(self.baudrate)

        def _update_rts_state(self):
            calls.append("rts")

        def _update_dtr_state(self):
            calls.append("dtr")

    port = Port("x")
    port.baudrate = 19_200
    port.rts = port.dtr = True
    assert calls == [19_200, "rts", "dtr"]


def test_our_loop_uses_no_other_name_of_its_base():
    """Whoever overrides one more private name of asyncio writes a contract for it here."""
    ours = {
        name for cls in SimLoop.__mro__[:2] for name in vars(cls) if name.startswith("_") and not name.startswith("__")
    }
    overridden = {name for name in ours if hasattr(base_events.BaseEventLoop, name)}
    assert overridden == {"_run_once", "_timer_handle_cancelled"}
