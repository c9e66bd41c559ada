"""Cars that come and go never exceed the limit of a circuit, measured in the world; and the house's own neither."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from chargebench.emulator.spec import CircuitSpec
from chargebench.manager.circuits import Circuits
from chargebench.manager.controller import Controller
from chargebench.manager.site import Circuit
from tests.laws.closed_loop import MOST_LAG_US, SkewedLoop
from tests.strategies import examples, still_houses

lags = st.lists(st.integers(0, MOST_LAG_US), min_size=1, max_size=7)
CYCLES = 200


@st.composite
def garages(draw):
    """A still house whose boxes hang on one or two circuits, the second of which the first may feed."""
    site, world = draw(still_houses())
    limits = st.tuples(*[st.sampled_from([16_000, 13_000, 7_000, 20_500])] * 3)
    front, row = Circuit("front", draw(limits)), Circuit("row", draw(limits), draw(st.sampled_from(["front", ""])))
    on = [draw(st.sampled_from(["row", "front", "front", ""])) for _ in site.boxes]
    boxes = tuple(replace(box, circuit=name) for box, name in zip(site.boxes, on, strict=True))
    site = replace(site, boxes=boxes, circuits=(front, row))
    tree = Circuits(site)
    specs = tuple(
        CircuitSpec(one.name, one.limit_ma, tuple(box.name for box in boxes if tree.feeds(one.name, box.circuit)))
        for one in site.circuits
    )
    return site, replace(world, circuits=specs)


def no_circuit_is_ever_overloaded(park, lags_us, make=Controller):
    site, spec = park
    loop = SkewedLoop(site, spec, lags_us)
    loop.controller = make(site, [driver.step_ma for driver in loop.drivers])
    limits = {one.name: one.limit_ma for one in site.circuits}

    def look(name, piece):
        for na, rate, limit_ma in zip(piece.na, piece.rate, limits[name], strict=True):
            assert max(na, na + rate * (piece.to_us - piece.from_us)) <= limit_ma * 1_000_000, (name, piece)

    loop.world.circuits.watch.append(look)
    loop.run(CYCLES)
    for segment in loop.segments:
        for na, rate in zip(segment.na, segment.rate, strict=True):
            assert max(na, na + rate * (segment.to_us - segment.from_us)) <= spec.connection.limit_ma * 1_000_000
    return loop


@given(garages(), lags)
@examples(25)
def test_cars_that_come_and_go_never_exceed_the_limit_of_a_circuit(park, lags_us):
    no_circuit_is_ever_overloaded(park, lags_us)


def test_a_manager_that_books_on_the_house_alone_is_caught():
    """The law can fail: raises that wait for nothing on the circuits."""

    class Forgets(Controller):
        def _nodes(self, memory):
            return memory.phases

        def _take(self, amps, _memory, left):
            for phase, ma in enumerate(amps):
                left[phase] -= ma

    found = []

    @examples(25)
    @given(garages(), lags)
    def law(park, lags_us):
        try:
            no_circuit_is_ever_overloaded(park, lags_us, Forgets)
        except AssertionError as broken:
            found.append(broken)

    law()
    assert found
