"""The transcript: a conversation in the client's format, a JSON record per line, and read back on resume."""

from __future__ import annotations

import json
import os
import re
import time

from fleetscripts.practice.registry import VERSION

USAGE = {"input_tokens": 100, "output_tokens": 50, "cache_creation_input_tokens": 50, "cache_read_input_tokens": 1000}
"""The reported usage of each answer."""


def project_folder(config_dir: str, cwd: str) -> str:
    """The folder of a folder's conversations."""
    return f"{config_dir}/projects/{re.sub(r'[^a-zA-Z0-9]', '-', cwd)}"


def conversation_of(config_dir: str, cwd: str, session_id: str) -> str | None:
    """The transcript of a session in this folder, None if there is none."""
    path = f"{project_folder(config_dir, cwd)}/{session_id}.jsonl"
    return path if session_id and "/" not in session_id and os.path.exists(path) else None


def latest_session(config_dir: str, cwd: str) -> str:
    """The session of this folder written to last, empty if there is none."""
    folder = project_folder(config_dir, cwd)
    names = [name for name in os.listdir(folder) if name.endswith(".jsonl")] if os.path.isdir(folder) else []
    names.sort(key=lambda name: os.stat(f"{folder}/{name}").st_mtime)
    return names[-1].removesuffix(".jsonl") if names else ""


def new_id() -> str:
    """A random UUID, version 4, as text."""
    raw = bytearray(os.urandom(16))
    raw[6], raw[8] = raw[6] & 0x0F | 0x40, raw[8] & 0x3F | 0x80
    text = raw.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


class Transcript:
    """One conversation's file, appended to a record at a time."""

    def __init__(self, config_dir: str, cwd: str, session_id: str, permission_mode: str) -> None:
        folder = project_folder(config_dir, cwd)
        os.makedirs(folder, mode=0o700, exist_ok=True)
        self.path = f"{folder}/{session_id}.jsonl"
        self.leaf: str | None = None
        self._session = session_id
        self._cwd = cwd
        self._mode = permission_mode
        self._message = ""

    def user(self, text: str, source: str = "typed") -> None:
        """The user's message. ``source``: typed or queued."""
        self._message = ""
        message = {"role": "user", "content": text}
        self._write("user", message=message, permissionMode=self._mode, promptSource=source, promptId=new_id())

    def interrupted(self, for_tool: bool = False) -> None:
        """The user interrupted a turn."""
        text = "[Request interrupted by user for tool use]" if for_tool else "[Request interrupted by user]"
        self._message = ""
        self._write("user", message={"role": "user", "content": [{"type": "text", "text": text}]})

    def agent(self, text: str, last: bool) -> None:
        """A text by the agent. ``last``: its turn ends with it."""
        self._assistant({"type": "text", "text": text}, "end_turn" if last else "tool_use")

    def tool(self, identity: str, name: str, call: dict[str, object]) -> None:
        """A tool call of the agent."""
        self._assistant({"type": "tool_use", "id": identity, "name": name, "input": call}, "tool_use")

    def result(self, identity: str, text: str, failed: bool) -> None:
        """A tool call's result."""
        self._message = ""
        block = {"tool_use_id": identity, "type": "tool_result", "content": text, "is_error": failed}
        self._write("user", message={"role": "user", "content": [block]}, toolUseResult={"stdout": text, "stderr": ""})

    def error(self, text: str, error: str, **fields: object) -> None:
        """An API error as the client shows it."""
        message = {"id": new_id(), "type": "message", "role": "assistant", "model": "<synthetic>"}
        content = [{"type": "text", "text": text}]
        whole = {**message, "stop_reason": "stop_sequence", "content": content}
        self._write("assistant", message=whole, isApiErrorMessage=True, error=error, **fields)

    def note(self, text: str) -> None:
        """A notice of the client itself."""
        self._write("system", subtype="informational", content=text, isMeta=False, level="notice")

    def turn_ended(self, seconds: float) -> None:
        """The regular end of a turn."""
        self._write("system", subtype="turn_duration", durationMs=int(seconds * 1000), isMeta=False)

    def queued(self, operation: str, content: str = "") -> None:
        """A message put into the queue, or taken from it."""
        extra = {"content": content} if content else {}
        record = {"type": "queue-operation", "operation": operation, "timestamp": _stamp(), "sessionId": self._session}
        self._append({**record, **extra})

    def compacted(self, summary: str) -> None:
        """The conversation continues from a summary."""
        self._write("system", subtype="compact_boundary", content="Conversation compacted", isMeta=False)
        text = f"This session is being continued from a previous conversation. Summary:\n{summary}"
        self._write("user", message={"role": "user", "content": text}, isCompactSummary=True)

    def _assistant(self, block: dict[str, object], stop_reason: str) -> None:
        self._message = self._message or f"msg_{os.urandom(8).hex()}"
        message = {"id": self._message, "type": "message", "role": "assistant", "model": "practice"}
        self._write("assistant", message={**message, "content": [block], "stop_reason": stop_reason, "usage": USAGE})

    def _write(self, kind: str, **fields: object) -> None:
        identity = new_id()
        record = {"parentUuid": self.leaf, "isSidechain": False, "type": kind, "uuid": identity, "timestamp": _stamp()}
        place = {"userType": "external", "entrypoint": "cli", "cwd": self._cwd, "sessionId": self._session}
        self._append({**record, **fields, **place, "version": VERSION})
        self.leaf = identity

    def _append(self, record: dict[str, object]) -> None:
        line = json.dumps(record, ensure_ascii=False, separators=(",", ":")) + "\n"
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(descriptor, line.encode("utf-8", "surrogatepass"))
        finally:
            os.close(descriptor)


def _stamp() -> str:
    now = time.time()
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now * 1000) % 1000:03d}Z"


def records_of(path: str) -> list[dict[str, object]]:
    """The records of a conversation; a last line cut off by a crash is left out."""
    records = []
    with open(path, encoding="utf-8", errors="replace") as lines:
        for line in lines:
            if line.endswith("\n"):
                records.append(json.loads(line))
    return records
