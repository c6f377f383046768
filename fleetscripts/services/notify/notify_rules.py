"""The ``[notify]`` table of config.toml: further channels, quiet hours, and speech."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from fleetscripts.account import SecretRef
from fleetscripts.adapters.records.account_file import secret_reference
from fleetscripts.config import Settings
from fleetscripts.core.reports.notice_plan import NoticeLimits, minute_of
from fleetscripts.dataclass import dataclass
from fleetscripts.errors import UsageProblem
from fleetscripts.schema import describe

KNOWN = ("urls", "quiet_hours", "escalations_pass", "most_per_minute", "speak", "speak_by")
WAYS = ("stdin", "argument")


@dataclass(frozen=True, slots=True)
class NotifyRules:
    """``urls``: the source of each channel's URL, since it contains a secret. ``speak``: a command's words."""

    urls: tuple[SecretRef, ...] = ()
    manners: NoticeLimits = field(default_factory=NoticeLimits)
    speak: tuple[str, ...] = ()
    speak_by: str = "stdin"


def rules_of(settings: Settings) -> NotifyRules:
    """The table's rules; UsageProblem names what is invalid."""
    table = settings.extra.get("notify", {})
    if not isinstance(table, Mapping):
        raise UsageProblem(f"notify in config.toml: expected a table, found {describe(table)}")
    if unknown := [name for name in table if name not in KNOWN]:
        raise UsageProblem(f"notify.{unknown[0]} in config.toml: expected one of {', '.join(KNOWN)}")
    urls = table.get("urls", [])
    if not isinstance(urls, list):
        raise UsageProblem(f"notify.urls in config.toml: expected a list, found {describe(urls)}")
    return NotifyRules(
        urls=tuple(secret_reference(f"notify.urls[{n}] in config.toml", url) for n, url in enumerate(urls)),
        manners=NoticeLimits(
            quiet=_hours(table.get("quiet_hours", "")),
            escalations_pass=_flag(table, "escalations_pass"),
            most_per_minute=_count(table.get("most_per_minute", NoticeLimits().most_per_minute)),
        ),
        speak=_words(table.get("speak", [])),
        speak_by=_way(table.get("speak_by", WAYS[0])),
    )


def _hours(value: object) -> tuple[int, int] | None:
    if value == "":
        return None
    first, dash, last = value.partition("-") if isinstance(value, str) else ("", "", "")
    begun, ended = minute_of(first), minute_of(last)
    if not dash or begun is None or ended is None:
        raise UsageProblem(f'notify.quiet_hours: expected a span like "22:00-07:00", found {describe(value)}')
    return begun, ended


def _flag(table: Mapping[str, Any], name: str) -> bool:
    value = table.get(name, True)
    if not isinstance(value, bool):
        raise UsageProblem(f"notify.{name}: expected true or false, found {describe(value)}")
    return value


def _count(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise UsageProblem(f"notify.most_per_minute: expected a number from 1 on, found {describe(value)}")
    return value


def _words(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(word, str) and word for word in value):
        raise UsageProblem(f'notify.speak: expected a command\'s words like ["say"], found {describe(value)}')
    return tuple(value)


def _way(value: object) -> str:
    if value not in WAYS:
        raise UsageProblem(f"notify.speak_by: expected {' or '.join(WAYS)}, found {describe(value)}")
    return str(value)
