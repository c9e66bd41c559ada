"""Where the manager's windows are opened, who may ask, and what its page may do."""

from __future__ import annotations

import re

import pytest

from chargebench.datasheets.errors import BadInput
from chargebench.manager.service.gate import Place, place
from chargebench.manager.service.web import PAGE, addressed


@pytest.mark.parametrize(
    ("text", "found", "shown", "loopback"),
    [
        ("8080", Place("127.0.0.1", 8080), "127.0.0.1:8080", True),
        ("0", Place("127.0.0.1", 0), "127.0.0.1:0", True),
        ("localhost:80", Place("127.0.0.1", 80), "127.0.0.1:80", True),
        ("0.0.0.0:8080", Place("0.0.0.0", 8080), "0.0.0.0:8080", False),
        ("[::1]:8080", Place("::1", 8080), "[::1]:8080", True),
        ("192.168.2.1:65535", Place("192.168.2.1", 65535), "192.168.2.1:65535", False),
    ],
)
def test_where_a_window_is(text, found, shown, loopback):
    assert place("--http", text) == found
    assert (str(found), found.loopback) == (shown, loopback)


@pytest.mark.parametrize(
    "text", ["", "http", "65536", "-1", "8080x", "garage:8080", ":8080", "1.2.3:80", "٣", "127.0.0.1:", "1:2:3"]
)
def test_what_is_no_place_is_told_in_a_sentence(text):
    with pytest.raises(BadInput) as error:
        place("--http", text)
    assert str(error.value).startswith("--http: expected a port, or an address of this machine and a port, such as 127")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.0.0.1:8080", "localhost", "LOCALHOST:1", "[::1]:8080", "192.168.2.7:80"]
)
def test_who_names_this_machine_by_its_address_may_ask(host):
    assert addressed(host)


@pytest.mark.parametrize(
    "host",
    [
        "",
        "evil.example",
        "evil.example:8080",
        "127.0.0.1.evil.example",
        "localhost.evil",
        "::1",
        "[evil]",
        "1@a",
        "0x7f.1",
        "127.0.0.1:80:80",
    ],
)
def test_who_comes_by_another_name_may_not(host):
    assert not addressed(host)


def test_the_page_asks_nobody_but_its_own_server_and_writes_no_markup():
    assert re.findall(r"https?:|//[a-z]|@import|url\(", PAGE) == []
    assert re.findall(r"(?:src|href|action)=\"([^\"]*)\"", PAGE) == ["data:,", "/status"]
    assert re.findall(r"EventSource\(\"([^\"]*)\"\)|fetch\(", PAGE) == ["/events"]
    assert re.findall(r"innerHTML|outerHTML|insertAdjacent|document\.write|eval\(", PAGE) == []
