"""Questions to GitHub from this machine, by way of the central: a file per question, answered once."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from fleetscripts.adapters.github.github_problems import GitHubProblem, ProblemKind
from fleetscripts.adapters.records.json_files import cache, encode, read_json, write_json
from fleetscripts.adapters.records.locks import hold
from fleetscripts.adapters.system.steady_clock import steady_seconds
from fleetscripts.config import Settings
from fleetscripts.core.hosts.packed_json import packed_json
from fleetscripts.core.hosts.wire import CALL_ID, packed
from fleetscripts.core.records.sanitize import sanitize
from fleetscripts.schema import WrongShape
from fleetscripts.services.central.central import central_folder, central_name, is_linked

WAIT_SECONDS = 90.0
"""For the central, which asks GitHub in between, several times to create a pull request."""

PAUSE_SECONDS = 0.05
MOST_TOLD = 150_000
"""Characters of the questions sent at a time: they share a record with the machine's other facts."""

MOST_ANSWERS = 50
MOST_WORDS = 500
LOCK_SECONDS = 10.0


def ask_central(settings: Settings, what: str, members: Mapping[str, Any], most_seconds: float = WAIT_SECONDS) -> Any:
    """The central's answer as JSON; raises GitHubProblem, also if the central is unreachable or silent."""
    told = packed(packed_json({**members, "what": what}))
    if len(told) > MOST_TOLD:
        raise GitHubProblem(ProblemKind.UNEXPECTED, "its text is too long for the central: expected a shorter one")
    name = sanitize(central_name(settings))
    if not is_linked(settings):
        text = f"the central ({name}) is out of reach: GitHub was not asked, ask again when it is back"
        raise GitHubProblem(ProblemKind.NETWORK, text)
    asked = secrets.token_hex(16)
    _change(settings, lambda known: {**known, asked: {"at": steady_seconds(), "told": told}})
    try:
        answer = _awaited(settings, asked, time.monotonic() + most_seconds)
    finally:
        _change(settings, lambda known: {name: one for name, one in known.items() if name != asked})
        _file(settings, asked).unlink(missing_ok=True)
    if answer is None:
        text = f"the central ({name}) has not answered, and may still do it: ask again, nothing is made twice"
        raise GitHubProblem(ProblemKind.NETWORK, text)
    if "problem" in answer:
        kind, text, seconds = answer["problem"]
        until = time.time() + seconds if seconds else None
        raise GitHubProblem(ProblemKind(kind), f"the central ({name}): {sanitize(text)[:MOST_WORDS]}", until)
    return answer["answer"]


def questions_open(settings: Settings) -> list[list[str]]:
    """``[ID, QUESTION]`` of each, oldest first, as sent to the central; what does not fit waits."""
    told: list[list[str]] = []
    size = 0
    for asked, one in sorted(_open(settings).items(), key=lambda item: float(item[1]["at"])):
        size += len(one["told"])
        if size <= MOST_TOLD:
            told.append([asked, one["told"]])
    return told


def keep_answer(settings: Settings, members: Mapping[str, Any]) -> None:
    """Store an answer if somebody still waits for it: ``id``, and ``answer`` or ``problem``. Raises WrongShape."""
    asked = members.get("id")
    if not isinstance(asked, str) or not CALL_ID.fullmatch(asked):
        raise WrongShape("id: expected that of a question")
    if "problem" in members:
        _require_problem(members["problem"])
    elif "answer" not in members:
        raise WrongShape("answer: expected one, or a problem")
    if asked in _open(settings):
        cache(_file(settings, asked), encode(dict(members)), MOST_ANSWERS)
        _change(settings, lambda known: {name: one for name, one in known.items() if name != asked})


def _require_problem(value: object) -> None:
    kinds = [str(kind) for kind in ProblemKind]
    if isinstance(value, list) and len(value) == 3 and value[0] in kinds and isinstance(value[1], str):
        seconds = value[2]
        if isinstance(seconds, int | float) and not isinstance(seconds, bool) and 0 <= seconds < 1e7:
            return
    raise WrongShape("problem: expected its kind, its words and the seconds that it lasts")


def _awaited(settings: Settings, asked: str, until: float) -> Mapping[str, Any] | None:
    """None if none comes while the central is there and there is time."""
    while (answer := read_json(_file(settings, asked))) is None:
        if time.monotonic() >= until or not is_linked(settings):
            return None
        time.sleep(PAUSE_SECONDS)
    return answer if isinstance(answer, dict) else None


def _change(settings: Settings, change: Callable[[dict[str, dict[str, Any]]], dict[str, dict[str, Any]]]) -> None:
    with hold(settings.locks / "central-questions.lock", LOCK_SECONDS):
        before = read_json(_asked_file(settings))
        after = change(_open(settings))
        if after != before:
            write_json(_asked_file(settings), after)


def _open(settings: Settings) -> dict[str, dict[str, Any]]:
    """Those that a live process waits for."""
    said, now = read_json(_asked_file(settings)), steady_seconds()
    return {name: one for name, one in said.items() if _is_open(one, now)} if isinstance(said, dict) else {}


def _is_open(one: Any, now: float) -> bool:
    known = isinstance(one, dict) and isinstance(one.get("told"), str) and isinstance(one.get("at"), int | float)
    return known and 0 <= now - one["at"] <= WAIT_SECONDS


def _asked_file(settings: Settings) -> Path:
    return central_folder(settings) / "questions.json"


def _file(settings: Settings, asked: str) -> Path:
    return central_folder(settings) / "answers" / f"{asked}.json"
