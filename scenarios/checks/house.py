"""Whether house, reserve and meters go together: what the house may draw must be known from somewhere."""

from __future__ import annotations

from collections.abc import Iterator

from chargebench.datasheets.quantity import show
from chargebench.scenarios.checks.amounts import at_least, at_most, house_is_measured
from chargebench.scenarios.checks.finding import Found, Ground


def house(ground: Ground) -> Iterator[Found]:
    """The house's most is given, fits the limit, and leaves something beside the reserve."""
    connection = ground.site.connection
    limit, most = connection.limit_ma, connection.house_max_ma
    if not ground.says(ground.connection("house_max")):
        yield _unknown(ground)
    elif most > limit:
        sentence = f"the house alone may draw {at_least(most)}, and the limit is {at_most(limit)} on each phase"
        right = at_most(limit)
        yield Found("danger", ground.connection("house_max"), f"{sentence}; at most {right} would be right", right)
    if connection.reserve_ma >= limit:
        sentence = (
            f"the reserve is {at_least(connection.reserve_ma)} of {at_most(limit)} on each phase: no box ever charges"
        )
        yield Found("note", ground.connection("reserve"), f"{sentence}; 2.5 kW is usual for a house", "2.5 kW")


def fuse_and_limit(ground: Ground) -> Iterator[Found]:
    """A limit above the fuse's rating is borne, but not what anybody plans."""
    connection = ground.site.connection
    if connection.fuse is None or connection.limit_ma <= connection.fuse.rating_ma:
        return
    right = show(connection.fuse.rating_ma * 3 * connection.voltage_mv // 1_000_000 // 100 * 100, "W")
    sentence = (
        f"the limit of {at_most(connection.limit_ma)} on each phase is above the fuse's rating of"
        f" {show(connection.fuse.rating_ma, 'mA')}; {right} would be right"
    )
    yield Found("note", ground.connection("max_total_power"), sentence, right)


def _unknown(ground: Ground) -> Found:
    loc = ground.connection("house_max")
    if house_is_measured(ground.site):
        sentence = (
            "the house's greatest load is not given, so every proof counts it as nothing, and a meter that falls silent"
            " stops all boxes"
        )
        return Found("note", loc, sentence)
    sentence = (
        "no meter tells what the house draws, and its greatest load is not given: nothing keeps house and boxes inside the"
        " limit (house_max: 0 A where there is nothing but boxes)"
    )
    return Found("danger", loc, sentence)
