"""Ends that are wrong in one thing each: connections and places on a line that a clause must catch."""

from __future__ import annotations

import itertools
from dataclasses import replace

from chargebench.emulator.actions import Close, Send
from chargebench.emulator.adu import MbapSplitter, pack_rtu, unpack_rtu
from chargebench.emulator.ascii import AsciiEnd, pack_ascii
from chargebench.emulator.framing import RtuEnd, TcpEnd
from chargebench.emulator.serve import SlaveProtocol, TcpService
from chargebench.emulator.slave import Slave

# ---- TCP -------------------------------------------------------------------------------------------------------------


class FirstTransaction(TcpEnd):
    """Every answer has transaction 1."""

    def receive(self, data, now_us):
        return [
            Send(b"\x00\x01" + a.data[2:], a.after_us) if isinstance(a, Send) else a
            for a in super().receive(data, now_us)
        ]


class OwnUnit(TcpEnd):
    """Every answer is of unit 0."""

    def receive(self, data, now_us):
        return [
            Send(a.data[:6] + b"\x00" + a.data[7:], a.after_us) if isinstance(a, Send) else a
            for a in super().receive(data, now_us)
        ]


class AnyProtocol(TcpEnd):
    """Looks at no protocol id."""

    def receive(self, data, now_us):
        return super().receive(data[:2] + b"\x00\x00" + data[4:] if len(data) > 3 else data, now_us)


class StuckOnForeign(TcpEnd):
    """Keeps a message of another protocol at the head of its buffer, for ever."""

    stuck = False

    def receive(self, data, now_us):
        self.stuck = self.stuck or (len(data) > 3 and data[2:4] != b"\x00\x00")
        return [] if self.stuck else super().receive(data, now_us)


class Patient(TcpEnd):
    """Waits for ever for the rest, and never finds that a length is impossible."""

    stuck = False

    def receive(self, data, now_us):
        length = int.from_bytes(data[4:6], "big")
        self.stuck = self.stuck or (len(data) >= 6 and length != len(data) - 6)
        return [] if self.stuck else super().receive(data, now_us)


class SegmentIsMessage(TcpEnd):
    """Takes each segment for one whole message."""

    def receive(self, data, now_us):
        self._splitter = MbapSplitter()
        return super().receive(data, now_us)


class OneAtATime(TcpEnd):
    """Answers the first request of a segment and drops the others."""

    def receive(self, data, now_us):
        actions = super().receive(data, now_us)
        self._splitter = MbapSplitter()
        return actions[:1]


class DropsWhileBusy(TcpEnd):
    """Has room for one request: what comes before its answer is out is lost."""

    def __init__(self, slave, **options):
        super().__init__(slave, **options)
        self._turnaround_us = 20_000

    def receive(self, data, now_us):
        return [] if self._free_us > now_us else super().receive(data, now_us)


class HangsUpAtOnce(TcpEnd):
    """Closes as soon as the client has ended its side."""

    def __init__(self, slave, **options):
        super().__init__(slave, **options)
        self._turnaround_us = 20_000

    def eof(self, _now_us):
        self.closed = True
        return [Close()]


class Slow(TcpEnd):
    """200 ms for each answer."""

    def __init__(self, slave, **options):
        super().__init__(slave, **options)
        self._turnaround_us = 200_000


class Forgetful(TcpEnd):
    """Answers nothing once there was a minute of silence."""

    heard_us: int | None = None

    def receive(self, data, now_us):
        asleep = self.heard_us is not None and now_us - self.heard_us > 60_000_000
        self.heard_us = now_us
        return [] if asleep else super().receive(data, now_us)


class DiesOfResets(SlaveProtocol):
    """Takes the whole server down when a client resets."""

    def connection_lost(self, exc):
        super().connection_lost(exc)
        if exc is not None:
            self._service.close()


class DiesOfGarbage(SlaveProtocol):
    """Takes the whole server down when it does not understand a client."""

    def data_received(self, data):
        super().data_received(data)
        if self._end.closed:
            self._service.close()


class Leaks(TcpService):
    """Never gives a client's place free."""

    def farewell(self, _client):
        pass


