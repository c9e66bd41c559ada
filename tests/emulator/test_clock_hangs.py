from __future__ import annotations

import asyncio
from datetime import datetime

import pytest

from chargebench.emulator.clock import Deadlock, Livelock, SimLoop, Starved, running

NOON = datetime.fromisoformat("2026-01-12 12:00")


def hang(kind, main) -> str:
    loop = SimLoop(start=NOON)
    with pytest.raises(kind) as caught:
        loop.run(main)
    return str(caught.value)


async def wait_for_ever():
    await asyncio.Event().wait()


async def ticking():
    """A world that never runs dry."""

    def clock(env):
        while True:
            yield env.timeout(1_000_000)

    env = running().env
    env.process(clock(env))


# ---------------------------------------------------------------------- deadlock, livelock


def test_a_deadlock_names_who_waits_sorted():
    async def main():
        loop = running()
        kept = [asyncio.create_task(wait_for_ever(), name=name) for name in ("line COM1", "house")]

        def car(env):
            yield env.event()

        loop.env.process(car(loop.env))
        await asyncio.sleep(187.2)
        await loop.create_future()
        return kept

    told = "deadlock at 12:03:07.2, waiting: "
    names = "house<wait_for_ever>, line COM1<wait_for_ever>, task-1<{}.<locals>.main>, process car"
    test = test_a_deadlock_names_who_waits_sorted.__qualname__
    assert hang(Deadlock, main()) == told + names.format(test)


def test_a_cancelled_timer_does_not_hide_a_deadlock():
    async def main():
        loop = running()
        loop.call_later(500, print).cancel()
        await loop.create_future()

    assert hang(Deadlock, main()).startswith("deadlock at 12:00:00.0,")


def test_a_livelock_names_who_spins():
    async def spins():
        while True:  # noqa: ASYNC110 it spins, that is the point
            await asyncio.sleep(0)

    async def main():
        await asyncio.sleep(1)
        kept = asyncio.create_task(spins(), name="busy")
        await wait_for_ever()
        return kept

    assert hang(Livelock, main()) == (
        "livelock at 12:00:01.0, spinning: busy<test_a_livelock_names_who_spins.<locals>.spins>"
    )


def test_a_livelock_of_processes_is_found_too():
    async def main():
        def spins(env):
            while True:
                yield env.timeout(0)

        env = running().env
        env.process(spins(env))
        await wait_for_ever()

    assert "process spins" in hang(Livelock, main())


def test_much_at_one_instant_is_no_livelock():
    async def main():
        for _ in range(3):
            for _ in range(40_000):
                await asyncio.sleep(0)
            await asyncio.sleep(0.000_001)

    SimLoop().run(main())


def test_a_hang_can_be_copied():
    hang = Deadlock("12:00:00.0", ("a", "b"))
    assert str(Deadlock(*hang.args)) == str(hang) == "deadlock at 12:00:00.0, waiting: a, b"


# ---------------------------------------------------------------------- watched requests


def test_a_request_is_starved_after_a_minute_without_a_record():
    async def main():
        await ticking()
        loop = running()
        await asyncio.sleep(10)
        loop.watch("COM1", "answer of box 3")
        loop.watch("COM2", "answer of box 4").done()
        await wait_for_ever()

    assert hang(Starved, main()) == "starved at 12:01:10.0, waiting: answer of box 3 on COM1"


def test_a_record_on_its_channel_gives_a_request_another_minute():
    async def main():
        await ticking()
        loop = running()
        loop.watch("COM1", "answer of box 3")
        loop.env.at(40_000_000, lambda: loop.trace.record("COM1", loop.now_us, "rx"))
        loop.env.at(90_000_000, lambda: loop.trace.record("COM2", loop.now_us, "rx"))
        await wait_for_ever()

    assert hang(Starved, main()).startswith("starved at 12:01:40.0,")


