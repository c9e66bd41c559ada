"""The verbs for masters that are not ours: emulate, and tell, which speaks to an emulation that runs."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import click

from chargebench.datasheets.errors import BadInput, CannotOpen
from chargebench.datasheets.words import amperes, lasted
from chargebench.emulator.serve import LOOPBACK
from chargebench.scenarios import render
from chargebench.scenarios.cli import FAILED, INTERRUPTED, print_json
from chargebench.scenarios.describe import Scenario
from chargebench.scenarios.emulate.control import Control
from chargebench.scenarios.emulate.control import tell as ask
from chargebench.scenarios.emulate.live import Live, Trial
from chargebench.scenarios.emulate.places import OTHER_END, Wish
from chargebench.scenarios.emulate.play import Play, read_play
from chargebench.scenarios.emulate.requests import Requests
from chargebench.scenarios.emulate.screen import EVERY_S, Screen
from chargebench.scenarios.result import Result

_HEAD = ("box", "state", "limit", "offered", "drawn", "car")
OURS_ONLY = "not judged, since it is about what our own manager tells"


@dataclass(frozen=True, slots=True)
class Order:
    """What a person has asked for. ``said``: the words that name it."""

    said: str
    wish: Wish
    speed: float
    seed: int | None
    judge: bool
    control: Path | None
    as_json: bool


def emulate(order: Order) -> int:
    """Serve it until Ctrl-C, or judge it until its end."""
    _refuse(order)
    play = read_play(order.said, order.seed)
    if order.judge and play.scenario is None:
        raise BadInput(order.said, "", "expected a scenario to judge by, got a bare site")
    for remark in _remarks(order, play):
        click.echo(remark, err=True)
    live = asyncio.run(_serve(order, play))
    if not order.judge:
        return 0
    if live.result is None or live.trial is None:
        click.echo("interrupted before the end, so nothing is judged", err=True)
        return INTERRUPTED
    if order.as_json:
        print_json(_summary(live.result, live.trial))
    else:
        click.echo(_report(live.result, live.trial, order.speed), nl=False)
    return 0 if live.result.passed else FAILED


def tell(request: dict[str, object], path: Path | None, *, as_json: bool) -> int:
    """Have something done in an emulation that runs."""
    done = ask(request, path)
    if as_json:
        print_json(done)
    elif isinstance(boxes := done.get("boxes"), dict):
        click.echo(f"{done['at']}\n\n{render.table([_HEAD, *(_shown(name, box) for name, box in boxes.items())])}")
    else:
        click.echo(", ".join(f"{key} {value}" for key, value in done.items()))
    return 0


def _shown(name: str, box: Mapping[str, object]) -> tuple[str, ...]:
    """A box as it is, for a person."""
    currents = [amperes(int(str(box[f"{which}_ma"]))) for which in ("limit", "offered", "drawn")]
    state = f"{box['state']}{' failsafe' if box['failsafe'] else ''}"
    return (name, state, *currents, str(box["car"] or "none"))


async def _serve(order: Order, play: Play) -> Live:
    trial = _trial(order, play.scenario) if order.judge and play.scenario is not None else None
    live = Live(play, order.wish, order.speed, trial)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    await live.open()
    control = None if order.judge else Control(Requests(play, live.world, live.pump.advance).answer)
    try:
        if control is not None:
            await control.open(order.control)
        _tell_places(order, live, control)
        with _screen(order, live) as draw:
            await _until(live, stop, draw)
    finally:
        if control is not None:
            await control.close()
        await live.close()
    return live


async def _until(live: Live, stop: asyncio.Event, screen: Screen | None) -> None:
    """Wait for Ctrl-C, for the end, or for a port that goes away; draw meanwhile."""
    stopped = asyncio.ensure_future(stop.wait())
    try:
        while not stop.is_set() and not live.ended.done():
            begun_s = live.pump.loop.time()
            await asyncio.wait((stopped, live.ended), timeout=EVERY_S, return_when=asyncio.FIRST_COMPLETED)
            for line, why in live.ports.lost.items():
                raise CannotOpen(f"the port of line {line}", f"it has gone: {why}")
            if screen is not None:
                live.pump.advance()
                screen.show(live.pump.loop.time() - begun_s)
    finally:
        stopped.cancel()
        with suppress(asyncio.CancelledError):
            await stopped
    if live.ended.done():
        live.ended.result()


@contextmanager
def _screen(order: Order, live: Live) -> Iterator[Screen | None]:
    """A live table on stderr, where that is a terminal."""
    if order.as_json or not sys.stderr.isatty():
        yield None
        return
    with Screen(live) as screen:
        yield screen


def _tell_places(order: Order, live: Live, control: Control | None) -> None:
    if order.as_json:
        serving: dict[str, object] = {"serving": [place.as_json() for place in live.places]}
        if control is not None:
            serving["control"] = str(control.path)
        click.echo(json.dumps(serving, ensure_ascii=False))
        return
    play = live.play
    rows = [("name", "device", "unit", "at", "first read")]
    for one in live.places:
        where = f"{one.at} ({one.serial})" if one.serial else one.at
        rows.append((one.name, one.device, str(one.unit), where, one.first_read))
    speed = "in real time" if order.speed == 1 else f"at {order.speed:g} times real time"
    click.echo(f"{play.label}: {play.title}, {speed}\n\n{render.table(rows)}\n")
    if order.wish.lines:
        click.echo(f"{OTHER_END} is the port of the master, at the other end of a line whose port was given.\n")
    if control is not None:
        to = f" --to {control.path}" if order.control is not None else ""
        click.echo(f"chargebench tell{to} --help says what can be done meanwhile; Ctrl-C ends it.\n")
    elif play.scenario is not None:
        took = lasted(round(play.scenario.duration_us / order.speed))
        click.echo(f"It is judged in {took}.\n")


def _trial(order: Order, scenario: Scenario) -> Trial:
    seed = "" if order.seed is None else f" --seed {order.seed}"
    speed = "" if order.speed == 1 else f" --speed {order.speed:g}"
    return Trial(scenario, f"chargebench emulate {order.said} --judge{speed}{seed}")


def _refuse(order: Order) -> None:
    if order.wish.own_addresses and order.wish.listen != LOOPBACK:
        raise BadInput(
            "--own-addresses", "", "expected no --listen beside it: own addresses are those of this machine alone"
        )


def _remarks(order: Order, play: Play) -> Iterator[str]:
    if order.wish.listen != LOOPBACK:
        yield (
            f"warning: served at {order.wish.listen}. Modbus has no authentication: whoever reaches this machine can read "
            "and write everything here."
        )
    yield from (
        f"reader {one.name} is not played: on a real network every client is somebody's own"
        for one in play.world.readers
    )
    at_the_master = any(fault.kind.startswith("master") or fault.kind == "blackout" for fault in play.world.faults)
    if at_the_master or (play.scenario is not None and play.scenario.desk.changes):
        yield "the scenario does something to the master, too: that is yours to do, when the time comes"


def _summary(result: Result, trial: Trial) -> dict[str, object]:
    """As of a run, without what only our own manager and simulated time give."""
    expectations = result.summary()["expectations"]
    assert isinstance(expectations, list)
    unjudged = [
        {"name": name, "verdict": "not judged", "first_violation": None, "because": OURS_ONLY}
        for name in trial.unjudged
    ]
    ours = dict.fromkeys(("hash", "commands_hash", "policy", "commands"))
    return {**result.summary(), **ours, "tier": "real time", "expectations": [*expectations, *unjudged]}


def _report(result: Result, trial: Trial, speed: float) -> str:
    scenario = result.scenario
    head = f"{scenario.label}: {scenario.title}\n{lasted(scenario.duration_us)} at {speed:g} times real time\n"
    verdicts = render.verdicts(result)
    unjudged = [f"  --    {name}: {OURS_ONLY}" for name in trial.unjudged]
    figures = [line for line in render.figures(result.figures, 0) if not line.startswith("  starts")]
    parts = [head, result.story, *verdicts[:-1], *unjudged, "", *figures]
    if not result.passed:
        parts.extend([f"  why       {result.why or 'nothing stands out before it'}", f"  again     {result.again}"])
    return "\n".join(parts) + "\n"
