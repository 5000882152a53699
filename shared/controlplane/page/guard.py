"""Who may speak to the page: a browser on this computer that shows the page itself, and nobody else.

It listens on 127.0.0.1 only, but any site that the same browser shows can send requests there: by a name that it makes
point to this computer (DNS rebinding; the Host header tells), or across origins (the Origin header tells).
"""

from collections.abc import Iterable

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)
"""Nothing from elsewhere, nothing inline, no text that becomes markup."""

FILE_POLICY = "default-src 'none'; sandbox"
"""For what somebody uploaded: whatever it is, it does nothing."""

_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

_READING = frozenset({"GET", "HEAD"})


class Guard:
    """An ASGI application around another: refuses strangers, and adds the headers that bind the browser."""

    def __init__(self, app: ASGIApp, names: Iterable[str]) -> None:
        """`names` are the Hosts that it answers to, `127.0.0.1:4567` and the like."""
        self._app = app
        self._hosts = frozenset(names)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_bound(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        refusal = self._refusal(Headers(scope=scope), scope["method"])
        app = PlainTextResponse(refusal, status_code=403) if refusal else self._app
        await app(scope, receive, send_bound)

    def _refusal(self, headers: Headers, method: str) -> str | None:
        host, origin = headers.get("host", ""), headers.get("origin")
        if host not in self._hosts:
            return f"This is not the page of {host!r}."
        if origin is None and method not in _READING:
            return "Only the page itself may ask for this: the request has no Origin."
        if origin is not None and origin != f"http://{host}":
            return f"Only the page itself may ask for this, not {origin!r}."
        # A browser that says from where a request comes is believed; one that does not has SameOrigin by the headers.
        if (
            headers.get("sec-fetch-site", "none") not in {"none", "same-origin"}
            and headers.get("sec-fetch-mode") != "navigate"
        ):
            return "Only the page itself may ask for this."
        return None
