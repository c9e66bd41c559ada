"""What those who watch are told: bounded, in order, what is lost is counted, and the last of everything for who comes late."""

from __future__ import annotations

import asyncio
import json

from hypothesis import given
from hypothesis import strategies as st

from chargebench.manager.service.feed import DROPPED, EARLIER, MOST_LETTERS, Feed


def watching(feed):
    mailbox = feed.watch()
    assert mailbox is not None
    return mailbox


DEEDS = st.lists(st.sampled_from(["note", "notes", "cycle", "take"]), max_size=30)


@given(DEEDS)
def test_nothing_is_lost_uncounted_and_nothing_waits_without_bound(deeds):
    feed = Feed(1)
    mailbox = watching(feed)
    put, got = 0, []
    for deed in deeds:
        if deed == "take":
            got += mailbox.take()
        elif deed == "cycle":
            feed.cycle({"cycle": put})
        for _ in range({"note": 1, "notes": MOST_LETTERS}.get(deed, 0)):
            feed.note({"number": put})
            put += 1
        assert len(mailbox._notes) <= MOST_LETTERS
    got += mailbox.take()
    notes = [json.loads(one.body)["number"] for one in got if one.kind == "note"]
    lost = sum(json.loads(one.body)["dropped"] for one in got if one.kind == DROPPED)
    assert notes == sorted(notes)
    assert len(notes) + lost == put
    assert mailbox.take() == []


def test_of_the_cycles_only_the_last_waits():
    feed = Feed(1)
    mailbox = watching(feed)
    for n in range(3):
        feed.cycle({"cycle": n})
        feed.note({"number": n})
    assert [(one.kind, one.body) for one in mailbox.take()] == [
        ("note", '{"number": 0}'),
        ("note", '{"number": 1}'),
        ("note", '{"number": 2}'),
        ("cycle", '{"cycle": 2}'),
    ]


def test_who_comes_late_sees_the_last_of_everything_and_nobody_comes_beyond_the_most():
    feed = Feed(1)
    for n in range(EARLIER + 5):
        feed.note({"number": n})
    feed.cycle({"cycle": 7})
    mailbox = watching(feed)
    found = mailbox.take()
    assert [one.body for one in (found[0], found[-1])] == ['{"number": 5}', '{"cycle": 7}']
    assert len(found) == EARLIER + 1
    assert feed.watch() is None
    feed.leave(mailbox)
    assert feed.watch() is not None


def test_who_waits_is_woken_by_the_next_letter():
    async def main():
        feed = Feed(1)
        mailbox = watching(feed)
        await mailbox.wait(0)
        task = asyncio.create_task(mailbox.wait(60))
        await asyncio.sleep(0)
        feed.note({"says": "L1\nis full"})
        await task
        (one,) = mailbox.take()
        assert "\n" not in one.body

    asyncio.run(main())
