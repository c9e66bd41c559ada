from __future__ import annotations

import asyncio
import contextlib
import gc
import traceback
from datetime import datetime

import pytest

from chargebench.emulator.clock import SimLoop, Unwilling, running

EVENING = datetime.fromisoformat("2026-01-12 18:00")


class Picky(Exception):
    """An exception that cannot be made from its ``args``."""

    def __init__(self, one, *, two):
        super().__init__(f"{one} and {two}")


def run(main, **options):
    return SimLoop(**options).run(main)


def frames(failure: BaseException) -> list[str]:
    return [frame.name for frame in traceback.extract_tb(failure.__traceback__)]


def breaks(failure):
    raise failure


async def breaks_later(failure, delay=1.0):
    await asyncio.sleep(delay)
    breaks(failure)


async def for_ever():
    while True:  # noqa: ASYNC110 the world ticks
        await asyncio.sleep(10)


def in_main(failure):
    return breaks_later(failure)


async def in_callback(failure):
    running().call_later(1, breaks, failure)
    await for_ever()


async def in_event(failure):
    running().env.after(5, breaks, failure)
    await for_ever()


async def in_process(failure):
    def process(env):
        yield env.timeout(1)
        breaks(failure)

    running().env.process(process(running().env))
    await for_ever()


async def in_task(failure):
    asyncio.create_task(breaks_later(failure))  # noqa: RUF006 nobody keeps it: that is the point
    await for_ever()


async def in_kept_task(failure):
    kept = asyncio.create_task(breaks_later(failure))
    await for_ever()
    return kept


async def in_task_of_process(failure):
    running().to_event(breaks_later(failure))
    await for_ever()


async def in_process_that_nobody_waits_for_any_more(failure):
    def process(env):
        yield env.timeout(1_000_000)
        breaks(failure)

    waiting = running().to_future(running().env.process(process(running().env)))
    waiting.cancel()
    await for_ever()


async def in_process_of_task(failure):
    def process(env):
        yield env.timeout(1)
        breaks(failure)

    loop = running()
    await loop.to_future(loop.env.process(process(loop.env)))


@pytest.mark.parametrize(
    "main",
    [
        in_process_that_nobody_waits_for_any_more,
        in_main,
        in_callback,
        in_event,
        in_process,
        in_task,
        in_kept_task,
        in_task_of_process,
        in_process_of_task,
    ],
)
def test_an_exception_ends_the_run_itself_and_with_its_own_traceback(main):
    failure = Picky(1, two=2)
    with pytest.raises(Picky) as caught:
        run(main(failure))
    assert caught.value is failure
    assert "breaks" in frames(failure)


def test_an_exception_that_nobody_takes_ends_the_run_after_a_minute_and_says_where_it_came_from():
    loop, failure = SimLoop(start=EVENING), Picky(1, two=2)
    with pytest.raises(Picky) as caught:
        loop.run(in_kept_task(failure))
    assert caught.value.__notes__ == ["raised in task-2<breaks_later> at 18:00:01.0; nobody took it from there"]
    assert loop.now_us == 61_000_000


def test_an_exception_that_nobody_takes_ends_the_run_at_its_end():
    async def main(failure):
        kept = asyncio.create_task(breaks_later(failure, 1))
        await asyncio.sleep(2)
        return kept

    failure = Picky(1, two=2)
    with pytest.raises(Picky) as caught:
        run(main(failure))
    assert caught.value is failure


def test_an_exception_that_nobody_takes_is_told_before_the_deadlock_that_it_caused():
    async def main(failure):
        asyncio.create_task(breaks_later(failure))  # noqa: RUF006 nobody keeps it
        await asyncio.Event().wait()

    with pytest.raises(Picky):
        run(main(Picky(1, two=2)))


def test_an_exception_that_is_taken_in_time_is_nobodys_business():
    async def main():
        kept = [asyncio.create_task(breaks_later(Picky(1, two=2))) for _ in range(3)]
        await asyncio.sleep(50)
        results = await asyncio.gather(*kept, return_exceptions=True)
        await asyncio.sleep(1000)
        return [type(result) for result in results]

    assert run(main()) == [Picky] * 3