class AnswersTheLatest(SlaveProtocol):
    """Sends every answer to the client that connected last."""

    def _act(self, action):
        latest = list(self._service._clients)[-1]
        SlaveProtocol._act(latest, action)


class OneForAll(SlaveProtocol):
    """A client that does not take its answers holds up everybody."""

    def data_received(self, data):
        if not any(client._stuffed for client in self._service._clients):
            super().data_received(data)


# ---- lines -----------------------------------------------------------------------------------------------------------


class Hasty(RtuEnd):
    """Answers as soon as a frame is whole, without waiting for silence."""

    def receive(self, data, now_us):
        super().receive(data, now_us)
        return self.advance(now_us + self._silence_us)

    def _exchange(self, adu, _end_us, now_us):
        return [replace(action, after_us=0) for action in super()._exchange(adu, now_us, now_us)]


class NoCrc(RtuEnd):
    """Believes every frame."""

    def receive(self, data, now_us):
        return super().receive(pack_rtu(data[0], data[1:-2]) if len(data) > 3 else data, now_us)


class AnyUnit(RtuEnd):
    """Answers for every unit but broadcasts."""

    def receive(self, data, now_us):
        adu = unpack_rtu(data)
        return super().receive(pack_rtu(1, adu.pdu) if adu is not None and adu.unit else data, now_us)


class AnswersReserved(RtuEnd):
    """Answers for unit ids above 247."""

    def receive(self, data, now_us):
        adu = unpack_rtu(data)
        return super().receive(pack_rtu(1, adu.pdu) if adu is not None and adu.unit > 247 else data, now_us)


class AnswersBroadcasts(RtuEnd):
    """Takes unit 0 for itself."""

    def receive(self, data, now_us):
        adu = unpack_rtu(data)
        return super().receive(pack_rtu(1, adu.pdu) if adu is not None and not adu.unit else data, now_us)


class DeafToBroadcasts(RtuEnd):
    """Ignores unit 0."""

    def receive(self, data, now_us):
        return [] if data[:1] == b"\x00" else super().receive(data, now_us)


class Tolerant(RtuEnd):
    """Bears any pause that is shorter than the silence between frames."""

    def __init__(self, slave, baud, bits, turnaround_us):
        super().__init__(slave, baud, bits, turnaround_us, tolerant=True)


class Unhurried(RtuEnd):
    """Takes 30 ms of silence for the end of a frame."""

    def __init__(self, slave, baud, bits, turnaround_us):
        super().__init__(slave, baud, bits, turnaround_us, tolerant=True, silence_us=30_000)


class Overlong(RtuEnd):
    """Reads frames of any length by their beginning."""

    def receive(self, data, now_us):
        return super().receive(pack_rtu(1, data[1:6]) if len(data) > 256 else data, now_us)


class Brief(RtuEnd):
    """Answers three bytes."""

    def receive(self, data, now_us):
        return super().receive(pack_rtu(1, b"\x03\x00\x64\x00\x01") if len(data) == 3 else data, now_us)


class NeedsAPause(RtuEnd):
    """Misses what comes within 30 ms of its own answer."""

    rest_us = 0

    def receive(self, data, now_us):
        return [] if now_us < self.rest_us else super().receive(data, now_us)

    def _exchange(self, adu, end_us, now_us):
        actions = super()._exchange(adu, end_us, now_us)
        if actions:
            self.rest_us = now_us + 45_000
        return actions


class LosesItsStep(RtuEnd):
    """Cannot tell garbage from the frame behind it, whatever silence lies between."""

    rubbish = False

    def receive(self, data, now_us):
        was, self.rubbish = self.rubbish, unpack_rtu(data) is None
        return [] if was else super().receive(data, now_us)


class Hunts(RtuEnd):
    """Finds a frame behind garbage."""

    def receive(self, data, now_us):
        tails = (data[at:] for at in range(len(data)))
        return super().receive(next((t for t in tails if unpack_rtu(t)), data), now_us)


class Eavesdrops(RtuEnd):
    """Finds frames for itself inside what others say."""

    def receive(self, data, now_us):
        parts = (data[a:b] for a, b in itertools.combinations(range(len(data) + 1), 2) if b - a > 3)
        return super().receive(next((p for p in parts if p[0] == 1 and unpack_rtu(p)), data), now_us)


