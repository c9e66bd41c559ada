"""Why a connection or a port could not be opened, in words for a person. Sans-IO."""

from __future__ import annotations

import errno
from typing import Final

NOT_THERE: Final = "refused, or not there"
_LINE: Final = {
    errno.ENOENT: "there is no such port",
    errno.ENXIO: "there is no such port",
    errno.ENODEV: "there is no such port",
    errno.EACCES: "permission denied: the user who runs this may not open it (on Debian, group dialout may)",
    errno.EPERM: "permission denied: the user who runs this may not open it (on Debian, group dialout may)",
    errno.EAGAIN: "another program has it open",
    errno.EBUSY: "another program has it open",
}
_TCP: Final = {
    errno.ECONNREFUSED: NOT_THERE,
    errno.ETIMEDOUT: NOT_THERE,
    errno.EHOSTUNREACH: "no way to the host",
    errno.ENETUNREACH: "no way to the network",
    errno.EACCES: "permission denied",
}


def reason(error: OSError, *, tcp: bool) -> str:
    """What an error of opening means; ``tcp``: a connection, else a serial port."""
    known = (_TCP if tcp else _LINE).get(error.errno or 0)
    if known is not None:
        return known
    if error.errno is None:
        return NOT_THERE if tcp else str(error) or NOT_THERE
    return error.strerror or str(error)
