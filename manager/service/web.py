"""What a browser sees of the manager: how the site stands now and live, and a page that shows it. Nothing can be changed.

``/status`` is one JSON object, ``/events`` server-sent events (``cycle``, ``note``, ``dropped``), ``/`` the page. A request
must name this machine by its address, or by ``localhost``: a name could be another site's that leads here.
"""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import re
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Final

from starlette.applications import Starlette
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chargebench.manager.service.feed import Feed, Letter, Mailbox

ALIVE_S: Final = 15.0
"""So often at least an event stream says something."""

EVENTS: Final = "text/event-stream"
PAGE: Final = (Path(__file__).parent / "page.html").read_text("utf-8")
_OWN: Final = re.compile(r"\[(?P<six>[0-9a-fA-F:.]+)\](?::\d{1,5})?|(?P<name>[^:\[\]]+)(?::\d{1,5})?", re.ASCII)


def application(status: Callable[[], Mapping[str, object]], feed: Feed) -> ASGIApp:
    """The whole. ``status`` gives how the site stands, ``feed`` what happens."""

    async def shown(request: Request) -> Response:
        del request
        return JSONResponse(dict(status()))

    async def events(request: Request) -> Response:
        if request.method == "HEAD":
            return Response(media_type=EVENTS)
        mailbox = feed.watch()
        if mailbox is None:
            return PlainTextResponse("too many watch already\n", 503, {"Retry-After": "30"})
        return Watching(feed, mailbox)

    async def page(request: Request) -> Response:
        del request
        return HTMLResponse(PAGE)

    routes = [Route("/", page), Route("/status", shown), Route("/events", events)]
    return Guard(Starlette(routes=routes))


class Watching(StreamingResponse):
    """The events of one who watches, until he leaves."""

    def __init__(self, feed: Feed, mailbox: Mailbox) -> None:
        super().__init__(_stream(mailbox), media_type=EVENTS)
        self._feed = feed
        self._mailbox = mailbox

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send them."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._feed.leave(self._mailbox)


async def _stream(mailbox: Mailbox) -> AsyncIterator[str]:
    yield "retry: 3000\n\n"
    while True:
        await mailbox.wait(ALIVE_S)
        yield "".join(_event(one) for one in mailbox.take()) or ": alive\n\n"


def _event(letter: Letter) -> str:
    return f"event: {letter.kind}\ndata: {letter.body}\n\n"


def addressed(host: str) -> bool:
    """Whether a Host header names this machine by an address, or as ``localhost``."""
    found = _OWN.fullmatch(host)
    if found is None:
        return False
    if found["name"] is not None and found["name"].lower() == "localhost":
        return True
    try:
        ipaddress.ip_address(found["six"] or found["name"])
    except ValueError:
        return False
    return True


class Guard:
    """Refuses who came by another name, and sends what keeps a page of somebody else from reading or framing ours."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._headers = {
            "Cache-Control": "no-store",
            "Connection": "close",
            "Content-Security-Policy": _policy(PAGE),
            "Cross-Origin-Resource-Policy": "same-origin",
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(self._headers)
            await send(message)

        app: ASGIApp = self._app
        if not addressed(Headers(scope=scope).get("host", "")):
            app = PlainTextResponse("ask by the address of this machine, not by a name\n", 421)
        await app(scope, receive, guarded)


def _policy(page: str) -> str:
    """What the page may do: run its own script, look as it wants and ask its own server."""
    scripts = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    digests = [base64.b64encode(hashlib.sha256(one.encode()).digest()).decode() for one in scripts]
    allowed = " ".join(f"'sha256-{one}'" for one in digests)
    own = "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data:; connect-src 'self'; {own}"
    )
