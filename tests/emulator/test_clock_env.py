from __future__ import annotations

import traceback

import pytest
import simpy
from hypothesis import given
from hypothesis import strategies as st

from chargebench.emulator.clock.env import TIDY_FROM, SimEnv


class Picky(Exception):
    """An exception that cannot be made from its ``args``."""

    def __init__(self, one, *, two):
        super().__init__(f"{one} and {two}")


@given(st.lists(st.integers(0, 3), max_size=30))
def test_calls_run_by_time_and_then_in_the_order_in_which_they_were_made(times):
    env = SimEnv()
    seen: list[object] = []
    for number, when_us in enumerate(times):
        env.at(when_us, lambda number, when_us: seen.append((env.now_us, when_us, number)), number, when_us)
    env.advance_to(10)
    assert seen == sorted((when_us, when_us, number) for number, when_us in enumerate(times))


def test_a_call_in_the_past_runs_now():
    env = SimEnv(50)
    seen: list[object] = []
    env.at(10, lambda: seen.append(env.now_us))
    env.step()
    assert seen == [50]


def test_a_cancelled_call_does_not_run_and_does_not_move_the_clock():
    env = SimEnv()
    seen: list[object] = []
    call = env.after(10, seen.append, 1)
    env.after(20, seen.append, 2)
    call.cancel()
    call.cancel()
    env.step()
    assert (seen, env.now_us, call.pending) == ([2], 20, False)
    with pytest.raises(simpy.core.EmptySchedule):
        env.step()


def test_a_call_that_has_run_cannot_be_cancelled_any_more():
    env = SimEnv()
    seen: list[object] = []
    call = env.after(0, seen.append, 1)
    env.step()
    call.cancel()
    env.after(0, seen.append, 2)
    env.step()
    assert seen == [1, 2]


def test_cancelled_calls_leave_no_litter():
    env = SimEnv()
    live = [env.after(10**9 + k, print) for k in range(100)]
    largest = 0
    for k in range(200_000):
        env.after(k, print).cancel()
        largest = max(largest, len(env))
    assert largest <= 2 * (TIDY_FROM + len(live))
    assert len(env.pending()) == len(live)


@given(st.binary(min_size=600, max_size=700))
def test_tidying_keeps_the_order(draws):
    calls = [(draw // 4, draw % 4 == 0) for draw in draws]
    env = SimEnv()
    seen: list[object] = []
    made = [env.at(when_us, seen.append, (when_us, number)) for number, (when_us, _) in enumerate(calls)]
    for call, (_, keep) in zip(made, calls, strict=True):
        if not keep:
            call.cancel()
    env.advance_to(64)
    assert seen == sorted((when_us, number) for number, (when_us, keep) in enumerate(calls) if keep)


def test_the_next_time_is_that_of_something_alive():
    env = SimEnv()
    assert (env.next_us(), env.peek()) == (None, float("inf"))
    call = env.at(5, print)
    env.at(9, print)
    assert env.next_us() == 5
    call.cancel()
    assert (env.next_us(), env.peek()) == (9, 9)


def test_advancing_runs_all_that_is_due_and_sets_the_clock():
    env = SimEnv()
    seen: list[object] = []
    env.at(5, lambda: env.after(0, seen.append, "from 5"))
    env.at(7, seen.append, "at 7")
    env.advance_to(6)
    assert (seen, env.now_us, env.now) == (["from 5"], 6, 6)
    env.advance_to(3)
    assert env.now_us == 6


def test_who_drives_the_heap_hears_of_an_earlier_first():
    env = SimEnv()
    earlier: list[int] = []
    env.on_earlier = earlier.append
    for when_us in (50, 70, 20):
        env.at(when_us, print)
    env.timeout(10)
    assert earlier == [50, 20, 10]


def test_delays_are_whole_microseconds():
    with pytest.raises(TypeError, match=r"whole microseconds, not 2\.5"):
        SimEnv().timeout(2.5)


def test_simpy_runs_as_ever():
    env = SimEnv()
    seen: list[object] = []

    def car(env):
        yield env.timeout(3)
        seen.append(env.now)
        try:
            yield env.timeout(100)
        except simpy.Interrupt as interrupt:
            seen.append((env.now, interrupt.cause))
        return "gone"

    def grid(env, process):
        yield env.timeout(10)
        process.interrupt("trip")
        seen.append((yield process))

    process = env.process(car(env))
    env.run(until=env.process(grid(env, process)))
    assert seen == [3, (10, "trip"), "gone"]
    env.run(until=50)
    assert env.now_us == 50


def test_an_event_that_has_happened_already_gives_its_value_at_once():
    env = SimEnv()
    seen: list[object] = []

    def waits():
        event = env.event()
        event.succeed("there")
        yield env.timeout(5)
        seen.append((yield event))
        seen.append(env.now_us)

    env.process(waits())
    env.advance_to(10)
    assert seen == ["there", 5]


def test_the_process_that_runs_is_the_active_one():
    env = SimEnv()
    seen: list[object] = []

    def tells(env):
        seen.append(env.active_process)
        yield env.timeout(1)
        seen.append(env.active_process)

    process = env.process(tells(env))
    env.at(0, lambda: seen.append(env.active_process))
    env.advance_to(2)
    assert seen == [process, None, process]
    assert env.active_process is None


def test_processes_that_have_not_ended_are_known():
    env = SimEnv()

    def short(env):
        yield env.timeout(1)

    def long(env):
        yield env.timeout(5)

    env.process(long(env))
    env.process(short(env))
    assert [process.name for process in env.processes] == ["long", "short"]
    env.advance_to(2)
    assert [process.name for process in env.processes] == ["long"]


def test_a_failed_process_raises_its_own_exception_with_its_own_traceback():
    env, failure = SimEnv(), Picky(1, two=2)

    def breaks(env):
        yield env.timeout(1)
        raise failure

    env.process(breaks(env))
    with pytest.raises(Picky) as caught:
        env.advance_to(5)
    assert caught.value is failure
    assert "breaks" in [frame.name for frame in traceback.extract_tb(failure.__traceback__)]


def test_whoever_waits_for_a_failed_process_gets_its_own_exception():
    env, failure, seen = SimEnv(), Picky(1, two=2), []

    def breaks(env):
        yield env.timeout(1)
        raise failure

    def waits(process):
        try:
            yield process
        except Picky as caught:
            seen.append(caught)

    env.process(waits(env.process(breaks(env))))
    env.advance_to(5)
    assert seen == [failure]


def test_a_step_goes_no_further_than_it_may():
    env = SimEnv()
    seen: list[object] = []
    env.at(3, seen.append, "dead").cancel()
    env.at(5, seen.append, "call")
    env.timeout(7).callbacks.append(lambda _: seen.append("event"))
    assert [(env.step_until(latest_us), env.now_us) for latest_us in (4, 5, 6, 7, 8)] == [
        (False, 0), (True, 5), (False, 5), (True, 7), (False, 7),
    ]  # fmt: skip
    assert seen == ["call", "event"]
    assert len(env) == 0


def test_a_process_that_yields_no_event_is_told_so():
    env = SimEnv()

    def confused():
        yield 5

    env.process(confused())
    with pytest.raises(TypeError, match="process confused yields an event of simpy, not 5"):
        env.advance_to(1)


def test_an_interrupted_run_is_interrupted_at_once():
    env = SimEnv()

    def breaks(env):
        yield env.timeout(1)
        raise KeyboardInterrupt

    env.process(breaks(env))
    with pytest.raises(KeyboardInterrupt):
        env.advance_to(5)
