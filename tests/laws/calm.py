"""Scenarios in which nothing breaks: cars come and go, the house steps, people change what they want.

What is drawn is the file, so that an example that fails can be read, kept and run as it is printed.
"""

from typing import Any

from hypothesis import strategies as st

from tests.laws.troubles import LIMITS, PHASES, File, moment

MINUTES = 40
LAST_S = 60 * MINUTES - 120
POLICIES = ("fair", "fair", "fair", "first-come", "equal-split", "rotation", "original", "none")


@st.composite
def times(draw: Any, first_s: int, last_s: int) -> int:
    """Milliseconds since the start: some on a cycle, some just beside it, most anywhere."""
    ms = draw(st.integers(first_s * 1000, last_s * 1000))
    return int(draw(st.sampled_from([ms, ms, ms // 3000 * 3000, ms // 3000 * 3000 + 1, ms // 3000 * 3000 + 40])))


@st.composite
def boxes(draw: Any, k: int) -> tuple[str, str]:
    """One line of ``evses:``, and what the world says of the box beside it."""
    kind = draw(st.sampled_from(["attached", "attached", "plain", "s0", "s0 beside"]))
    phases = draw(st.sampled_from(PHASES))
    port = "4702" if kind == "s0" else "4701"
    meter = f", meter: {{device: power-brain-s0, port: {port}, id: 2}}" if kind.startswith("s0") else ""
    more = draw(st.sampled_from(["", "", ", minimum: 8 A", ", priority: 2", ", maximum: 16 A"]))
    own = f"phases: {phases}{more}{meter}, failsafe: {{after: 180 s, current: 0 A}}, boot: {{enable: off}}"
    line = f'    - {{name: box{k}, device: power-brain, at: "192.168.2.{151 + k}:4701", id: 1, {own}}}\n'
    return line, f"    box{k}: {{attached_meter: {'on' if kind == 'attached' else 'off'}}}\n"


@st.composite
def cars(draw: Any, k: int) -> str:
    """The cars of one box, one after another."""
    out, at = "", draw(times(1, draw(st.sampled_from([60, 600, LAST_S]))))
    for visit in range(3):
        phases, current = draw(st.sampled_from([3, 3, 1, 2])), draw(st.sampled_from([16, 32, 10]))
        wants = draw(st.sampled_from(["20 kWh", "20 kWh", "0.4 kWh", "1.3 kWh"]))
        leaves = min(at + 20_000 + draw(times(0, draw(st.sampled_from([120, 1200, 2400])))), 3_590_000)
        below, delay = draw(st.sampled_from(["0 A", "0.5 A", "1 A"])), draw(st.sampled_from([6, 1, 11]))
        ramp = draw(st.sampled_from([1, 4, 16]))
        out += (
            f"    - {{car: {{phases: {phases}, current: {current} A}}, as: car{k}{visit}, at: {moment(at)}, plugs: box{k},"
            f" wants: {wants}, leaves: {moment(leaves)}, below: {below}, delay: {delay} s, ramp: {ramp} A/s}}\n"
        )
        at = leaves + 1000 + draw(times(0, 300))
        if at >= LAST_S * 1000:
            break
    return out


@st.composite
def calm(draw: Any, most_boxes: int = 5) -> File:
    """A whole scenario, over the network."""
    power, limit_ma = draw(st.sampled_from(sorted(LIMITS.items())))
    house_a = limit_ma * draw(st.sampled_from([4, 3, 2])) // 10_000
    many = draw(st.integers(1, most_boxes))
    evses = [draw(boxes(k)) for k in range(many)]
    role = draw(st.sampled_from(["grid supply", "consumption", "grid supply", "consumption", ""]))
    at = draw(st.sampled_from(['"192.168.2.100:502", id: 1', '"192.168.2.151:4701", id: 9']))
    meter = f"  meters:\n    - {{name: grid, device: eastron-sdm630, at: {at}, role: {role}}}\n" if role else ""
    steps = [0, *sorted({draw(times(10, LAST_S)) for _ in range(draw(st.integers(0, 5)))})]
    house = ", ".join(f"[{moment(one)}, {draw(st.integers(0, house_a))} A]" for one in steps)
    network = draw(st.sampled_from(["", "  network: {latency: 4 ms, jitter: 0 ms}\n", "  network: {jitter: 30 ms}\n"]))
    visits = "".join(draw(cars(k)) for k in range(many))
    return File(
        f"scenario: drawn\nseed: {draw(st.integers(0, 9))}\nstart: 2026-01-12 18:00\n"
        f"for: {MINUTES} min\n"
        "site:\n"
        f"  policy: {draw(st.sampled_from(POLICIES))}\n"
        f"  connection: {{max_total_power: {power}, voltage: 230 V, house_max: {house_a} A, fuse: {{rating: 63 A, curve: SLS-E}}}}\n"
        f"  evses:\n{''.join(line for line, _ in evses)}{meter}"
        f"world:\n  house: {{phases: L1 L2 L3, load: [{house}]}}\n{network}"
        f"  boxes:\n{''.join(truth for _, truth in evses)}"
        f"  cars:\n{visits}"
        "expect:\n  - never: {limit_exceeded: above 0 A}\n"
    )
