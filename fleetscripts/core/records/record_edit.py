"""Edits to the state file by a person or the orchestrator: typed, checked, all or nothing."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from fleetscripts.errors import FleetError, Refusal, UsageProblem
from fleetscripts.fleet import FLAT, PARTS, Agent, Fleet
from fleetscripts.invocation import spelled
from fleetscripts.models import AgentState
from fleetscripts.pattern import pattern
from fleetscripts.record import Escalation
from fleetscripts.schema import READERS

AGENT_FIXED = frozenset({"id", "tmux_server", "extra", *PARTS})
PART_FIXED = frozenset({"pending", "accepted_threads", "cap", "extra"})
FLEET_FIXED = frozenset({"agents", "loop_tmux_server", "tmux_session_server", "extra"})
SECRETS = frozenset({"discord_webhook"})

_SESSION_ID = pattern(r"(?:[0-9A-Za-z][0-9A-Za-z-]{0,99})?")
_WINDOW = pattern(r"[^\x00-\x1f:]+:\d+")
_STEP = pattern(r"\S(?:[^\x00-\x1f\x7f]{0,98}\S)?")
_CONTROL = pattern(r"[\x00-\x1f\x7f]")


def _settable() -> dict[str, str]:
    """Settable fields with their types: of the record, of its parts, and their former flat names."""
    found = {field.name: str(field.type) for field in dataclasses.fields(Agent) if field.name not in AGENT_FIXED}
    for part, kind in PARTS.items():
        types = {field.name: str(field.type) for field in dataclasses.fields(kind) if field.name not in PART_FIXED}
        found |= {f"{part}.{name}": type_ for name, type_ in types.items()}
        found |= {old: types[new] for old, (place, new) in FLAT.items() if place == part and new in types}
    return found


SETTABLE = _settable()

BY_HAND = "held by hand"
"""The reason of a hold that was set without one."""

_NO_BRANCH = pattern(r"^[-/.]|[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|/\.|\.lock(/|$)|[/.]$|^@$|^HEAD$")
"""What git refuses in a branch's name (git check-ref-format)."""

_REPOSITORY = pattern(r"(?:[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+/)?[A-Za-z0-9_.-]{1,100}/[A-Za-z0-9_.-]{1,100}")


def is_branch_name(text: str) -> bool:
    """Whether git takes it as a branch's name."""
    return bool(text) and _NO_BRANCH.search(text) is None


def _is_branch(text: str) -> bool:
    return not text or is_branch_name(text)


Check = tuple[Callable[[Any], bool], str]
CHECKS: Mapping[str, Check] = {
    "window": (lambda text: bool(_WINDOW.fullmatch(text)), "SESSION:WIN"),
    "loop_window": (lambda text: text is None or bool(_WINDOW.fullmatch(text)), "SESSION:WIN"),
    "pr_number": (lambda text: not text or text.isdecimal(), "a pull request's number"),
    "session_id": (lambda text: bool(_SESSION_ID.fullmatch(text)), "a session id"),
    "worktree_path": (lambda text: text.startswith("/"), "an absolute path"),
    "steps": (lambda names: all(_STEP.fullmatch(name) for name in names), "names, commas between"),
    "checkpoints": (lambda names: all(_STEP.fullmatch(name) for name in names), "names, commas between"),
    "branch": (_is_branch, "a branch name that git takes"),
    "spare_branch": (_is_branch, "a branch name that git takes"),
    "objective": (lambda text: bool(text.strip()), "what the agent is to do"),
    "pane_id": (lambda text: bool(re.fullmatch(r"(%\d+)?", text)), "a pane id (%7)"),
    "window_id": (lambda text: bool(re.fullmatch(r"(@\d+)?", text)), "a window id (@4)"),
    "session_ids": (lambda names: all(_SESSION_ID.fullmatch(name) for name in names), "session ids, commas between"),
    "repo": (lambda text: not text or bool(_REPOSITORY.fullmatch(text)), "OWNER/NAME, or HOST/OWNER/NAME"),
    "held": (lambda text: text in ("", "true", "false"), "true or false (its reason is hold.reason)"),
    "idle_threshold_seconds": (lambda number: number is None or number > 0, "more than 0 seconds"),
}
"""Limits that a field's type does not express."""


