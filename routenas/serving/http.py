"""What is heard and said on a connection: one request each, in time, of a known host, and a line of the log for it."""

from __future__ import annotations

import asyncio
import ipaddress
import json
import signal
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from routenas.serving.openapi import openapi
from routenas.serving.requests import RefusedError
from routenas.serving.service import Service

Tell = Callable[[str], object]
_JSON = "application/json"


def application(service: Service) -> Starlette:
    """The addresses: ``POST /score``, ``GET /health``, ``GET /openapi.json``. Nothing that is raised gets out."""

    async def score(request: Request) -> Response:
        try:
            body = await _body(request, service)
            return Response(await service.answer(body, request.receive), media_type=_JSON)
        except ClientDisconnect:
            return _refusal(RefusedError("left", "the client did not end its request"))
        except Exception as error:
            return _refusal(RefusedError.of(error, service.root))

    async def health(request: Request) -> Response:
        return Response(json.dumps(service.health()) + "\n", media_type=_JSON)

    async def description(request: Request) -> Response:
        return Response(json.dumps(openapi(service.limits)) + "\n", media_type=_JSON)

    async def unknown(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        code = "method" if error.status_code == 405 else "not-found"
        return _refusal(RefusedError(code, f"{request.method} {request.url.path}: {error.detail}", error.headers))

    routes = [Route("/score", score, methods=["POST"]), Route("/health", health), Route("/openapi.json", description)]
    app = Starlette(routes=routes, exception_handlers={HTTPException: unknown})
    app.router.redirect_slashes = False
    return app


async def _body(request: Request, service: Service) -> bytes:
    """All of a request's body. Raises :class:`RefusedError` for one of another type, too large or too slow."""
    most, seconds = service.limits.request_bytes, service.limits.request_seconds
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _JSON:
        raise RefusedError("media-type", f"expected content-type: {_JSON}")
    data = bytearray()
    too_large = RefusedError("too-large", f"the request has more than {most} bytes")
    if int(request.headers.get("content-length", 0)) > most:
        raise too_large
    try:
        async with asyncio.timeout(seconds):
            async for part in request.stream():
                data += part
                if len(data) > most:
                    raise too_large
    except TimeoutError:
        raise RefusedError("slow", f"the request was not there whole within {seconds:g} s") from None
    return bytes(data)


def _refusal(refused: RefusedError) -> Response:
    headers = {**refused.headers, "routenas-code": refused.code}
    return Response(refused.body, refused.status, headers, _JSON)


def known_host(header: str, names: Sequence[str]) -> bool:
    """Whether a Host header names this server: an address of the internet protocol, localhost, or one of ``names``.

    A page in a browser that has its own name lead to loopback sends that name.
    """
    host = header.rpartition(":")[0] if header.rpartition(":")[2].isdecimal() else header
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return host.lower().rstrip(".") in ("localhost", *names)
    return True


class _Door:
    """Lets requests of known hosts through (all where ``names`` is None) and tells of every one in a line."""

    def __init__(self, app: ASGIApp, names: Sequence[str] | None, tell: Tell) -> None:
        self._app, self._names, self._tell = app, names, tell

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        began, status, code = time.perf_counter(), 0, ""

        async def sent(message: Message) -> None:
            nonlocal status, code
            if message["type"] == "http.response.start":
                status = message["status"]
                code = dict(message["headers"]).get(b"routenas-code", b"").decode()
            await send(message)

        app: ASGIApp = self._app
        hosts = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
        if self._names is not None and not (len(hosts) == 1 and known_host(hosts[0], self._names)):
            app = _refusal(RefusedError("host", f"the host {', '.join(hosts)!r} is not this server's"))
        await app(scope, receive, sent)
        client = scope["client"][0] if scope["client"] else "unix"
        what = f"{scope['method']} {scope['path'][:200]!a} {status} {code or 'ok'}"
        self._tell(_line(client, f"{what} {time.perf_counter() - began:.3f} s"))


def _line(client: str, what: str) -> str:
    return f"{datetime.now().astimezone().isoformat(timespec='seconds')} INFO {client} {what}"


def _protocol(service: Service, tell: Tell) -> type[H11Protocol]:
    """A connection that is given up where its request does not begin, or its answer is not taken, in time."""
    limits = service.limits

    class Protocol(H11Protocol):
        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            whole = 2 * limits.request_seconds + limits.answer_seconds
            self._timers = [
                self.loop.call_later(limits.request_seconds, self._begun),
                self.loop.call_later(whole, transport.abort),
            ]
            if len(self.connections) > limits.connections:
                text = f"{limits.connections} connections are open"
                self._refuse(RefusedError("busy", text, {"retry-after": "1"}))

        def connection_lost(self, exc: Exception | None) -> None:
            for timer in self._timers:
                timer.cancel()
            super().connection_lost(exc)

        def _begun(self) -> None:
            if self.cycle is None and not self.transport.is_closing():
                self._refuse(RefusedError("slow", f"no request within {limits.request_seconds:g} s"))

        def send_400_response(self, msg: str) -> None:
            self._refuse(RefusedError("usage", msg))

        def _refuse(self, refused: RefusedError) -> None:
            more = "".join(f"{name}: {value}\r\n" for name, value in refused.headers.items())
            head = f"HTTP/1.1 {refused.status} \r\ncontent-type: {_JSON}\r\nconnection: close\r\n{more}"
            self.transport.write(f"{head}content-length: {len(refused.body)}\r\n\r\n".encode() + refused.body)
            self.transport.close()
            tell(_line(self.client[0] if self.client else "unix", f"- {refused.status} {refused.code}"))

    return Protocol


class _Server(uvicorn.Server):
    """Ends well on SIGTERM and SIGINT: what was asked is answered, and the process lives on."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def serve(service: Service, listener: socket.socket, names: Sequence[str] | None, tell: Tell) -> None:
    """Serve on a listening socket until SIGTERM or SIGINT; then answer what was asked, and return.

    ``names`` are hosts that requests may name beside addresses and localhost, None for any. ``tell`` takes a line of
    the log a request.
    """
    app = _Door(application(service), names, tell)
    config = uvicorn.Config(
        app, http=_protocol(service, tell), ws="none", lifespan="off", loop="asyncio",
        log_config=None, log_level="critical", access_log=False, headers=[("connection", "close")], server_header=False,
        proxy_headers=False, timeout_graceful_shutdown=int(service.limits.answer_seconds + 1),
    )  # fmt: skip
    try:
        _Server(config).run(sockets=[listener])
    finally:
        service.close()
