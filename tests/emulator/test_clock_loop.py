from __future__ import annotations

import asyncio
import contextlib
import contextvars
import math
import threading
import traceback
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargebench.emulator.clock import NotInARun, SimLoop, instant, running
from chargebench.emulator.clock.env import TIDY_FROM

EVENING = datetime.fromisoformat("2026-01-12 18:00")


class Picky(Exception):
    """An exception that cannot be made from its ``args``."""

    def __init__(self, one, *, two):
        super().__init__(f"{one} and {two}")


def run(main, **options):
    return SimLoop(**options).run(main)


def frames(failure: BaseException) -> list[str]:
    return [frame.name for frame in traceback.extract_tb(failure.__traceback__)]


# ---------------------------------------------------------------------- time


def test_time_passes_only_by_waiting():
    async def main():
        loop = running()
        before = loop.time()
        await asyncio.sleep(86_400.5)
        return before, loop.time(), loop.now_us

    assert run(main()) == (0.0, 86_400.5, 86_400_500_000)


@given(st.integers(0, 30 * 365 * 86_400 * 10**6))
def test_an_absolute_time_comes_back_to_the_microsecond(when_us):
    loop = SimLoop()
    seen: list[object] = []
    with contextlib.closing(loop):
        loop.call_at(when_us / 1e6, lambda: seen.append(loop.now_us))
        loop.call_at(when_us / 1e6, loop.stop)
        loop.run_forever()
        assert seen == [when_us]
        assert round(loop.time() * 1e6) == when_us


@given(st.lists(st.sampled_from([0.0, 0.001, 0.002, 0.0020001]), max_size=20))
def test_timers_of_one_instant_fire_in_the_order_in_which_they_were_set(delays):
    async def main():
        loop = running()
        seen: list[object] = []
        for number, delay in enumerate(delays):
            loop.call_later(delay, seen.append, (round(delay * 1e6), number))
        await asyncio.sleep(0.003)
        return seen

    assert run(main()) == sorted((round(delay * 1e6), number) for number, delay in enumerate(delays))


def test_what_is_ready_runs_before_time_goes_on():
    async def main():
        loop = running()
        seen: list[object] = []
        loop.env.after(0, seen.append, "event")
        loop.call_soon(seen.append, "ready")
        loop.call_soon(loop.call_soon, seen.append, "ready after ready")
        await asyncio.sleep(0.001)
        return seen

    assert run(main()) == ["ready", "ready after ready", "event"]


def test_a_timer_in_the_past_fires_now_and_one_at_no_time_never():
    async def main():
        loop = running()
        await asyncio.sleep(5)
        fired = loop.create_future()
        loop.call_at(1.0, fired.set_result, None)
        never = loop.call_later(math.inf, fired.set_result, None)
        await fired
        never.cancel()
        return loop.time()

    assert run(main()) == 5.0


def test_timeouts_of_many_requests_leave_no_litter():
    async def main():
        loop, largest = running(), 0
        for _ in range(10_000):
            async with asyncio.timeout(3600):
                await asyncio.sleep(0.001)
            largest = max(largest, len(loop.env))
        return largest

    assert run(main()) <= 2 * TIDY_FROM + 10


def test_stopping_before_running_runs_one_pass_and_no_time():
    loop = SimLoop()
    seen: list[object] = []
    with contextlib.closing(loop):
        loop.call_soon(seen.append, 1)
        loop.call_later(1, seen.append, 2)
        loop.stop()
        loop.run_forever()
        assert (seen, loop.now_us) == ([1], 0)


# ---------------------------------------------------------------------- asyncio as ever


def test_the_tools_of_asyncio_work():
    async def item(queue, delay):
        await asyncio.sleep(delay)
        await queue.put(delay)

    async def main():
        queue: asyncio.Queue[float] = asyncio.Queue()
        async with asyncio.TaskGroup() as group:
            for delay in (0.3, 0.1, 0.2):
                group.create_task(item(queue, delay))
            got = [await queue.get() for _ in range(3)]
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(queue.get(), 7)
        lock, event = asyncio.Lock(), asyncio.Event()
        async with lock:
            running().call_later(1, event.set)
            await event.wait()
        return got, running().time()

    assert run(main()) == ([0.1, 0.2, 0.3], 8.3)


def test_context_variables_follow_callbacks():
    host = contextvars.ContextVar("host", default="none")

    async def main():
        seen: list[object] = []
        host.set("box")
        running().call_later(1, lambda: seen.append(host.get()))
        await asyncio.create_task(asyncio.sleep(0))
        host.set("other")
        await asyncio.sleep(2)
        return seen

    assert run(main()) == ["box"]