def edit_agent(agent: Agent, changes: Iterable[str]) -> Agent:
    """The record with ``field=value`` changes made. Raises UsageProblem, or Refusal for ``state=done``."""
    values = _parsed(changes, SETTABLE)
    if values.get("state") is AgentState.DONE:
        raise Refusal("state=done is for evaluate to set, after every gate has passed and the work was judged")
    is_lifted = agent.state is AgentState.ESCALATED and values.get("state", agent.state) is not AgentState.ESCALATED
    begun = _lifted(agent) if is_lifted else agent
    if agent.hold.cap and {"held", "hold.reason"} & set(values):
        raise Refusal(f"{agent.hold.reason}: {spelled('balance')} --allow {agent.handle} allows another cap's worth")
    if "held" in values:
        values["held"] = BY_HAND if values["held"] == "true" else ""
    given = {".".join(FLAT[name]) if name in FLAT else name: value for name, value in values.items()}
    return _placed(begun, _follows(agent, values) | given)


def _placed(agent: Agent, values: Mapping[str, Any]) -> Agent:
    """The record with these values; a part's field is named ``PART.FIELD``."""
    for name, value in values.items():
        part, dot, field = name.partition(".")
        agent = agent.changed(**({part: {field: value}} if dot else {name: value}))
    return agent


def _lifted(agent: Agent) -> Agent:
    """After an escalation is lifted: counts start again."""
    return dataclasses.replace(agent, attempts=agent.attempts.lifted(), escalation=Escalation())


def _follows(agent: Agent, values: Mapping[str, Any]) -> dict[str, Any]:
    """Dependent changes: ids belong to the old window."""
    along: dict[str, Any] = {}
    if values.get("window", agent.window) != agent.window:
        along |= {"pane_id": "", "window_id": "", "tmux_server": None}
    if values.get("session_id", agent.session_id) != agent.session_id and agent.session_id:
        along |= {"session_ids": tuple(dict.fromkeys((*agent.session_ids, agent.session_id)))}
    return along


def edit_top(fleet: Fleet, changes: Iterable[str], settable: Mapping[str, str]) -> Fleet:
    """The fleet with its top-level fields changed; ``settable`` are settings (name → type) allowed there too."""
    changes = list(changes)
    for change in changes:
        if change.partition("=")[0] in SECRETS:
            set_webhook = spelled("notify --set-webhook")
            raise UsageProblem(f"discord_webhook is a secret: set it with {set_webhook}, from standard input")
    own = {
        field.name: str(field.type) for field in dataclasses.fields(Fleet) if field.name not in FLEET_FIXED | SECRETS
    }
    rest = {name: kind for name, kind in settable.items() if kind in READERS}
    values = _parsed(changes, rest | own)
    if values.get("loop_window", fleet.loop_window) != fleet.loop_window:
        values = {"loop_pane_id": "", "loop_tmux_server": None} | values
    plain = {name: _json_plain(value) for name, value in values.items() if name not in own and name in rest}
    typed = {name: value for name, value in values.items() if name not in plain}
    return dataclasses.replace(fleet, **typed, extra={**fleet.extra, **plain})


def _parsed(changes: Iterable[str], known: Mapping[str, str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for change in changes:
        name, equals, text = change.partition("=")
        if not equals:
            raise UsageProblem(f"expected field=value, found {change!r}")
        if name not in known:
            from fleetscripts.core.records.near_names import instead_of

            raise UsageProblem(f"no field {name!r} to set; {instead_of(name, sorted(known.keys() - FLAT.keys()))}")
        values[name] = _value(name, known[name], text)
    return values


def _value(name: str, kind: str, text: str) -> Any:
    """``text`` as the field's type."""
    if name != "objective" and _CONTROL.search(text):
        raise UsageProblem(f"{name}: expected one line without control characters")
    try:
        value = READERS[kind](name, _from_text(kind, text))
    except FleetError as error:
        raise UsageProblem(str(error)) from None
    fits, expected = CHECKS.get(name, (lambda _: True, ""))
    if not fits(value):
        raise UsageProblem(f"{name}: expected {expected}, found {text!r}")
    return value


def _from_text(kind: str, text: str) -> object:
    if kind in ("str", "PullNumber", "AgentState"):
        return text
    if kind.endswith("| None") and text in ("", "null"):
        return None
    if kind == "str | None":
        return text
    if kind == "tuple[str, ...]" and not text.startswith("["):
        return [name.strip() for name in text.split(",") if name.strip()]
    try:
        return json.loads(text)
    except ValueError:
        return text


def _json_plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value
