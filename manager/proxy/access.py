"""Who may ask what through the proxy: read-only for everybody, or rules for networks, units, functions and registers. Sans-IO."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Final

from chargebench.manager.proxy.answers import GATEWAY_PATH, ILLEGAL_ADDRESS, ILLEGAL_FUNCTION, harmless

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Ranges = tuple[tuple[int, int], ...]
COUNTED: Final = (1, 2, 3, 4, 15, 16)
SINGLE: Final = (5, 6, 22)
BOTH: Final = 23
LONGEST: Final = 30  # characters of a range: no number of any use has more
BOUNDS: Final = {"units": 255, "functions": 127, "registers": 65_535}


@dataclass(frozen=True, slots=True)
class Rule:
    """What one network may ask; None: any."""

    network: Network | None = None
    units: Ranges | None = None
    functions: Ranges | None = None
    registers: Ranges | None = None


@dataclass(frozen=True, slots=True)
class Access:
    """What may be asked. Where there are rules, what none of them allows is refused."""

    read_only: bool = False
    rules: tuple[Rule, ...] = ()

    def admits(self, host: str) -> bool:
        """Whether a client at this address may connect."""
        return not self.rules or bool(self._for(host))

    def refuses(self, host: str, unit: int, pdu: bytes) -> int:
        """The exception with which a request is refused, or 0: the one of the rule that comes nearest to allowing it."""
        if self.read_only and not harmless(pdu):
            return ILLEGAL_FUNCTION
        if not self.rules:
            return 0
        return min((_judged(rule, unit, pdu) for rule in self._for(host)), key=_NEAREST.index, default=GATEWAY_PATH)

    def _for(self, host: str) -> list[Rule]:
        try:
            address = ipaddress.ip_address(host)
        except ValueError:  # it has a name in place of an address
            return [rule for rule in self.rules if rule.network is None]
        return [rule for rule in self.rules if rule.network is None or address in rule.network]


_NEAREST: Final = (0, ILLEGAL_ADDRESS, ILLEGAL_FUNCTION, GATEWAY_PATH)


def _judged(rule: Rule, unit: int, pdu: bytes) -> int:
    if not _within(rule.units, unit, unit):
        return GATEWAY_PATH
    if not _within(rule.functions, pdu[0], pdu[0]):
        return ILLEGAL_FUNCTION
    if rule.registers is None:
        return 0
    touched = registers_of(pdu)
    if touched is None:
        return ILLEGAL_FUNCTION
    return 0 if all(_within(rule.registers, first, last) for first, last in touched) else ILLEGAL_ADDRESS


def _within(allowed: Ranges | None, first: int, last: int) -> bool:
    return allowed is None or any(low <= first and last <= high for low, high in allowed)


def registers_of(pdu: bytes) -> Ranges | None:
    """First and last of each range of registers or coils that a request touches; None where that cannot be told."""
    function, words = pdu[0], [int.from_bytes(pdu[at : at + 2], "big") for at in range(1, min(len(pdu), 9) - 1, 2)]
    if function in SINGLE and words:
        return ((words[0], words[0]),)
    if function in COUNTED and len(words) >= 2:
        return ((words[0], words[0] + max(words[1], 1) - 1),)
    if function == BOTH and len(words) >= 4:
        return tuple((words[at], words[at] + max(words[at + 1], 1) - 1) for at in (0, 2))
    return None


def parse_rule(text: str) -> Rule:
    """``192.168.2.0/24 units=1-3,7 functions=3,4 registers=8092-8101``, each part of which may be left out.

    ``ValueError`` says what was expected.
    """
    network: Network | None = None
    parts: dict[str, Ranges] = {}
    for word in text.split():
        name, equals, value = word.partition("=")
        if not equals:
            network = _network(word)
        elif name in BOUNDS:
            parts[name] = ranges(name, value, BOUNDS[name])
        else:
            raise ValueError(f"expected {', '.join(BOUNDS)}, got {name!r}")
    return Rule(network, parts.get("units"), parts.get("functions"), parts.get("registers"))


def _network(word: str) -> Network:
    try:
        return ipaddress.ip_network(word)
    except ValueError:
        raise ValueError(f"expected a network such as 192.168.2.0/24, got {word!r}") from None


def ranges(name: str, text: str, most: int) -> Ranges:
    """``1-3,7`` as ((1, 3), (7, 7)), each from 0 to ``most``; ``ValueError`` tells of it as ``name``."""
    found: list[tuple[int, int]] = []
    for part in text.split(","):
        low, dash, high = part.partition("-")
        numbers = low.isascii() and low.isdigit() and (not dash or (high.isascii() and high.isdigit()))
        if not numbers or len(part) > LONGEST:
            raise ValueError(f"expected {name} such as 1-3,7, got {text!r}")
        first, last = int(low), int(high if dash else low)
        if not first <= last <= most:
            raise ValueError(f"expected {name} from 0 to {most}, got {part!r}")
        found.append((first, last))
    return tuple(found)
