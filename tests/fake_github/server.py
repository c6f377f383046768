"""The HTTP side: GraphQL over a unix socket, and whatever else a situation says the server answers instead."""

from __future__ import annotations

import json
import socketserver
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from graphql import GraphQLSchema, build_schema, graphql_sync

from tests.fake_github.logs import get
from tests.fake_github.world import TASK_STARTED, World

_TEXT = (Path(__file__).parent / "schema.graphql").read_text(encoding="utf-8")
SCHEMA: GraphQLSchema = build_schema(_TEXT)
OLDER_SCHEMA: GraphQLSchema = build_schema(
    _TEXT.replace("  baseRef: Ref\n", "").replace("  mergeQueueEntry: MergeQueueEntry\n", "")
)
"""Of an Enterprise server that knows no rules of branches and no merge queues."""


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    world: World
    closing: threading.Event


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"

    def address_string(self) -> str:
        return "gh"

    def date_time_string(self, timestamp: float | None = None) -> str:
        """As the situation's clock has it: so many seconds before ours."""
        ahead = self.server.world.situation.get("clock_ahead", 0)
        return super().date_time_string(int(time.time() + ahead if timestamp is None else timestamp))

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        world = self.server.world
        world.asked.append((self.headers.get("host", ""), self.path))
        limit = world.situation.get("logs", {})
        status, kind, body = get(world, self.path)
        if limit:
            status, body = limit["status"], json.dumps({"message": limit["body"]}).encode()
        self._send(status, {"content-type": kind}, body)

    def do_POST(self) -> None:
        body = json.loads(self._body())
        world = self.server.world
        world.before_request()
        world.asked.append((self.headers.get("host", ""), self.path))
        if not self.headers.get("authorization"):
            self._send(401, {"content-type": "application/json"}, b'{"message": "Requires authentication"}')
            return
        instead = world.situation.get("http", {})
        if "wait" in instead:
            self.server.closing.wait(instead["wait"])
        elif instead and instead.get("from_request", 1) <= world.requests <= instead.get("to_request", world.requests):
            self._instead(instead)
            return
        self._send(
            200, {"content-type": "application/json", **world.headers}, json.dumps(_answer(world, body)).encode()
        )

    def _body(self) -> bytes:
        """The request's body; gh sends what it reads from standard input in chunks."""
        if self.headers.get("transfer-encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("content-length") or 0))
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _instead(self, instead: Mapping[str, Any]) -> None:
        if instead.get("hang"):
            self.server.closing.wait(60)
            return
        if instead.get("cut"):
            self.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{")
            self.close_connection = True
            return
        headers = dict(instead.get("headers", {}))
        if "reset_in" in instead:
            headers["x-ratelimit-reset"] = str(int(time.time()) + instead["reset_in"])
        body = instead.get("body", "")
        content = json.dumps(body) if isinstance(body, dict | list) else body
        kind = "text/html" if content.startswith("<") else "application/json"
        self._send(instead.get("status", 200), {"content-type": kind, **headers}, content.encode())

    def _send(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in {**headers, "content-length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


def _answer(world: World, body: Mapping[str, Any]) -> dict[str, Any]:
    root = {"repository": lambda _info, owner, name: world.repository(owner, name), **world.mutations()}
    schema = OLDER_SCHEMA if world.situation.get("older_server") else SCHEMA
    result = graphql_sync(schema, body["query"], root_value=root, variable_values=body.get("variables"))
    answer: dict[str, Any] = {"data": result.data}
    errors: list[dict[str, Any]] = [{"message": error.message} for error in result.errors or []]
    errors += _not_found(result.data or {}) if "query(" in body["query"] else []
    errors += world.situation.get("errors", [])
    return {**answer, "errors": errors} if errors else answer


def _not_found(data: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What GitHub says beside a null."""
    errors = []
    for alias, repository in data.items():
        if repository is None:
            what = "Could not resolve to a Repository with the name."
            errors.append({"type": "NOT_FOUND", "path": [alias], "message": what})
        elif repository.get("pullRequest", ...) is None:
            what = "Could not resolve to a PullRequest with the number."
            errors.append({"type": "NOT_FOUND", "path": [alias, "pullRequest"], "message": what})
        elif repository.get("issue", ...) is None:
            what = "Could not resolve to an Issue with the number."
            errors.append({"type": "NOT_FOUND", "path": [alias, "issue"], "message": what})
    return errors


@contextmanager
def serve(world: World, socket: Path) -> Iterator[World]:
    """The server on this socket, until the block ends."""
    server = _Server(str(socket), _Handler)
    server.world, server.closing = world, threading.Event()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield world
    finally:
        server.closing.set()
        server.shutdown()
        server.server_close()
        socket.unlink(missing_ok=True)


__all__ = ["TASK_STARTED", "World", "serve"]
