"""Clauses B24 to B32: what keeps each kind of watchdog away, and what does not."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from chargebench.datasheets.behaviour import WatchdogKind
from chargebench.emulator.flow import SECOND_US
from chargebench.scenarios.clauses.falling import LIMIT_MA, Fall, charging, late_us, other_kind
from chargebench.scenarios.clauses.subject import SAMPLE_US, STOP_US, Subject, behaviour

TIMES = 3
LONG_US = 3600 * SECOND_US

Act = Callable[[Subject], Awaitable[None]]


async def _read(box: Subject) -> None:
    await box.ask(box.food())


async def _tell(box: Subject) -> None:
    await box.put_limit(box.limit_ma)


async def _feed(box: Subject) -> None:
    await box.feed()


async def _read_elsewhere(box: Subject) -> None:
    """A read that begins and ends outside what its watchdog lives on."""
    low, _ = box.dog.span or (0, 0)
    pdu = box.food()
    await box.ask(pdu[:1] + max(0, low - 100).to_bytes(2, "big") + b"\x00\x01")


async def _other_token(box: Subject) -> None:
    """Another value in the token's register, taken or refused."""
    await box.send(box.dog.register, ((box.dog.value or 0) ^ 1,))


async def _kept_away(box: Subject, acts: tuple[Act, ...], us: int, every_us: int, what: str) -> None:
    until_us = box.now_us + us
    while box.now_us < until_us:
        for act in acts:
            await act(box)
        await box.insist(box.told_ma, what)
        await box.spend(every_us)


def _lives_on(
    kind: WatchdogKind, feeds: tuple[Act, ...], others: tuple[Act, ...]
) -> Callable[[Subject], Awaitable[None]]:
    """The check of one kind: each of ``feeds`` alone keeps it away, each of ``others`` alone does not."""

    async def do(box: Subject) -> None:
        if box.dog.kind != kind:
            raise other_kind(box)
        fall = await charging(box)
        every_us = fall.after_us // 3
        box.hungry = True
        for act in feeds:
            await _kept_away(
                box, (act,), TIMES * fall.after_us, every_us, f"{_name(act)} every {every_us // SECOND_US} s"
            )
        for act in others:
            await box.feed()
            await _falls_all_the_same(box, act, fall, every_us)
            box.hungry = False
            await box.back_to_work()
            await box.settle(box.obey_us + STOP_US)
            box.hungry = True

    return do


async def _falls_all_the_same(box: Subject, act: Act, fall: Fall, every_us: int) -> None:
    """It is seen at its failsafe current, be it for a moment only: a limit that is told then may hold again."""
    until_us, due_us = box.now_us + fall.after_us + late_us(box, fall.to_ma), box.now_us + every_us
    while not box.gives(fall.to_ma, await box.drawn()):
        if box.now_us >= until_us:
            await box.insist(fall.to_ma, f"{_name(act)} every {every_us // SECOND_US} s, and nothing else")
        await box.spend(SAMPLE_US)
        if box.now_us >= due_us:
            await act(box)
            due_us = box.now_us + every_us


_NAMES: dict[Act, str] = {
    _read: "a read",
    _tell: "its limit",
    _feed: "what feeds it",
    _read_elsewhere: "a read of other addresses",
    _other_token: "another token",
}


def _name(act: Act) -> str:
    return _NAMES[act]


async def _has_none(box: Subject) -> None:
    if box.dog.kind != "none":
        raise other_kind(box)
    await box.charge(LIMIT_MA)
    await box.watch()
    await box.spend(LONG_US)
    await box.insist(box.told_ma, f"silence for {LONG_US // SECOND_US} s")


async def _nobody_knows(box: Subject) -> None:
    if box.dog.kind != "unknown":
        raise other_kind(box)
    await box.charge(LIMIT_MA)
    await _kept_away(box, (_read, _tell), LONG_US // 6, 5 * SECOND_US, "reads and its limit every 5 s")


CLAUSES = (
    behaviour(
        "B24",
        "A box without a watchdog keeps its limit, however long nobody speaks.",
        "the maker's register list of go-e; Tinkerforge/esp32-firmware, modbus_tcp",
        _has_none,
    ),
    behaviour(
        "B25",
        "A watchdog that lives on any request is kept away by reads alone, and by writes alone.",
        "register page of the Power Brain; evcc-io/evcc#2227",
        _lives_on("request", (_read, _tell), ()),
    ),
    behaviour(
        "B26",
        "A watchdog that lives on reads of some addresses is kept away by those, and by no other read and no write.",
        "openWB/core, modbusserver.py",
        _lives_on("read", (_feed,), (_read_elsewhere, _tell)),
    ),
    behaviour(
        "B27",
        "A watchdog that lives on its limit is kept away where that is written again, and not by reads.",
        "the maker's document of Alfen 2.3; evcc-io/evcc#12492",
        _lives_on("limit", (_tell,), (_read,)),
    ),
    behaviour(
        "B28",
        "A watchdog that lives on its time is kept away where that is written again, and not by reads.",
        "evcc-io/evcc, driver of KEBA; evcc-io/evcc#22262",
        _lives_on("timeout", (_feed,), (_read,)),
    ),
    behaviour(
        "B29",
        "A watchdog that lives on a token is kept away by that, and not by reads, limits or another value.",
        "evcc-io/evcc, driver of Mennekes Compact; evcc-io/evcc#20536",
        _lives_on("token", (_feed,), (_read, _tell, _other_token)),
    ),
    behaviour(
        "B30",
        "A watchdog that lives on a bit is kept away where that is set again once the box has cleared it, and not by reads or limits.",
        "evcc-io/evcc, drivers of Webasto Next, Vestel and Schneider",
        _lives_on("toggle", (_feed,), (_read, _tell)),
    ),
    behaviour(
        "B31",
        "A watchdog that lives on what is sent to all is kept away by that, and not by reads.",
        "SmartEVSE/SmartEVSE-3, main.cpp",
        _lives_on("broadcast", (_tell,), (_read,)),
    ),
    behaviour(
        "B32",
        "A box of whose watchdog nothing is known keeps its limit while it is read and told that again and again.",
        "evcc-io/evcc, drivers; the watchdog of its datasheet",
        _nobody_knows,
    ),
)
