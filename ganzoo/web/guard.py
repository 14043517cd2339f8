"""What the server sends and to whom: no page may ask another host for anything, and no other site may use the page."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from ipaddress import ip_address
from typing import Any

__all__ = ["Guard", "is_loopback"]

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; media-src 'self' data: blob:; font-src 'self' data:; connect-src 'self' data: blob:; "
    "worker-src 'self' blob:; object-src 'none'; base-uri 'self'; form-action 'self'"
)
"""The browser itself refuses what a page asks of another host: scripts, fonts, pictures and requests."""

_HEADERS = (
    (b"content-security-policy", _POLICY.encode()),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
)


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches a server on `host`."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


class Guard:
    """An ASGI middleware that adds the headers to every response.

    With `local`, it refuses requests that name another host than this machine. Otherwise a site of somebody else
    could let its own name mean 127.0.0.1, and read the page.
    """

    def __init__(self, app: App, *, local: bool) -> None:
        self.app = app
        self.local = local

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
        elif self.local and not is_loopback(_host(scope)):
            await send({"type": "http.response.start", "status": 400, "headers": [(b"content-type", b"text/plain")]})
            await send({"type": "http.response.body", "body": b"this page answers to localhost only"})
        else:
            await self.app(scope, receive, lambda message: send(_with_headers(message)))


def _host(scope: Message) -> str:
    """The name of the host that the request names, without the port and without the brackets of an IPv6 address."""
    value = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"host"), "")
    if value.startswith("["):
        return value[1:].partition("]")[0]
    return value.partition(":")[0]


def _with_headers(message: Message) -> Message:
    if message["type"] != "http.response.start":
        return message
    return {**message, "headers": [*message.get("headers", ()), *_HEADERS]}
