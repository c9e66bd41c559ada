"""What is wired to the inputs that a master reads: contacts that close and open as the changes of a scenario say."""

import pytest

from chargebench.emulator.spec import TcpAt
from chargebench.scenarios.describe import read_scenario
from chargebench.scenarios.run import run
from chargebench.scenarios.tiers import TIERS
from tests.library.weak import shipped
from tests.scenarios.files import put, spoiled

MINUTE = 60_000_000
SITE = """\
site:
  inputs:
    - {number: 1, of: internal}
    - {number: 2, of: internal, inverted: on}
    - {number: 3, at: "192.168.2.60:502", id: 4, kind: holding, address: 7, bit: 1}
    - {number: 4, at: "192.168.2.60:502", id: 4, kind: holding, address: 7, bit: 2, inverted: on}
  circuits:
    - {name: row, limit: {input: 1, on: 32 A, off: 16 A}}
    - {name: hall, limit: {input: 3, on: 32 A, off: 16 A}}
  dimming: {input: 2}
  surplus: {input: 4, on: 11 kW, off: 22 kW}
"""


@pytest.fixture
def scenario(tmp_path):
    changes = "changes:\n  - {at: 18:02, on: master, inputs: [1, 2, 3]}\n  - {at: 18:04, on: master, inputs: [1, 4]}\nexpect:\n"
    text = spoiled("expect:\n", changes).replace("site:\n", SITE)
    return read_scenario(put(tmp_path, text))


def test_contacts_close_and_open_as_the_changes_say_the_other_way_round_where_a_bit_says_the_opposite(scenario):
    first, other = scenario.world.boxes[0].contacts
    assert (first.turns_us, other.turns_us) == ((2 * MINUTE,), (0, 2 * MINUTE, 4 * MINUTE))
    (module,) = scenario.world.modules
    assert (module.name, module.at, module.unit) == ("input-3", TcpAt("192.168.2.60", 502), 4)
    assert [(one.register, one.bit, one.contact.turns_us) for one in module.points] == [
        (7, 1, (2 * MINUTE, 4 * MINUTE)),
        (7, 2, (0, 4 * MINUTE)),
    ]


@pytest.mark.slow
def test_a_master_reads_the_same_at_every_tier():
    whole = shipped("input-lost")
    found = [run(whole, tier=tier).commands_hash for tier in TIERS if tier in whole.tiers]
    assert len(found) > 1
    assert len({*found}) == 1
