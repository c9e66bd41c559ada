"""Characters on a line: how long they take, and what a receiver with other settings makes of them."""

from __future__ import annotations

from dataclasses import dataclass

PARITIES = ("N", "E", "O", "M", "S")
BYTE_BITS = 8
FAST_BAUD = 19_200  # above it the Modbus specification fixes the silent intervals
HEARD_MAX = 4_096  # characters that a wrong setting makes of one burst; bounds the work, not the meaning


@dataclass(frozen=True, slots=True)
class Setting:
    """How a port is set: ``8N1`` at 9600 baud is ``Setting(9600)``."""

    baud: int = 9_600
    bits: int = 8
    parity: str = "N"
    stops: int = 1

    def __post_init__(self) -> None:
        if self.baud <= 0:
            raise ValueError(f"expected a baud rate above 0, got {self.baud}")
        if self.bits not in (5, 6, 7, 8):
            raise ValueError(f"expected 5 to 8 data bits, got {self.bits}")
        if self.parity not in PARITIES:
            raise ValueError(f"expected parity {', '.join(PARITIES)}, got {self.parity!r}")
        if self.stops not in (1, 2):
            raise ValueError(f"expected 1 or 2 stop bits, got {self.stops}")

    @property
    def character_bits(self) -> int:
        """Start bit, data, parity, stop bits."""
        return 1 + self.bits + (self.parity != "N") + self.stops

    def time_us(self, characters: int) -> int:
        """How long so many characters last, back to back, rounded up once."""
        return -(-characters * self.character_bits * 1_000_000 // self.baud)

    def characters_in(self, us: int) -> int:
        """How many whole characters fit into ``us``."""
        return us * self.baud // (self.character_bits * 1_000_000)

    @property
    def t15_us(self) -> int:
        """Longest silence inside a Modbus frame: 1.5 characters of 11 bits, 750 us above 19,200 baud."""
        return 750 if self.baud > FAST_BAUD else -(-16_500_000 // self.baud)

    @property
    def t35_us(self) -> int:
        """Shortest silence between Modbus frames: 3.5 characters of 11 bits, 1,750 us above 19,200 baud."""
        return 1_750 if self.baud > FAST_BAUD else -(-38_500_000 // self.baud)


def levels(data: bytes, setting: Setting) -> list[int]:
    """The line's level (1 is idle) in each bit time of ``data`` sent back to back."""
    line: list[int] = []
    for byte in data:
        bits = [byte >> place & 1 for place in range(setting.bits)]
        line.append(0)
        line += bits
        if setting.parity != "N":
            ones = sum(bits) % 2
            line.append({"E": ones, "O": 1 - ones, "M": 1, "S": 0}[setting.parity])
        line += [1] * setting.stops
    return line


def heard(data: bytes, sent: Setting, read: Setting) -> bytes:
    """What a receiver set to ``read`` makes of ``data`` sent with ``sent``.

    It waits for a start bit and samples the middle of each bit time of its own; like a port under Linux that is not told to
    check parity it hands over every character, whatever its parity and stop bits. What has no room in a character is not sent.
    """
    if sent is read or (sent.baud == read.baud and (sent.bits, sent.parity) == (read.bits, read.parity)):
        return data if sent.bits == BYTE_BITS else bytes(byte & (1 << sent.bits) - 1 for byte in data)
    line = levels(data, sent)
    bits = 2 + read.bits + (read.parity != "N")  # a receiver looks at one stop bit, whatever it sends
    out = bytearray()
    place = 0
    while len(out) < HEARD_MAX and (start := _falling(line, place)) is not None:
        # The middle of its bit k, in bit times of the sender: start + (k + 1/2) * sent.baud / read.baud.
        samples = [_level(line, start + (2 * k + 1) * sent.baud // (2 * read.baud)) for k in range(bits)]
        if samples[0]:
            place = start + 1
            continue
        out.append(sum(bit << k for k, bit in enumerate(samples[1 : 1 + read.bits])))
        place = start + -(-(2 * bits - 1) * sent.baud // (2 * read.baud))
    return bytes(out)


def _falling(line: list[int], place: int) -> int | None:
    """First bit time from ``place`` on in which the line falls from idle."""
    for index in range(place, len(line)):
        if not line[index] and _level(line, index - 1):
            return index
    return None


def _level(line: list[int], index: int) -> int:
    return line[index] if 0 <= index < len(line) else 1
