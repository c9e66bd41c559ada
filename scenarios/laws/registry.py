"""The closed list of laws: what a scenario may expect, by the parameter that names each."""

from __future__ import annotations

from chargebench.scenarios.laws.answers import Answers, Mixed
from chargebench.scenarios.laws.charging import Charging
from chargebench.scenarios.laws.commands import Commands
from chargebench.scenarios.laws.connection import Connection
from chargebench.scenarios.laws.contactor_starts import ContactorStarts
from chargebench.scenarios.laws.cycle import Cycle
from chargebench.scenarios.laws.energy import Energy
from chargebench.scenarios.laws.failsafe import FailsafeActs
from chargebench.scenarios.laws.fuse import FuseVerdict
from chargebench.scenarios.laws.law import Law
from chargebench.scenarios.laws.limit import Limit
from chargebench.scenarios.laws.limit_exceeded import LimitExceeded
from chargebench.scenarios.laws.link import Link
from chargebench.scenarios.laws.served import Served
from chargebench.scenarios.laws.share import Share
from chargebench.scenarios.laws.status import Status
from chargebench.scenarios.laws.told import Told
from chargebench.scenarios.laws.waiting import Waiting
from chargebench.scenarios.laws.write_requests import WriteRequests
from chargebench.scenarios.laws.writes import Writes

_ALL: tuple[type[Law], ...] = (
    FuseVerdict,
    LimitExceeded,
    Connection,
    Limit,
    Status,
    Charging,
    Energy,
    Share,
    Served,
    Waiting,
    Writes,
    WriteRequests,
    ContactorStarts,
    Commands,
    Cycle,
    Link,
    Told,
    FailsafeActs,
    Answers,
    Mixed,
)
LAWS: dict[str, type[Law]] = {law.name: law for law in _ALL}
