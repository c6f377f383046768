"""A task file: the text of the task, and before it, between lines of ``---``, what else is known of it.

---
branch: feat/parser
pr: 123
steps: implement, tests
agent: codex
repo: ~/src/project
priority: 5
after: grammar, lexer
not_before: 2026-12-01 07:00
every: 1d
---
Implement the parser described in docs/parser.md.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from fleetscripts.core.planning.repeat import is_period
from fleetscripts.dataclass import dataclass
from fleetscripts.errors import UsageProblem
from fleetscripts.pattern import pattern

SUFFIX = ".task"
NAME = pattern(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
LONGEST_TEXT = 200_000
MOST_NAMES = 50
HIGHEST_PRIORITY = 1_000_000
FENCE = "---"
BATCH_HEAD = "==="

_STEP = pattern(r"\S(?:[^\x00-\x1f\x7f]{0,98}\S)?")
_CONTROL = pattern(r"[\x00-\x08\x0b-\x1f\x7f]")


class TaskProblem(UsageProblem):
    """A task file that cannot be used; the message is ``FILE:LINE: expected …, found …``."""


@dataclass(frozen=True, slots=True)
class TaskFile:
    """One task. ``branch``, ``agent``, ``repo`` and ``pr_number`` are empty if the file does not give them."""

    name: str
    objective: str
    branch: str = ""
    pr_number: str = ""
    steps: tuple[str, ...] = ()
    agent: str = ""
    repo: str = ""
    priority: int = 0
    after: tuple[str, ...] = ()
    not_before: str = ""
    every: str = ""

    @property
    def begins_at(self) -> float:
        """The earliest start, Unix seconds; 0 if the file does not give one."""
        return datetime.fromisoformat(self.not_before).timestamp() if self.not_before else 0.0

    @property
    def work_branch(self) -> str:
        """The work's branch: constant for a task, so that two agents never get it."""
        return self.branch or f"task/{self.name}"

    def branch_at(self, now: float) -> str:
        """The branch of a run that began at that moment: each run of a repeated task has another."""
        stamp = f"-{datetime.fromtimestamp(now, UTC):%Y%m%d-%H%M%S}" if self.every else ""
        return f"{self.work_branch}{stamp}"


def plain(text: str) -> str:
    """The text without the byte order mark and carriage returns that editors on Windows add."""
    return text.removeprefix("\ufeff").replace("\r\n", "\n")


def parse(name: str, text: str) -> TaskFile:
    """The task in a file's text; TaskProblem names the file and the line."""
    lines = plain(text).split("\n")
    fields: dict[str, Any] = {}
    body = 0
    if lines[0].rstrip() == FENCE:
        end = next((number for number, line in enumerate(lines[1:], 1) if line.rstrip() == FENCE), None)
        if end is None:
            raise _problem(name, 1, f"a line {FENCE} that ends the front matter", "")
        fields, body = _front_matter(name, lines[1:end]), end + 1
    objective = "\n".join(lines[body:]).strip()
    if not objective:
        raise _problem(name, body + 1, "the text of the task", "")
    if len(objective) > LONGEST_TEXT:
        raise _problem(name, body + 1, f"at most {LONGEST_TEXT} characters of text", f"{len(objective)}")
    return TaskFile(name=name, objective=objective, **fields)


def parse_batch(text: str) -> list[TaskFile]:
    """The tasks of a text with several, each after a line ``=== NAME``."""
    before, *found = re.split(rf"(?m)^{BATCH_HEAD} *(.*?) *$\n?", plain(text))
    if before.strip() or not found:
        raise UsageProblem(f"expected a line {BATCH_HEAD} NAME before each task, found {before.strip()[:60]!r}")
    tasks = [parse(name, body) for name, body in zip(found[::2], found[1::2], strict=True)]
    names = [task.name for task in tasks]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise UsageProblem(f"expected each name once, found {twice!r} again")
    return tasks