def test_an_exception_handler_of_the_program_is_respected():
    async def main(failure):
        seen = []
        running().set_exception_handler(lambda _, context: seen.append(context["exception"]))
        running().call_soon(breaks, failure)
        await asyncio.sleep(1)
        return seen

    failure = Picky(1, two=2)
    assert run(main(failure)) == [failure]


def test_a_failure_while_winding_up_does_not_cover_the_first():
    async def stubborn():
        try:
            await for_ever()
        finally:
            raise ZeroDivisionError

    async def main(failure):
        kept = asyncio.create_task(stubborn())
        await breaks_later(failure)
        return kept

    with pytest.raises(Picky):
        run(main(Picky(1, two=2)))


def test_a_task_that_will_not_end_does_not_hold_up_the_end_of_a_broken_run(caplog):
    async def stubborn():
        while True:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.Event().wait()

    async def main(failure):
        kept = asyncio.create_task(stubborn())
        await breaks_later(failure)
        return kept

    with pytest.raises(Picky):
        run(main(Picky(1, two=2)))
    gc.collect()
    assert not caplog.records


def test_a_task_that_will_not_end_is_named_after_a_minute():
    async def stubborn():
        while True:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(1)

    async def main():
        kept = asyncio.create_task(stubborn(), name="mule")
        await asyncio.sleep(1)
        return kept

    with pytest.raises(Unwilling, match=r"^unwilling to end at 00:01:01\.0: mule<.*stubborn>$"):
        run(main())


def test_what_begins_while_others_end_is_ended_too():
    ended = []

    async def heir():
        try:
            await for_ever()
        finally:
            ended.append("heir")

    async def testator(kept):
        try:
            await for_ever()
        finally:
            kept.append(asyncio.create_task(heir()))
            await asyncio.sleep(0)
            ended.append("testator")

    async def main():
        kept: list[object] = []
        kept.append(asyncio.create_task(testator(kept)))
        await asyncio.sleep(1)
        return kept

    run(main())
    assert ended == ["testator", "heir"]


def test_an_exception_while_winding_up_ends_the_run():
    async def fragile():
        try:
            await for_ever()
        finally:
            breaks(Picky(1, two=2))

    async def main():
        kept = asyncio.create_task(fragile())
        await asyncio.sleep(1)
        return kept

    with pytest.raises(Picky):
        run(main())


def test_an_interrupt_ends_the_run():
    async def main():
        running().call_later(1, breaks, KeyboardInterrupt())
        await for_ever()

    with pytest.raises(KeyboardInterrupt):
        run(main())


# ---------------------------------------------------------------------- bridges


def test_a_process_waits_for_a_coroutine_and_a_task_for_a_process():
    async def main():
        loop = running()

        def process(env):
            yield env.timeout(2_500_000)
            value = yield loop.to_event(asyncio.sleep(1.5, "slept"))
            return value, env.now

        return await loop.to_future(loop.env.process(process(loop.env))), loop.time()

    assert run(main()) == (("slept", 4_000_000), 4.0)


def test_an_event_that_has_happened_already_gives_its_value():
    async def main():
        loop = running()
        event = loop.env.event()
        event.succeed("there")
        await asyncio.sleep(1)
        return await loop.to_future(event)

    assert run(main()) == "there"


def test_exceptions_cross_the_bridges_as_they_are():
    async def main(failure):
        loop, seen = running(), []

        def process():
            try:
                yield loop.to_event(breaks_later(failure))
            except Picky as caught:
                seen.append(caught)
                raise

        try:
            await loop.to_future(loop.env.process(process()))
        except Picky as caught:
            seen.append(caught)
        return seen

    failure = Picky(1, two=2)
    seen = run(main(failure))
    assert seen == [failure, failure]
    assert "breaks" in frames(failure)


def test_a_cancelled_coroutine_is_a_cancelled_event():
    async def main():
        loop, seen = running(), []

        async def cancelled():
            raise asyncio.CancelledError

        def process():
            try:
                yield loop.to_event(cancelled())
            except asyncio.CancelledError:
                seen.append("cancelled")

        await loop.to_future(loop.env.process(process()))
        return seen

    assert run(main()) == ["cancelled"]
