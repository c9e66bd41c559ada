"""HTTP on a port of the manager's own, by uvicorn's protocol: one request a connection, and nobody may take for ever.

A connection that has not asked in time, or does not take what it asked for, is let go. What goes wrong in an answer is told
and changes nothing else.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final, cast

from starlette.types import ASGIApp
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from chargebench.manager.service.gate import Gate

ASKS_WITHIN_S: Final = 10.0
STUCK_S: Final = 30.0
HEAD_BYTES: Final = 8_192
_UNSENT_BYTES: Final = 65_536


class Pages:
    """Serves ``app`` at ``gate`` until ``close``. ``say`` takes what a person is to know."""

    def __init__(self, gate: Gate, app: ASGIApp, say: Callable[[str], None]) -> None:
        self._gate = gate
        self._state = ServerState()
        logger = logging.getLogger("uvicorn.error")
        logger.propagate = False
        logger.handlers = [_Told(say)]
        logging.getLogger("uvicorn.access").propagate = False
        config = Config(
            app,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            h11_max_incomplete_event_size=HEAD_BYTES,
        )
        config.load()
        gate.open(lambda: Visitor(config, self._state, gate))

    def close(self) -> None:
        """Let everybody go."""
        for one in list(self._state.connections):
            one.transport.abort()


class Visitor(H11Protocol):
    """One connection."""

    def __init__(self, config: Config, state: ServerState, gate: Gate) -> None:
        super().__init__(config, state, {}, asyncio.get_running_loop())
        self._gate = gate
        self._stuck: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin."""
        super().connection_made(transport)
        transport.set_write_buffer_limits(_UNSENT_BYTES)
        self._late = self.loop.call_later(ASKS_WITHIN_S, transport.abort)

    def data_received(self, data: bytes) -> None:
        """Hear a part of a request."""
        if not self._has_asked():
            super().data_received(data)
        if self._has_asked():
            self._late.cancel()

    def connection_lost(self, exc: Exception | None) -> None:
        """Over."""
        self._late.cancel()
        if self._stuck is not None:
            self._stuck.cancel()
        super().connection_lost(exc)
        self._gate.ended()

    def _has_asked(self) -> bool:
        return cast("object | None", self.cycle) is not None

    def pause_writing(self) -> None:
        """It does not take its answer."""
        super().pause_writing()
        self._stuck = self.loop.call_later(STUCK_S, self.transport.abort)

    def resume_writing(self) -> None:
        """It takes it again."""
        if self._stuck is not None:
            self._stuck.cancel()
        super().resume_writing()


class _Told(logging.Handler):
    """Has an error of the pages told as a sentence."""

    def __init__(self, say: Callable[[str], None]) -> None:
        super().__init__(logging.ERROR)
        self._say = say

    def emit(self, record: logging.LogRecord) -> None:
        """Tell."""
        error = record.exc_info[1] if record.exc_info else None
        self._say(f"an error of the manager's pages: {record.getMessage().strip()}: {error!r}")
