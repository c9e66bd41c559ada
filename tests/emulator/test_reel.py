"""What stands on a reel happens between the events of the heap, in the order of its times."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from chargebench.emulator.clock.env import SimEnv
from chargebench.emulator.reel import Reel
from tests.strategies import examples

times = st.lists(st.tuples(st.integers(0, 60), st.booleans()), max_size=40)


def played(entries, *, on_reel):
    """What happens when, where every other entry puts one more there 7 us later."""
    env, told = SimEnv(), []
    reel = Reel(env, [])

    def happen(name):
        told.append((env.now_us, name))
        if name % 2:
            (reel if on_reel else env).at(env.now_us + 7, happen, name * 100)

    for k, (at_us, quick) in enumerate(entries):
        (reel if on_reel and quick else env).at(3 * at_us + quick, happen, k)
    env.advance_to(1_000)
    return told


@given(times)
@examples(60)
def test_on_a_reel_everything_happens_when_it_would_on_the_heap(entries):
    alone = sorted(played(entries, on_reel=False))
    assert sorted(played(entries, on_reel=True)) == alone
    assert [at_us for at_us, _ in played(entries, on_reel=True)] == [at_us for at_us, _ in alone]


def test_time_waits_for_callbacks_that_are_ready():
    env = SimEnv()
    ready: list[str] = []
    told: list[int] = []
    reel = Reel(env, ready)
    reel.at(10, lambda: ready.append("callback"))
    reel.at(10, lambda: told.append(env.now_us))
    reel.at(11, lambda: told.append(env.now_us))
    env.step_until(1_000)
    assert (told, env.now_us) == ([10], 10)
    ready.clear()
    env.step_until(1_000)
    assert (told, env.now_us) == ([10, 11], 11)


def test_an_earlier_entry_is_not_missed():
    env = SimEnv()
    told: list[str] = []
    reel = Reel(env, [])
    reel.at(20, told.append, "late")
    reel.at(5, told.append, "early")
    env.advance_to(30)
    assert told == ["early", "late"]
    reel.at(40, told.append, "last")
    env.advance_to(50)
    assert told == ["early", "late", "last"]