def test_async_generators_are_closed_at_the_end():
    seen = []

    async def numbers():
        try:
            yield 1
            yield 2
        finally:
            await asyncio.sleep(1)
            seen.append("closed")

    kept = numbers()

    async def main():
        return await anext(kept)

    assert run(main()) == 1
    assert seen == ["closed"]


def test_tasks_are_numbered_by_their_own_loop():
    async def main():
        return [asyncio.create_task(asyncio.sleep(0)).get_name() for _ in range(2)] + [
            asyncio.create_task(asyncio.sleep(0), name="meter").get_name()
        ]

    assert run(main()) == run(main()) == ["task-2", "task-3", "meter"]


def test_what_is_left_is_cancelled_in_the_order_in_which_it_began():
    seen = []

    async def stays(name):
        try:
            await asyncio.sleep(3600)
        finally:
            seen.append(name)

    async def main():
        kept = [asyncio.create_task(stays(name), name=name) for name in ("z", "a", "m", "b")]
        await asyncio.sleep(1)
        return len(kept)

    assert run(main()) == 4
    assert seen == ["z", "a", "m", "b"]


def test_the_runner_of_asyncio_can_drive_it():
    async def main():
        await asyncio.sleep(10)
        return running().time()

    with asyncio.Runner(loop_factory=SimLoop) as runner:
        assert runner.run(main()) == 10.0


# ---------------------------------------------------------------------- what there is not


async def to_thread():
    await asyncio.to_thread(print)


async def datagrams():
    await running().create_datagram_endpoint(asyncio.DatagramProtocol, remote_addr=("a", 1))


async def program():
    await asyncio.create_subprocess_exec("true")


async def executor():
    running().set_default_executor(None)


async def accepted_socket():
    await running().connect_accepted_socket(asyncio.Protocol, None)


async def given_socket():
    await running().create_server(asyncio.Protocol, sock=object())


async def pipe():
    await running().connect_read_pipe(asyncio.Protocol, None)


async def write_pipe():
    await running().connect_write_pipe(asyncio.Protocol, None)


async def shell():
    await asyncio.create_subprocess_shell("true")


async def start_tls():
    await running().start_tls(None, None, None)


async def send_file():
    await running().sendfile(None, None)


async def tls():
    await asyncio.open_connection("a", 1, ssl=True)


async def task_factory():
    running().set_task_factory(asyncio.Task)


@pytest.mark.parametrize(
    ("main", "what"),
    [
        (executor, "threads"),
        (accepted_socket, "sockets of the system"),
        (given_socket, "sockets of the system"),
        (pipe, "pipes"),
        (write_pipe, "pipes"),
        (shell, "other programs"),
        (start_tls, "TLS"),
        (send_file, "files"),
        (to_thread, "threads"),
        (datagrams, "datagrams"),
        (program, "other programs"),
        (tls, "TLS"),
        (task_factory, "tasks"),
    ],
)
def test_what_is_not_in_a_run_says_so(main, what):
    with pytest.raises(NotInARun, match=what):
        run(main())


def test_another_thread_may_not_touch_the_loop():
    async def main():
        caught: list[str] = []

        def touch():
            try:
                loop.call_soon_threadsafe(print)
            except RuntimeError as failure:
                caught.append(str(failure))

        loop = running()
        loop.call_soon_threadsafe(lambda: None)
        thread = threading.Thread(target=touch)
        thread.start()
        thread.join()
        return caught

    assert run(main()) == ["a thread that is not the loop's own touched the loop; there are no threads in a run"]


def test_a_name_is_its_own_address():
    async def main():
        name = await running().getnameinfo(("192.168.2.151", 4701))
        return await running().getaddrinfo("192.168.2.151", 4701), name

    found, name = run(main())
    assert (found[0][4], name) == (("192.168.2.151", 4701), ("192.168.2.151", "4701"))


def test_a_connection_without_an_address_is_refused():
    async def main():
        with pytest.raises(ValueError, match="needs a host and a port"):
            await running().create_connection(asyncio.Protocol)

    run(main())


def test_the_running_loop_is_that_of_a_run_or_none():
    async def main():
        with pytest.raises(TypeError, match="expected the loop of a run"):
            running()

    asyncio.run(main())
    loop = SimLoop()

    async def inside():
        return running()

    assert loop.run(inside()) is loop


# ---------------------------------------------------------------------- instants


@pytest.mark.parametrize(
    ("start", "now_us", "text"),
    [
        (None, 0, "00:00:00.0"),
        (None, 43_387_200_000, "12:03:07.2"),
        (None, 360_000_000_001, "100:00:00.000001"),
        (EVENING, 187_200_000, "18:03:07.2"),
        (EVENING, 21_600_000_000, "2026-01-13 00:00:00.0"),
        (EVENING.replace(microsecond=999_999), 1, "18:00:01.0"),
    ],
)
def test_an_instant_reads_as_a_clock_does(start, now_us, text):
    assert instant(start, now_us) == text
