"""Codex: its launch and resume lines, and where its evidence lies (the rollout file that the client holds open)."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fleetscripts.account import ACCOUNT_VARIABLE
from fleetscripts.adapters.git.offered import offers
from fleetscripts.adapters.records.ledger import Ledger
from fleetscripts.adapters.sessions.json_lines import parse_line
from fleetscripts.adapters.sessions.open_files import open_files
from fleetscripts.adapters.sessions.transcripts import Remembered, read_new, recall, remember
from fleetscripts.adapters.system.regular_file import read_regular
from fleetscripts.adapters.system.zone import local_zone
from fleetscripts.agents.codex_limits import limits_in
from fleetscripts.agents.codex_rollout import (
    all_checkpoints,
    evidence_of,
    last_messages,
    met_github_limit,
    quoting_call,
    typed_text,
)
from fleetscripts.agents.kinds import CommandLine, EndingKey, Launch, Places, SessionView
from fleetscripts.core.gates.completion import Checkpoint
from fleetscripts.models import Client

OUTER_SESSION = ("CODEX_SANDBOX", "CODEX_SANDBOX_NETWORK_DISABLED", "CODEX_THREAD_ID")
"""Marks that an outer session leaves in the environment of what it starts."""

APPROVALS: Mapping[str, tuple[str, ...]] = {
    "bypassPermissions": ("--dangerously-bypass-approvals-and-sandbox",),
    "dontAsk": ("-a", "never", "-s", "workspace-write"),
    "plan": ("-a", "on-request", "-s", "read-only"),
}
ASKS_FIRST = ("-a", "on-request", "-s", "workspace-write")
"""What every other permission mode comes to."""

NO_DAEMON = ("--no-daemon",)
"""Where it is offered: otherwise the client opens on a list of all conversations, and a server stays when it ends."""

MOST_RECORDS = 400
LONGEST_META_BYTES = 1 << 20
"""Of a rollout's first line, which holds the instructions of the model too."""
LARGEST_CONFIG_BYTES = 1 << 20
_ROLLOUT = re.compile(r"rollout-.+-([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.jsonl")
_USEFUL_EVENTS = ("task_started", "task_complete", "turn_aborted", "error", "token_count")
_USEFUL_ITEMS = ("message", "function_call", "custom_tool_call", "local_shell_call")
_USEFUL = {"event_msg": _USEFUL_EVENTS, "response_item": _USEFUL_ITEMS}
_KEPT_TEXTS = ("type", "role", "content", "id", "message", "last_agent_message")
_KEPT_FIELDS = (*_KEPT_TEXTS, "error", "codex_error_info", "rate_limits")


class Codex:
    """Codex CLI, native binary or started by its npm wrapper."""

    name = "codex"
    commands = frozenset({"codex", "node"})
    takes_session_id = False
    queue_key = "Tab"
    ending = (EndingKey("limit menu", "Escape"), EndingKey("empty box", "C-c"))

    def is_client(self, command: str, argv: Sequence[str]) -> bool:
        """The native binary. The npm wrapper only waits for it, and holds no rollout."""
        program = argv[0].rpartition("/")[2] if argv else command
        return program == "codex" and "app-server" not in argv[1:2]

    def launch(self, launch: Launch) -> CommandLine:
        """A new conversation; Codex chooses its session id itself."""
        return _command(launch, ())

    def resume(self, launch: Launch) -> CommandLine:
        """The conversation again, or the last one of this folder when its id is not known."""
        return _command(launch, ("resume", launch.session_id or "--last"))

    def needs(self, places: Places) -> tuple[str, ...]:
        """The variables that hold the keys of the user's own model providers."""
        providers = _config(places.codex_home).get("model_providers")
        tables = providers.values() if isinstance(providers, dict) else ()
        names = [table.get("env_key") for table in tables if isinstance(table, dict)]
        return tuple(name for name in names if isinstance(name, str) and name)

    def typed_text(self, record: Mapping[str, Any]) -> str | None:
        """Messages of the user, not those that the client writes in their name."""
        return typed_text(record)

    def look(self, client: Client, places: Places, now: float, session_id: str | None = None) -> SessionView:
        """Read what is new in the rollout that the client writes."""
        home = Path(client.environment.get("CODEX_HOME") or places.codex_home)
        path = _rollout(client.pid, home, session_id)
        if path is None:
            return SessionView(session_id=session_id)
        summary = _up_to_date(places.fleet_home, path)
        records: list[dict[str, Any]] = summary.get("records", [])
        own_id = (_ROLLOUT.fullmatch(path.name) or [None, session_id])[1]
        windows, at = limits_in(records)
        if windows and own_id and (account := client.environment.get(ACCOUNT_VARIABLE)):
            Ledger(places.fleet_home).note_session(account, own_id, windows, at)
        piece = evidence_of(records, own_id, local_zone())
        return SessionView(
            evidence=(piece,) if piece else (),
            session_id=own_id,
            transcript=path,
            checkpoints=tuple(Checkpoint(step, at) for step, at in summary.get("checkpoints", [])),
            messages=last_messages(records),
            version=summary.get("version"),
            github_limited_at=float(summary.get("github_limited_at", 0.0)),
        )


