"""Data are written as ``json.dumps`` writes them: they are hashed, and records hold them."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from chargebench.scenarios.plain import plain

PAIRS = st.tuples(st.text(max_size=8), st.integers() | st.text(max_size=8) | st.booleans())


@given(st.lists(PAIRS, max_size=4).map(tuple))
def test_data_are_written_as_json_writes_them(data):
    assert plain(data) == json.dumps(data, ensure_ascii=False)
