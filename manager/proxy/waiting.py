"""What waits for a line: fair between clients, and for each of them between its units. Sans-IO.

Each client has a lane for each unit, in which its requests keep their order. Who was served goes behind the others: the
clients take turns, and with each turn of a client its units do. A request that is first in its lane is passed by no more
others than there are clients times the units that its own client asks.
"""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Iterator

from chargebench.manager.links.shape import Shape


class Job:
    """A request of a client, asked at ``asked_us``. ``tries`` are left after the one under way; ``sent`` is how often it went out, and ``owed``
    how many answers to it may still come. ``gone``: nobody waits for its answer any more.
    """

    __slots__ = ("asked_us", "client", "gone", "owed", "pdu", "sent", "shape", "token", "tries", "unit")

    def __init__(self, client: int, token: int, unit: int, pdu: bytes, shape: Shape, asked_us: int) -> None:
        self.client = client
        self.token = token
        self.unit = unit
        self.pdu = pdu
        self.shape = shape
        self.asked_us = asked_us
        self.tries = self.sent = self.owed = 0
        self.gone = False


Lanes = OrderedDict[int, deque[Job]]


class Waiting:
    """All requests that wait for one line."""

    def __init__(self) -> None:
        self._clients: OrderedDict[int, Lanes] = OrderedDict()
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def put(self, job: Job) -> None:
        """At the end of its lane."""
        lanes = self._clients.get(job.client)
        if lanes is None:
            lanes = self._clients[job.client] = OrderedDict()
        lane = lanes.get(job.unit)
        if lane is None:
            lane = lanes[job.unit] = deque()
        lane.append(job)
        self._size += 1

    def take(self, may: Callable[[Job], bool]) -> Job | None:
        """Whose turn it is of those who may go; None where nobody may."""
        for client, lanes in self._clients.items():
            for unit, lane in lanes.items():
                if may(lane[0]):
                    job = lane.popleft()
                    self._after(client, lanes, unit, lane)
                    return job
        return None

    def heads(self) -> Iterator[Job]:
        """The first of each lane."""
        return (lane[0] for lanes in self._clients.values() for lane in lanes.values())

    def counted(self) -> tuple[dict[int, int], dict[int, int]]:
        """How many wait for each unit, and how many of each client."""
        units: Counter[int] = Counter()
        clients: Counter[int] = Counter()
        for client, lanes in self._clients.items():
            for unit, lane in lanes.items():
                units[unit] += len(lane)
                clients[client] += len(lane)
        return units, clients

    def drop_client(self, client: int) -> int:
        """Forget what a client has asked; how many those were."""
        dropped = sum(len(lane) for lane in self._clients.pop(client, {}).values())
        self._size -= dropped
        return dropped

    def take_unit(self, unit: int) -> list[Job]:
        """Everything that waits for a unit."""
        taken: list[Job] = []
        for client, lanes in list(self._clients.items()):
            taken += lanes.pop(unit, ())
            if not lanes:
                del self._clients[client]
        self._size -= len(taken)
        return taken

    def take_all(self) -> list[Job]:
        taken = [job for lanes in self._clients.values() for lane in lanes.values() for job in lane]
        self._clients.clear()
        self._size = 0
        return taken

    def _after(self, client: int, lanes: Lanes, unit: int, lane: deque[Job]) -> None:
        """A lane was served: it goes behind the client's others, and the client behind the other clients."""
        self._size -= 1
        if lane:
            lanes.move_to_end(unit)
        else:
            del lanes[unit]
        if lanes:
            self._clients.move_to_end(client)
        else:
            del self._clients[client]