def test_a_request_that_is_done_is_not_starved():
    async def main():
        await ticking()
        watch = running().watch("COM1", "answer")
        await asyncio.sleep(59)
        watch.done()
        await asyncio.sleep(600)

    SimLoop().run(main())


# ---------------------------------------------------------------------- requests that clients write


async def deaf_server():
    async def never_answers(reader, _writer):
        while await reader.read(100):
            pass

    await asyncio.start_server(never_answers, "box", 4701)
    await ticking()
    return await asyncio.open_connection("box", 4701)


def test_a_client_that_waits_for_ever_is_starved_and_named():
    async def asks():
        reader, writer = await deaf_server()
        await asyncio.sleep(5)
        writer.write(b"?")
        await reader.read(100)

    async def main():
        await asyncio.create_task(asks(), name="link box")

    test = test_a_client_that_waits_for_ever_is_starved_and_named.__qualname__
    told = hang(Starved, main())
    assert told.startswith("starved at 12:01:05.001,")
    assert told.endswith(f"waiting: link box<{test}.<locals>.asks> for an answer on tcp master>box:4701#1")


def test_a_client_that_asks_again_is_watched_again():
    async def main():
        reader, writer = await deaf_server()
        writer.write(b"?")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(100), 3)
        await asyncio.sleep(100)
        writer.write(b"?")
        await reader.read(100)

    assert hang(Starved, main()).startswith("starved at 12:02:43.001,")


async def with_wait_for(reader, seconds):
    await asyncio.wait_for(reader.read(100), seconds)


async def with_timeout(reader, seconds):
    async with asyncio.timeout(seconds):
        await reader.read(100)


async def with_wait(reader, seconds):
    reading = asyncio.create_task(reader.read(100))
    await asyncio.wait([reading], timeout=seconds)
    reading.cancel()
    raise TimeoutError


async def with_own_timer(reader, seconds):
    task = asyncio.current_task()
    assert task is not None
    timer = running().call_later(seconds, task.cancel)
    try:
        await reader.read(100)
    except asyncio.CancelledError:
        task.uncancel()
        raise TimeoutError from None
    finally:
        timer.cancel()


@pytest.mark.parametrize("gives_up", [with_wait_for, with_timeout, with_wait, with_own_timer])
@pytest.mark.parametrize("seconds", [1, 59.9, 60, 61, 500])
def test_a_client_that_gives_up_by_itself_is_never_starved(gives_up, seconds):
    async def main():
        reader, writer = await deaf_server()
        for _ in range(3):
            writer.write(b"?")
            with pytest.raises(TimeoutError):
                await gives_up(reader, seconds)
        await asyncio.sleep(200)
        writer.close()

    SimLoop().run(main())


def test_a_client_whose_creator_gives_up_is_never_starved():
    async def asks(reader, writer):
        writer.write(b"?")
        return await reader.read(100)

    async def main():
        reader, writer = await deaf_server()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.create_task(asks(reader, writer)), 300)
        writer.close()

    SimLoop().run(main())


def test_timers_of_others_do_not_hide_a_starved_client():
    async def main():
        reader, writer = await deaf_server()

        async def asks():
            writer.write(b"?")
            await reader.read(100)

        kept = asyncio.create_task(asks())
        while not kept.done():  # noqa: ASYNC110 a cycle, as every manager has one
            await asyncio.sleep(3)

    assert hang(Starved, main()).startswith("starved at 12:01:00.001,")


def test_a_client_that_does_not_wait_for_an_answer_is_not_starved():
    async def main():
        _reader, writer = await deaf_server()
        writer.write(b"just so you know")
        await asyncio.sleep(1)
        await asyncio.sleep(600)
        writer.close()

    SimLoop().run(main())


def test_a_client_that_wrote_and_ended_is_not_starved():
    async def tells(writer):
        writer.write(b"just so you know")

    async def main():
        _reader, writer = await deaf_server()
        await asyncio.create_task(tells(writer))
        await asyncio.sleep(1)
        await asyncio.sleep(600)
        writer.close()

    SimLoop().run(main())
