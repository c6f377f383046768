"""HTTP on loopback for the scripted models: requests in, JSON or server-sent events out, and an endpoint for tests."""

from __future__ import annotations

import argparse
import json
import os
import sys
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from fleetscripts.dataclass import dataclass
from fleetscripts.practice.budget import FIVE_HOURS_SECONDS, Budget

PARENT_CHECK_SECONDS = 0.5
PING_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Request:
    """One call of a client. ``token``: its API key or OAuth token."""

    path: str
    token: str
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ModelReply:
    """A whole answer in one piece."""

    body: Mapping[str, Any]
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Event:
    """One server-sent event of a streamed answer, sent ``after_seconds`` (with the stream's pings in between)."""

    name: str
    data: Mapping[str, Any]
    after_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Stream:
    """A streamed answer. ``ping`` is sent while there is no event, None for silence."""

    events: Iterable[Event]
    headers: Mapping[str, str] = field(default_factory=dict)
    ping: Event | None = None


class Model(ABC):
    """A scripted model: ``answer`` decides; the test endpoint changes the limits."""

    def __init__(self) -> None:
        self.budget = Budget()
        self.refusals: dict[str, Mapping[str, Any]] = {}
        """By token: how its refusal differs from the usual one, in ``headers`` and members of its ``body``."""
        self.log: list[Mapping[str, Any]] = []

    @abstractmethod
    def answer(self, request: Request, now: float) -> ModelReply | Stream:
        """The answer to a client's request."""

    def door(self, name: str, body: Mapping[str, Any], now: float) -> ModelReply:
        """For tests and the demo: ``allow``, ``wall``, ``requests``."""
        if name == "allow":
            self.budget.allow(body["token"], body["requests"], body.get("seconds", FIVE_HOURS_SECONDS))
        elif name == "wall":
            self.refusals[body["token"]] = body.get("refusal", {})
            self.budget.wall(body["token"], now + body["seconds"])
        elif name == "requests":
            return ModelReply({"requests": self.log, "counted": self.budget.requests()})
        else:
            return ModelReply({"error": f"no such door: {name}"}, 404)
        return ModelReply({"ok": True})


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    model: Model

    def log_message(self, format: str, *args: object) -> None:
        """Keeps standard error quiet: requests are in ``Model.log``."""

    def do_HEAD(self) -> None:
        self._whole(ModelReply({}))

    def do_GET(self) -> None:
        self._serve({})

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers.get("content-length") or 0))
        try:
            body = json.loads(raw or b"{}")
        except ValueError:
            self._whole(ModelReply({"error": {"type": "invalid_request_error", "message": "not JSON"}}, 400))
            return
        self._serve(body if isinstance(body, dict) else {})

    def _serve(self, body: Mapping[str, Any]) -> None:
        now = time.time()
        if self.path.startswith("/practice/"):
            self._whole(self.model.door(self.path.removeprefix("/practice/"), body, now))
            return
        token = self.headers.get("authorization", "").removeprefix("Bearer ") or self.headers.get("x-api-key", "")
        answer = self.model.answer(Request(self.path, token, body), now)
        try:
            self._whole(answer) if isinstance(answer, ModelReply) else self._streamed(answer)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def _whole(self, answer: ModelReply) -> None:
        content = json.dumps(answer.body).encode()
        self.send_response(answer.status)
        headers = {"content-type": "application/json", "content-length": str(len(content)), **answer.headers}
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def _streamed(self, stream: Stream) -> None:
        self.close_connection = True
        self.send_response(200)
        for name, value in {"content-type": "text/event-stream", "connection": "close", **stream.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        for event in stream.events:
            self._wait(event.after_seconds, stream.ping)
            self._send(event)

    def _wait(self, seconds: float, ping: Event | None) -> None:
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            time.sleep(min(left, PING_SECONDS))
            if ping is not None:
                self._send(ping)

    def _send(self, event: Event) -> None:
        self.wfile.write(f"event: {event.name}\ndata: {json.dumps(event.data)}\n\n".encode())
        self.wfile.flush()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256


def listen(model: Model, port: int = 0) -> ThreadingHTTPServer:
    """A server of the model on loopback; ``server.server_port`` is its port."""
    return _Server(("127.0.0.1", port), type("Handler", (_Handler,), {"model": model}))


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(PARENT_CHECK_SECONDS)
    os._exit(0)


def serve(model: Model, argv: Sequence[str] | None = None) -> int:
    """Serves until the parent process is gone; prints the port, and writes it to ``--port-file`` atomically."""
    parser = argparse.ArgumentParser(description="A model on loopback that does what [[…]] in its input says.")
    parser.add_argument("--port", type=int, default=0, help="port to listen on; 0 takes a free one")
    parser.add_argument("--port-file", type=Path, help="file to write the port to once the server listens")
    options = parser.parse_args(argv)
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    server = listen(model, options.port)
    print(server.server_port, flush=True)
    if options.port_file:
        fresh = options.port_file.with_name(options.port_file.name + ".new")
        fresh.write_text(f"{server.server_port}\n", encoding="utf-8")
        fresh.replace(options.port_file)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        sys.stderr.close()
    return 0