def _front_matter(name: str, lines: list[str]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    key = ""
    for number, line in enumerate(lines, 2):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if key in LISTS and line.strip().startswith("- "):
            fields[LISTS[key]] = (*fields[LISTS[key]], *_names(name, number, key, line.strip()[2:]))
            continue
        key, colon, value = (part.strip() for part in line.partition(":"))
        if not colon or key not in KEYS:
            raise _problem(name, number, f"one of {', '.join(KEYS)}, a colon and a value", line.strip())
        field, read = KEYS[key]
        if field in fields:
            raise _problem(name, number, f"{key} once", "it again")
        fields[field] = read(name, number, key, _unquoted(value))
    return fields


def _unquoted(value: str) -> str:
    quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"
    return value[1:-1].strip() if quoted else value


def _word(name: str, number: int, key: str, value: str) -> str:
    if not value or _CONTROL.search(value) or len(value) > 1000:
        raise _problem(name, number, f"a value for {key}", value)
    return value


def _pull_number(name: str, number: int, key: str, value: str) -> str:
    digits = value.removeprefix("#")
    if not re.fullmatch(r"[0-9]{1,10}", digits):
        raise _problem(name, number, "a pull request's number", value)
    return digits


def _priority(name: str, number: int, key: str, value: str) -> int:
    if not re.fullmatch(r"[+-]?[0-9]{1,7}", value) or abs(int(value)) > HIGHEST_PRIORITY:
        raise _problem(name, number, "a whole number as priority (more is sooner)", value)
    return int(value)


def _moment(name: str, number: int, key: str, value: str) -> str:
    """A date, or a date with a time: in this machine's zone if it names none."""
    try:
        datetime.fromisoformat(value).timestamp()
    except (ValueError, OverflowError, OSError):
        raise _problem(name, number, "a time like 2026-12-01 07:00", value) from None
    return value


def _period(name: str, number: int, key: str, value: str) -> str:
    words = " ".join(value.split())
    if not is_period(words):
        raise _problem(name, number, "a time like 90m, 12h, 1d or 2w, or five fields as in cron", value)
    return words


def _names(name: str, number: int, key: str, value: str) -> tuple[str, ...]:
    inner = value[1:-1] if value.startswith("[") and value.endswith("]") else value
    found = tuple(dict.fromkeys(_unquoted(part.strip()) for part in inner.split(",") if part.strip()))
    if len(found) > MOST_NAMES:
        raise _problem(name, number, f"at most {MOST_NAMES} names", f"{len(found)}")
    for each in found:
        bare = each.removesuffix(SUFFIX) if key == "after" else each
        if not (NAME.fullmatch(bare) if key == "after" else _STEP.fullmatch(each)):
            raise _problem(name, number, f"names for {key}, with commas between", each)
    return tuple(each.removesuffix(SUFFIX) for each in found) if key == "after" else found


Read = Callable[[str, int, str, str], Any]
KEYS: Mapping[str, tuple[str, Read]] = {
    "branch": ("branch", _word),
    "pr": ("pr_number", _pull_number),
    "steps": ("steps", _names),
    "agent": ("agent", _word),
    "repo": ("repo", _word),
    "priority": ("priority", _priority),
    "after": ("after", _names),
    "not_before": ("not_before", _moment),
    "every": ("every", _period),
}
"""Key in the front matter → field of the task, and how its value is read."""

LISTS = {"steps": "steps", "after": "after"}


def _problem(name: str, line: int, expected: str, found: str) -> TaskProblem:
    shown = repr(_CONTROL.sub("?", found)[:60]) if found else "nothing"
    return TaskProblem(f"{name}{SUFFIX}:{line}: expected {expected}, found {shown}")


def write(task: TaskFile) -> str:
    """The file's text, such that ``parse`` reads it as this task."""
    values = {
        "branch": task.branch,
        "pr": task.pr_number,
        "steps": ", ".join(task.steps),
        "agent": task.agent,
        "repo": task.repo,
        "priority": str(task.priority) if task.priority else "",
        "after": ", ".join(task.after),
        "not_before": task.not_before,
        "every": task.every,
    }
    lines = [f"{key}: {value}" for key, value in values.items() if value]
    front = [FENCE, *lines, FENCE] if lines or task.objective.startswith(FENCE) else []
    return "\n".join([*front, task.objective, ""])
