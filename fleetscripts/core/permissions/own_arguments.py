"""Which arguments of our own scripts need no question: not those that end, discard, run or point elsewhere."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from fleetscripts.dataclass import dataclass
from fleetscripts.pattern import pattern

ELSEWHERE = ("--state-file", "--tmux-socket", "--fleet-home")
"""Another fleet's records and settings, which may name commands to run."""

FREE_FIELDS = pattern(
    r"(?:objective|pr_number|steps|nudges|kicks|rounds|held|hold\.reason|idle_threshold_seconds|active"
    r"|nudge_interval_seconds|orchestrator_unseen_seconds|max_nudges|poll_interval_seconds)=[^\x00]*|state=running",
    re.DOTALL,
)
"""What ``update-agent`` may set: no path, no window, no command, no session."""

IMAGE = pattern(r"[^-].*\.(?:png|jpe?g|gif|webp)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Arguments:
    """``asks``: options that need a question. ``stdin``: options whose file may only be standard input. ``only``: other
    conditions on the words."""

    asks: tuple[str, ...] = ()
    stdin: tuple[str, ...] = ()
    only: Callable[[Sequence[str]], bool] | None = None


def _dry_run(words: Sequence[str]) -> bool:
    return "--dry-run" in words and "--" not in words


def _check(words: Sequence[str]) -> bool:
    return list(words) == ["--check"]


def _account_look(words: Sequence[str]) -> bool:
    return next((word for word in words if not word.startswith("-")), "list") in ("list", "check")


def _host_list(words: Sequence[str]) -> bool:
    return next((word for word in words if not word.startswith("-")), "list") == "list"


def _fields(words: Sequence[str]) -> bool:
    return all(FREE_FIELDS.fullmatch(word) for word in words[1:])


def _images(words: Sequence[str]) -> bool:
    given = [words[at + 1] for at, word in enumerate(words[:-1]) if word == "--image"]
    given += [word.removeprefix("--image=") for word in words if word.startswith("--image=")]
    return all(IMAGE.fullmatch(path) for path in given)


def _printed(words: Sequence[str]) -> bool:
    return not any(word.startswith("--output") for word in words)


FRONT = "fleet"
"""The front command: its first word names the script."""
PLAIN = Arguments()
HARMLESS: Mapping[str, Arguments] = {
    "accounts": Arguments(only=_account_look),
    "add-spare": PLAIN,
    "adopt-agent": PLAIN,
    "answer-dialog": PLAIN,
    "balance": Arguments(asks=("--allow",)),
    "capacity": PLAIN,
    "cl": Arguments(only=_dry_run),
    "classify-pane": Arguments(asks=("--screen",)),
    "demo": Arguments(asks=("--client",)),
    "evaluate": Arguments(asks=("--override",)),
    "find-spare": PLAIN,
    "heartbeat": PLAIN,
    "history": PLAIN,
    "hosts": Arguments(only=_host_list),
    "integrate": Arguments(asks=("--verify-command",)),
    "interrupt-agent": Arguments(asks=("--kill",)),
    "notify": Arguments(asks=("--set-webhook", "--forget-webhook")),
    "overlaps": PLAIN,
    "permission-check": PLAIN,
    "poll-cycle": PLAIN,
    "recycle-agent": Arguments(asks=("--force",)),
    "repair-state": Arguments(asks=("--from-backup",)),
    "rescue-agent": Arguments(asks=("--account",)),
    "restore-agent": PLAIN,
    "run-loop": PLAIN,
    "send-agent": Arguments(stdin=("--file", "--task-file"), only=_images),
    "setup": Arguments(only=_check),
    "show": PLAIN,
    "spawn-agent": Arguments(asks=("--verify-command",), stdin=("--objective-file",), only=_images),
    "startup-recovery": PLAIN,
    "status": Arguments(only=_printed),
    "stop-fleet": PLAIN,
    "tasks": Arguments(stdin=("--file",)),
    "test-queue": PLAIN,
    "update-agent": Arguments(only=_fields),
    "verify-complete": PLAIN,
    "wait-event": PLAIN,
}
"""Scripts not listed here always need a question."""


def harmless(script: str, words: Sequence[str]) -> bool:
    """Whether this call needs no question."""
    if script == FRONT:
        return bool(words) and harmless(words[0], words[1:])
    rule = HARMLESS.get(script)
    words = _without_host(words)
    if rule is None or any(_is_option(word, (*ELSEWHERE, *rule.asks)) for word in words):
        return False
    for at, word in enumerate(words):
        name, joined, value = word.partition("=")
        if name in rule.stdin and (value if joined else "".join(words[at + 1 : at + 2])) != "-":
            return False
    return rule.only is None or rule.only(words)


def _without_host(words: Sequence[str]) -> list[str]:
    """The words without ``--host NAME``: it is as harmless on another machine of the fleet as here."""
    kept = [word for word in words if not word.startswith("--host=")]
    if "--host" in kept:
        at = kept.index("--host")
        del kept[at : at + 2]
    return kept


def _is_option(word: str, options: Sequence[str]) -> bool:
    return any(word == option or word.startswith(option + "=") for option in options)