class Stutters(RtuEnd):
    """Sends its answer in two pieces."""

    def _exchange(self, adu, end_us, now_us):
        actions = super()._exchange(adu, end_us, now_us)
        sends = [action for action in actions if isinstance(action, Send)]
        return [piece for a in sends for piece in (a, Send(a.data[3:], a.after_us + 15_000))]


# ---- lines in ASCII mode ---------------------------------------------------------------------------------------------


class TextOfAnyUnit(AsciiEnd):
    """Answers for every unit but broadcasts."""

    def _exchange(self, adu, now_us):
        return super()._exchange(adu._replace(unit=1) if adu.unit else adu, now_us)


class TextDeafToBroadcasts(AsciiEnd):
    """Ignores unit 0."""

    def _exchange(self, adu, now_us):
        return super()._exchange(adu, now_us) if adu.unit else []


class Says(AsciiEnd):
    """Says its answers otherwise."""

    def said(self, data):
        raise NotImplementedError

    def _exchange(self, adu, now_us):
        return [Send(self.said(a.data), a.after_us) for a in super()._exchange(adu, now_us) if isinstance(a, Send)]


class WithoutReturn(Says):
    """Ends its frames in LF alone."""

    def said(self, data):
        return data.replace(b"\r", b"")


class SmallLetters(Says):
    """Sends small letters."""

    def said(self, data):
        return data.lower()


class OtherBeginning(Says):
    """Begins with > as some do."""

    def said(self, data):
        return b">" + data[1:]


class NoLrcOut(Says):
    """Sends no LRC."""

    def said(self, data):
        return data[:-4] + data[-2:]


class Reads(AsciiEnd):
    """Reads frames otherwise."""

    def read(self, frame):
        raise NotImplementedError

    def _judge(self, frame, now_us):
        return super()._judge(bytearray(self.read(bytes(frame))), now_us)


class NoLrc(Reads):
    """Believes every frame."""

    def read(self, frame):
        body = frame[1:-3]
        good = len(body) > 3 and len(body) % 2 == 0 and all(digit in b"0123456789ABCDEF" for digit in body)
        return pack_ascii(int(body[:2], 16), bytes.fromhex(body[2:].decode()))[:-1] if good else frame


class LooseDigits(Reads):
    """Takes what is no digit for a 0, and makes the LRC fit."""

    def read(self, frame):
        strange = [place for place, digit in enumerate(frame[1:-1], 1) if digit not in b"0123456789ABCDEF"]
        if not strange or len(frame) != len(pack_ascii(1, b"12345")) - 1:
            return frame
        digits = bytes(digit if place not in strange else 0x30 for place, digit in enumerate(frame))[1:-3]
        return pack_ascii(int(digits[:2], 16), bytes.fromhex(digits[2:].decode()))[:-1]


class FirstColon(AsciiEnd):
    """A colon inside a frame is one character more."""

    def _begun(self, text):
        if self._frame:
            self._frame += text
            return self._frame
        return super()._begun(text[:1] + text[1:].replace(b":", b"0"))


class AnswersTwice(AsciiEnd):
    """Answers once for each colon."""

    def receive(self, data, now_us):
        actions = super().receive(data, now_us)
        return [
            replace(action, after_us=action.after_us + k * 100_000)
            for action in actions
            for k in range(data.count(b":"))
        ]


class TextPatient(AsciiEnd):
    """Waits for ever for the rest of a frame."""

    def receive(self, data, now_us):
        self._end_us = now_us
        return super().receive(data, now_us)


class RefusesSmallLetters(AsciiEnd):
    """Takes small letters for a fault of the master."""

    def _judge(self, frame, now_us):
        actions = super()._judge(frame, now_us)
        if bytes(frame) == bytes(frame).upper():
            return actions
        return [Send(pack_ascii(1, b"\x83\x01"), action.after_us) for action in actions]


class Miscounts(Slave):
    """Counts frames with a wrong CRC as good ones."""

    def heard(self, *, good):
        del good
        super().heard(good=True)
