"""What can be seen of a line: what is counted of whom, and that nothing of it grows."""

from __future__ import annotations

import pytest

from chargebench.manager.proxy.watch import RECENT, Side
from tests.proxy.lines import COM1, DEAD, Bench, Units, read, write


def counts(side: Side) -> tuple[int, ...]:
    return side.asked, side.answered, side.silent, side.garbled, side.refused


def test_each_unit_and_each_client_has_its_own_and_the_line_has_them_all():
    bench = Bench(Units(["prompt", DEAD, DEAD, "spoilt", "prompt"]))
    bench.ask(1, 7, read(0))
    bench.run()
    bench.ask(1, 8, read(0))
    bench.run()
    bench.ask(2, 7, read(0))
    bench.run()
    watch = bench.gateway.watch
    assert counts(watch.units[7]) == (2, 2, 0, 1, 0)
    assert counts(watch.units[8]) == (1, 0, 2, 0, 0)
    assert counts(watch.clients[1]) == (2, 1, 2, 0, 0)
    assert counts(watch.clients[2]) == (1, 1, 0, 1, 0)
    assert counts(watch.line) == (3, 2, 2, 1, 0)


def test_time_is_taken_from_the_request_of_a_client_to_its_answer_queue_and_tries_among_it():
    bench = Bench(Units([DEAD]))
    bench.ask(1, 7, read(0, 10))
    bench.ask(2, 8, read(0, 10))
    bench.run()
    alone_us = COM1.frame_us(8) + 30_000
    first, second = bench.gateway.watch.clients[1].took_us[0], bench.gateway.watch.clients[2].took_us[0]
    assert first > 450_000 + alone_us
    assert second == first + COM1.silence_us + alone_us


@pytest.mark.parametrize(("habit", "seen"), [("noise", (1, 1, 0, 0, 0)), ("stranger", (1, 0, 0, 1, 0))])
def test_bytes_that_are_no_answer_are_told_from_silence_and_noise_before_an_answer_is_nothing(
    habit: str, seen: tuple[int, ...]
):
    bench = Bench(Units([habit]))
    bench.ask(1, 7, write(8093, 60))
    bench.run()
    assert counts(bench.gateway.watch.line) == seen


def test_an_answer_that_comes_late_is_silence_and_then_late():
    bench = Bench(Units(["late"]))
    bench.ask(1, 7, write(8093, 60))
    bench.run()
    assert counts(bench.gateway.watch.units[7]) == (1, 0, 1, 0, 0)
    assert bench.gateway.late == 1


def test_what_the_proxy_refuses_by_itself_is_refused():
    bench = Bench()
    bench.act(bench.gateway.down(bench.now_us))
    bench.ask(1, 7, read(0))
    assert counts(bench.gateway.watch.units[7]) == (1, 0, 0, 0, 1)


def test_clients_who_have_gone_are_forgotten_even_when_their_answer_comes_afterwards():
    bench = Bench()
    for client in range(1, 200):
        bench.ask(client, 7, read(client))
        bench.run(bench.now_us + 10_000)
        bench.act(bench.gateway.gone(client, bench.now_us))
        bench.run()
    assert bench.gateway.watch.clients == {}
    assert bench.gateway.watch.units[7].answered == 199
    assert len(bench.gateway.watch.line.took_us) == RECENT


def test_percentiles_are_times_that_were_taken():
    side = Side()
    assert side.percentiles_us(50, 95) == (None, None)
    side.took_us.extend(range(100, 0, -1))
    assert side.percentiles_us(50, 95, 100) == (50, 95, 100)
    side.took_us.clear()
    side.took_us.append(7)
    assert side.percentiles_us(50, 95) == (7, 7)
