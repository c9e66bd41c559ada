"""Scenarios with trouble: boxes of all kinds that fall silent, restart and are heard one way only, a house that steps,
meters that fail, a master that stops.

What is drawn is the file, so that an example that fails can be read, kept and run as it is printed.
"""

from typing import Any

from hypothesis import strategies as st

MINUTES = 12
LAST_FAULT_S = 300
LIMITS = {"14.5 kW": 21_014, "11 kW": 15_942, "18 kW": 26_086}
FUSES_A = (20, 25, 35, 40, 50, 63, 80, 100)
PHASES = ("L1 L2 L3", "L2 L3 L1", "L3 L1 L2", "L1")
LINE = "COM1,19200,8,e,1"


class File(str):
    """The text of a scenario, shown as it is."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"\n{self}"


def moment(ms: int) -> str:
    """A time of a scenario that starts at 18:00."""
    return f"18:{ms // 60_000:02}:{ms // 1000 % 60:02}.{ms % 1000:03}"


@st.composite
def times(draw: Any, last_s: int) -> int:
    """Milliseconds since the start: any second, most at no whole one."""
    return int(draw(st.integers(10, last_s)) * 1000 + draw(st.sampled_from([0, 123, 500, 999, 1_700, 2_400])))


@st.composite
def boxes(draw: Any, k: int, failsafe: str, boot: str) -> tuple[str, str]:
    """One line of ``evses:``, and what the world says of the box beside it."""
    kind = draw(st.sampled_from(["tcp", "attached", "s0", "line", "heidelberg"]))
    phases = draw(st.sampled_from(PHASES))
    device = "heidelberg-energy-control" if kind == "heidelberg" else "power-brain"
    at = LINE if kind in ("line", "heidelberg") else f"192.168.2.{151 + k}:4701"
    unit = 1 + k if kind in ("line", "heidelberg") else 1
    meter = ", meter: {device: power-brain-s0, port: 4702, id: 2}" if kind == "s0" else ""
    minimum = draw(st.sampled_from(["6 A", "8 A"]))
    after = "15 s" if kind == "heidelberg" else failsafe
    current = draw(st.sampled_from(["6 A", "0 A"])) if k == 0 else "0 A"
    own = f"minimum: {minimum}{meter}, failsafe: {{after: {after}, current: {current}}}{boot}"
    line = f'    - {{name: box{k}, device: {device}, at: "{at}", id: {unit}, phases: {phases}, {own}}}\n'
    ends = draw(st.sampled_from(["on-top", "on-top", "overwrite"])) if device == "power-brain" else "on-top"
    return line, f"    box{k}: {{failsafe_ends: {ends}, attached_meter: {'on' if kind == 'attached' else 'off'}}}\n"


@st.composite
def cars(draw: Any, k: int) -> str:
    """The cars of one box, one after another."""
    out, at = "", draw(times(draw(st.sampled_from([60, 60, 300]))))
    for visit in range(2):
        phases = draw(st.sampled_from([3, 3, 3, 1, 2]))
        current = draw(st.sampled_from([16, 16, 32, 10]))
        wants = draw(st.sampled_from(["20 kWh", "20 kWh", "20 kWh", "0.4 kWh"]))
        leaves = at + draw(st.sampled_from([720, 720, 720, 90, 240])) * 1000
        below = draw(st.sampled_from(["0 A", "0.5 A", "1 A"]))
        delay = draw(st.sampled_from([6, 1, 11]))
        ramp = draw(st.sampled_from([4, 16]))
        out += (
            f"    - {{car: {{phases: {phases}, current: {current} A}}, as: car{k}{visit}, at: {moment(at)}, plugs: box{k},"
            f" wants: {wants}, leaves: {moment(leaves)}, below: {below}, delay: {delay} s, ramp: {ramp} A/s}}\n"
        )
        at = leaves + draw(times(60))
        if at >= (MINUTES - 2) * 60_000:
            break
    return out


@st.composite
def faults(draw: Any, boxes: list[str], meter: bool) -> str:
    """One to three faults. A house meter freezes seldom, since nothing can be done about it."""
    networked = [f"box{k}" for k, line in enumerate(boxes) if LINE not in line]
    kinds = ["silence", "one-way loss", "silence of both"] * 3 + ["reboot", "master stops", "blackout"]
    kinds += ["access point lost"] * 2 if networked else []
    kinds += ["silence of the meter", "frozen"] if meter else []
    out = ""
    for _ in range(draw(st.sampled_from([1, 2, 1, 3]))):
        kind = draw(st.sampled_from(kinds))
        at, lasts = draw(times(LAST_FAULT_S)), draw(st.sampled_from([240, 300, 420, 240, 90, 20]))
        on = f"box{draw(st.sampled_from([0, *range(len(boxes))]))}"
        more = "" if kind == "reboot" else f", for: {lasts} s"
        if kind in ("master stops", "blackout"):
            on = "master" if kind == "master stops" else "connection"
        elif kind == "access point lost":
            on = f"[{', '.join(networked)}]"
            more += f", way: {draw(st.sampled_from(['both', 'answers', 'requests']))}"
        elif kind == "silence of both":
            on = f"[{', '.join(f'box{k}' for k in range(min(2, len(boxes))))}]"
        elif kind in ("silence of the meter", "frozen"):
            on = "grid"
        out += f"  - {{at: {moment(at)}, on: {on}, fault: {kind.partition(' of ')[0]}{more}}}\n"
    return f"faults:\n{out}"


@st.composite
def troubles(draw: Any, most_boxes: int = 4) -> File:
    """A whole scenario. Most sites are as they should be; of the others ``check`` knows what is wrong."""
    power, limit_ma = draw(st.sampled_from(sorted(LIMITS.items())))
    house_a = limit_ma * draw(st.sampled_from([4, 3, 2])) // 10_000
    most_a = limit_ma // 1000 + house_a
    fuse = next(one for one in FUSES_A if one >= most_a)
    if draw(st.sampled_from([0] * 11 + [1])):
        fuse = next(one for one in FUSES_A if 1000 * one >= limit_ma)
    failsafe = draw(st.sampled_from(["60 s", "60 s", "60 s", "120 s", "180 s"]))
    boot = draw(st.sampled_from([", boot: {enable: off}"] * 10 + [", boot: {limit: 6 A}", ""]))
    many = draw(st.sampled_from([*range(2, most_boxes + 1)]))
    evses = [draw(boxes(k, failsafe, boot)) for k in range(many)]
    role = draw(st.sampled_from(["grid supply", "consumption", "grid supply", "consumption", ""]))
    meter = (
        f'    - {{name: grid, device: eastron-sdm630, at: "192.168.2.100:502", id: 1, role: {role}}}\n' if role else ""
    )
    steps = [0, *sorted({draw(times(500)) for _ in range(draw(st.sampled_from([2, 1, 3])))})]
    beyond_a = draw(st.sampled_from([0] * 24 + [3]))  # the site's owner was wrong about the house
    loads = [0, *(draw(st.sampled_from([house_a, house_a, 0])) + beyond_a for _ in steps[1:])]
    house = ", ".join(f"[{moment(at)}, {load} A]" for at, load in zip(steps, loads, strict=True))
    reserve = draw(st.sampled_from(["", ", reserve: 1.4 kW"]))
    visits = "".join(draw(cars(k)) for k in range(many))
    return File(
        "scenario: drawn\nseed: 1\nstart: 2026-01-12 18:00\n"
        f"for: {MINUTES} min\n"
        "site:\n"
        f"  connection: {{max_total_power: {power}, voltage: 230 V, house_max: {house_a} A{reserve},"
        f" fuse: {{rating: {fuse} A, curve: SLS-E}}}}\n"
        f"  evses:\n{''.join(line for line, _ in evses)}"
        + (f"  meters:\n{meter}" if meter else "")
        + f"world:\n  house: {{phases: L1 L2 L3, load: [{house}]}}\n"
        f"  boxes:\n{''.join(truth for _, truth in evses)}"
        f"  cars:\n{visits}"
        f"{draw(faults([line for line, _ in evses], bool(meter)))}"
        "expect:\n  - never: {limit_exceeded: above 0 A}\n"
    )
