"""What is remembered of a car over a restart: who is next, whose turn it is, and a guess of its phases that nobody books by."""

from __future__ import annotations

import pytest

from chargebench.manager.controller import CYCLE_US, HOLD_US, Controller
from chargebench.manager.ledger import Ledger, MemoryStore
from chargebench.manager.memory import PHYSICAL_US, SETTLE_US
from chargebench.manager.readings import BoxReading, BoxView, Pilot, Remembered, Session, View
from chargebench.manager.sessions import STEP_US
from chargebench.manager.site import Box, Connection, Site, TcpAddress

AT = TcpAddress("192.168.2.151", 4701)
TURN = HOLD_US // CYCLE_US


def site(many=2, limit_ma=10_000):
    return Site(
        Connection(0, limit_ma), tuple(Box(f"box{k}", "power-brain", AT, k + 1, (0, 1, 2)) for k in range(many))
    )


def box(pilot="C", limit_ma=0, drawn=None, energy_wh=None):
    phases = None if drawn is None else (drawn, drawn, drawn) if isinstance(drawn, int) else drawn
    return BoxView(BoxReading(0, Pilot(pilot), limit_ma, limit_ma, phases, energy_wh=energy_wh))


def unread(session):
    return BoxView(remembered=Remembered(16_000, 16_000, 0, 16_000, 16_000, 1, session))


def started(where, *sessions):
    """A controller whose earlier life knew of these cars, before it has heard of any."""
    control = Controller(where)
    assert control.cycle(0, View(tuple(unread(one) for one in sessions))) == []
    return control


def cycles(control, view, first, last):
    return [command for n in range(first, last) for command in control.cycle(n, view)]


def booked_at(control, n, seen):
    control.cycle(n, View((seen,)))
    return control.boxes[0].booked()


# -- phases -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("guess", "after_us"), [((0,), PHYSICAL_US), ((), SETTLE_US), ((1,), SETTLE_US)])
def test_phases_that_are_remembered_count_sooner_where_the_draw_confirms_them(guess, after_us):
    control = started(site(1, 16_000), Session(guess))
    seen = box("C", 16_000, (16_000, 0, 0))
    first = next(n for n in range(1, 40) if booked_at(control, n, seen) == (16_000, 0, 0))
    assert after_us <= (first - 1) * CYCLE_US < after_us + CYCLE_US


def test_what_is_remembered_of_phases_is_booked_by_nobody_until_it_is_seen():
    control = started(site(1, 16_000), Session((0,)))
    for n in range(1, 60):
        assert booked_at(control, n, box("B", 16_000, 0)) == (16_000, 16_000, 16_000)
    for n in range(60, 100):
        assert booked_at(control, n, box("C", 16_000, (16_000, 16_000, 16_000))) == (16_000, 16_000, 16_000)


def test_phases_are_forgotten_with_the_car():
    control = started(site(1, 16_000), Session((0,)))
    control.cycle(1, View((box("A", 16_000, 0),)))
    for n in range(2, 2 + PHYSICAL_US // CYCLE_US + 3):
        assert booked_at(control, n, box("C", 16_000, (16_000, 0, 0))) == (16_000, 16_000, 16_000)


# -- who is next ------------------------------------------------------------------------------


def first_told(*sessions, energy_wh=(None, None)):
    control = started(site(), *sessions)
    cars = View(tuple(box("B", 0, energy_wh=wh) for wh in energy_wh))
    return [command.box for command in cycles(control, cars, 1, 3)]


def test_who_has_charged_less_before_the_restart_is_first():
    assert first_told(None, None) == [0]
    assert first_told(Session(energy_wh=9_000), Session(energy_wh=2_000)) == [1]
    assert first_told(Session(energy_wh=9_000), Session(energy_wh=2_000), energy_wh=(100_000, 500_000)) == [1]


def test_who_has_waited_for_a_turn_before_the_restart_is_first():
    assert first_told(Session(energy_wh=1_000), Session(energy_wh=9_000, waited_us=HOLD_US)) == [1]


def test_a_turn_goes_on_after_the_restart_and_is_not_renewed_by_it():
    """Box 1 charges and has 5 min left; box 0 has waited for a turn. Without memory box 0 would stop it at once."""
    left = STEP_US // CYCLE_US
    cars = View((box("B", 0), box("C", 8_000)))
    forgetful = started(site(), Session(waited_us=HOLD_US), None)
    assert [one.box for one in cycles(forgetful, cars, 1, 3) if one.limit_ma == 0] == [1]
    control = started(site(), Session(waited_us=HOLD_US), Session(left_us=STEP_US))
    assert [one.limit_ma for one in cycles(control, cars, 1, left) if one.box == 0] == []
    assert control.boxes[1].running
    stops = [one.box for one in cycles(control, cars, left, left + 4) if one.limit_ma == 0]
    assert stops == [1]


def test_a_box_that_was_stopped_meanwhile_has_no_turn_any_more():
    control = started(site(), Session(), Session(left_us=STEP_US))
    control.cycle(1, View((box("B", 0), box("B", 0))))
    assert [memory.running for memory in control.boxes] == [True, False]


# -- what is kept -----------------------------------------------------------------------------


def test_what_is_kept_is_rounded_down_and_nothing_of_an_empty_box():
    control = Controller(site(3, 7_000))
    cars = View((box("C", 6_000, (6_000, 0, 0), 1_000), box("B", 0), box("A", 0)))
    cycles(control, cars, 0, TURN // 2)
    drawn = View((box("C", 6_000, (6_000, 0, 0), 4_700), *cars.boxes[1:]))
    control.cycle(TURN // 2, drawn)
    control.cycle(TURN // 2 + 1, View((box("C", 6_000, (6_000, 0, 0), 4_700), box("C", 0), box("A", 0))))
    runs, waits, empty = control.sessions()
    assert runs == Session((0,), 3_000, 0, HOLD_US // 2 // STEP_US * STEP_US - STEP_US)
    assert waits == Session((), 0, HOLD_US // 2 // STEP_US * STEP_US)
    assert empty is None


def test_a_guess_outlives_a_second_restart():
    control = started(site(1), Session((1,), 5_000))
    control.cycle(1, View((box("C", 6_000, (0, 6_000, 0), 1_000),)))
    (session,) = control.sessions()
    assert (session.phases, session.energy_wh) == ((1,), 5_000)


def test_the_ledger_keeps_the_session_of_a_box_and_loses_it_with_the_car():
    store = MemoryStore()
    ledger = Ledger(site(1), store, {})
    session = Session((0,), 3_000)
    ledger.take(View((box("C", 6_000),)), [], 0, [session])
    assert [one.session for one in store.load().values()] == [session]
    again = Ledger(site(1), store, store.load())
    again.take(View((BoxView(),)), [], 0, [None])
    assert [one.session for one in store.load().values()] == [session]
    again.take(View((box("A", 6_000),)), [], CYCLE_US, [None])
    assert [one.session for one in store.load().values()] == [None]
