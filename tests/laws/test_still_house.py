"""Nobody but the cars moves: then there is no excuse, and no limit is ever exceeded, whatever is read before what."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.laws import control_laws
from tests.laws.closed_loop import MOST_LAG_US
from tests.strategies import examples, still_houses

pytestmark = pytest.mark.slow

lags = st.lists(st.integers(0, MOST_LAG_US), min_size=1, max_size=7)


@given(still_houses(), lags)
@examples(60)
def test_cars_that_come_and_go_never_exceed_a_limit(park, lags_us):
    control_laws.neither_limit_is_ever_exceeded(park, lags_us, cycles=200)