def uses_own_provider(home: Path) -> bool:
    """Whether the configuration chooses a model provider of the user's own, which no login at OpenAI is needed for."""
    config = _config(home)
    providers, chosen = config.get("model_providers"), config.get("model_provider")
    provider = providers.get(chosen) if isinstance(providers, dict) and isinstance(chosen, str) else None
    return isinstance(provider, dict) and provider.get("requires_openai_auth") is not True


def _config(home: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(read_regular(home / "config.toml", LARGEST_CONFIG_BYTES).decode())
    except (OSError, ValueError, RecursionError):
        return {}  # Codex itself tells what it cannot read there


def _command(launch: Launch, session: tuple[str, ...]) -> CommandLine:
    argv = (
        launch.executable,
        *(NO_DAEMON if offers(launch.executable, NO_DAEMON[0]) else ()),
        *session,
        *APPROVALS.get(launch.permission_mode, ASKS_FIRST),
        "-c",
        "check_for_update_on_startup=false",
        *launch.extra,
    )
    return CommandLine(argv=argv, env_unset=OUTER_SESSION)


def _rollout(pid: int, home: Path, session_id: str | None) -> Path | None:
    """The rollout that this very process writes; before its first turn, the one of the session it was resumed with.

    The one last known, while it is held open; else the newest that is no sub-agent's: each has a rollout of its own."""
    held = {path: found[1] for path in open_files(pid, ".jsonl") if (found := _ROLLOUT.fullmatch(path.name))}
    known = next((path for path, session in held.items() if session == session_id), None)
    if known is not None and not is_sub_agents(known):
        return known
    own = [path for path in held if not is_sub_agents(path)]
    if own:
        return max(own, key=lambda path: path.name)
    if session_id and re.fullmatch(r"[0-9a-f-]{36}", session_id):
        return max(home.glob(f"sessions/*/*/*/rollout-*-{session_id}.jsonl"), default=None)
    return None


def is_sub_agents(path: Path) -> bool:
    """Whether a rollout's first record says that another conversation began it."""
    try:
        with path.open("rb") as file:
            record = parse_line(file.readline(LONGEST_META_BYTES))
    except OSError:
        return False
    payload = record.get("payload") if record is not None and record.get("type") == "session_meta" else None
    if not isinstance(payload, dict):
        return False
    source = payload.get("source")
    kind = next(iter(source), "") if isinstance(source, dict) else source
    named = any(str(word).replace("_", "").startswith("subagent") for word in (kind, payload.get("thread_source")))
    return named or bool(payload.get("parent_thread_id"))


def _up_to_date(fleet_home: Path, path: Path) -> dict[str, Any]:
    """What is remembered of the rollout, with its new lines folded in."""
    remembered = recall(fleet_home, path)
    reading = read_new(path, remembered.cursor)
    if reading is None or (not reading.lines and not reading.restarted):
        return remembered.summary
    summary = {} if reading.restarted else remembered.summary
    for line in reading.lines:
        summary = _folded(summary, line)
    remember(fleet_home, path, Remembered(reading.cursor, summary))
    return summary


def _folded(summary: dict[str, Any], line: bytes) -> dict[str, Any]:
    """The summary after one more record: those since the last typed message, and every checkpoint so far."""
    record = parse_line(line)
    payload = record.get("payload") if record is not None else None
    if record is None or not isinstance(payload, dict):
        return summary
    if record.get("type") == "session_meta":
        return {**summary, "version": payload.get("cli_version")}
    quoting = [*summary.get("quoting", []), *filter(None, [quoting_call(record)])][-MOST_RECORDS:]
    summary = {**summary, "quoting": quoting} if quoting else summary
    if payload.get("call_id") not in quoting and (limited_at := met_github_limit(record)):
        summary = {**summary, "github_limited_at": limited_at}
    if payload.get("type") not in _USEFUL.get(str(record.get("type")), ()):
        return summary
    kept = summary.get("records", [])
    if kept and kept[-1]["payload"].get("type") == payload.get("type") == "token_count":
        kept = kept[:-1]
    if typed_text(record) is not None:
        kept = [known for known in kept if known["payload"].get("type") == "task_started"][-1:]
    found = summary.get("checkpoints", [])
    named = [[checkpoint.step, checkpoint.at] for checkpoint in all_checkpoints((record,))]
    return {**summary, "records": [*kept, _slim(record)][-MOST_RECORDS:], "checkpoints": found + named}


def _slim(record: dict[str, Any]) -> dict[str, Any]:
    """The parts of a record that evidence is read from: rollouts hold whole files in tool outputs."""
    payload = {name: record["payload"][name] for name in _KEPT_FIELDS if name in record["payload"]}
    if payload.get("type") == "message" and payload.get("role") not in ("user", "assistant"):
        payload.pop("content", None)
    return {"timestamp": record.get("timestamp"), "type": record["type"], "payload": payload}


KIND = Codex()
