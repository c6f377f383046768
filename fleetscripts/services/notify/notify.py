"""Notifies the person: Discord, desktop, other channels, speech. A failure is a warning, never the caller's error."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

from fleetscripts.adapters.channels import channels
from fleetscripts.adapters.records.json_files import read_json, write_json
from fleetscripts.adapters.records.locks import hold
from fleetscripts.adapters.records.secrets import resolve
from fleetscripts.adapters.records.store import StateMissing, Store
from fleetscripts.config import Settings
from fleetscripts.core.records.sanitize import sanitize_lines
from fleetscripts.core.reports.journal_story import LAST_TIME
from fleetscripts.core.reports.notice_plan import Notice, NoticeBacklog, due, given_back, take
from fleetscripts.errors import FleetError
from fleetscripts.services.central.central import central_name, has_central
from fleetscripts.services.central.outbox import QueuedNotice, leave_to_central, take_overdue
from fleetscripts.services.notify.notify_rules import NotifyRules, rules_of

LOCK_SECONDS = 10.0
HELD_BACK = "held back for a digest"

Step = Callable[[NoticeBacklog, NotifyRules, datetime], tuple[NoticeBacklog, str]]


def notify(message: str, settings: Settings, environ: Mapping[str, str], urgent: bool = False) -> list[str]:
    """Send ``message`` to every configured channel; returns one warning for each that failed. In quiet hours and in a
    storm it is held for a digest, unless it is ``urgent`` and urgent ones may pass. On a central's host it is left to
    the central."""
    text = sanitize_lines(message)
    if has_central(settings):
        leave_to_central(settings, text, urgent)
        return []
    return _with_tray(
        settings, environ, lambda tray, rules, moment: take(tray, text, urgent, rules.manners, moment), text
    )


def send_held(settings: Settings, environ: Mapping[str, str]) -> list[str]:
    """Send the digest when it is time, and what the central should have sent by now; returns warnings. Otherwise costs
    one look at a file."""
    if has_central(settings) and (overdue := take_overdue(settings)):
        return _send_overdue(overdue, settings, environ)
    if not _tray_file(settings).exists():
        return []
    return _with_tray(settings, environ, lambda tray, rules, moment: due(tray, rules.manners, moment), "")


def _send_overdue(overdue: Sequence[QueuedNotice], settings: Settings, environ: Mapping[str, str]) -> list[str]:
    """Send what the central did not fetch: in one message, which says so."""
    name = central_name(settings) or "the central"
    text = "\n".join([f"{name} has not fetched this:", *(one.text for one in overdue)])
    urgent = any(one.urgent for one in overdue)
    return _with_tray(
        settings, environ, lambda tray, rules, moment: take(tray, text, urgent, rules.manners, moment), text
    )


def holds_back(settings: Settings) -> int:
    """How many notifications wait for a digest."""
    return len(_read(_tray_file(settings)).held)


def _with_tray(settings: Settings, environ: Mapping[str, str], step: Step, otherwise: str) -> list[str]:
    """Make one change to the tray, then send; if rules or tray are unreadable the message itself is sent."""
    warnings: list[str] = []
    rules, text, before, after = NotifyRules(), otherwise, NoticeBacklog(), NoticeBacklog()
    try:
        rules = rules_of(settings)
    except FleetError as error:
        warnings.append(str(error))
    try:
        with _tray_held(settings) as file:
            before = _read(file)
            after, text = step(before, rules, datetime.now().astimezone())
            if after != before:
                _write(file, after)
        if not text:
            return warnings
        problems, taken = _send(text, settings, rules, environ)
        warnings += problems
        if not taken:
            with _tray_held(settings) as file:
                _write(file, given_back(_read(file), before, after, otherwise, time.time()))
    except FleetError as error:
        warnings.append(str(error))
    return warnings


@contextmanager
def _tray_held(settings: Settings) -> Iterator[Path]:
    """The tray's file, locked."""
    with hold(settings.locks / "notices.lock", LOCK_SECONDS):
        yield _tray_file(settings)


def _send(text: str, settings: Settings, rules: NotifyRules, environ: Mapping[str, str]) -> tuple[list[str], bool]:
    """Use all channels in parallel: a slow one delays none of the others. Returns warnings, and whether any channel
    beyond this machine accepted it, if there is one."""
    problems: list[str] = []
    outward: list[Callable[[], object]] = []
    try:
        if webhook := webhook_of(settings, environ):
            outward.append(lambda: channels.discord(webhook, text))
    except FleetError as error:
        problems.append(str(error))
    for ref in rules.urls:
        outward.append(lambda ref=ref: _other(text, resolve(ref, environ), str(ref)))  # type: ignore[misc]
    here: list[Callable[[], object]] = []
    if settings.notify_desktop:
        here.append(lambda: channels.desktop(text, environ))
    if rules.speak:
        here.append(lambda: _speak(text, rules, environ))
    if not outward and not here:
        return problems, True
    with ThreadPoolExecutor(len(outward) + len(here), thread_name_prefix="notify") as pool:
        found = list(pool.map(_warning, [*outward, *here]))
    return [*problems, *filter(None, found)], not outward or not all(found[: len(outward)])


def _warning(call: Callable[[], object]) -> str:
    try:
        call()
    except FleetError as error:
        return str(error)
    return ""


def _other(text: str, url: str, place: str) -> None:
    from fleetscripts.adapters.channels.apprise_channel import send

    send(url, text, place)


def _speak(text: str, rules: NotifyRules, environ: Mapping[str, str]) -> None:
    from fleetscripts.adapters.channels.speech import speak

    speak(rules.speak, text, rules.speak_by == "argument", environ)


def webhook_of(settings: Settings, environ: Mapping[str, str]) -> str:
    """The Discord webhook: the environment's, else the state file's, else empty."""
    if webhook := environ.get("DISCORD_WEBHOOK_URL", "").strip():
        return webhook
    try:
        return Store(settings.state_file).read().discord_webhook
    except StateMissing:
        return ""


def _tray_file(settings: Settings) -> Path:
    return settings.fleet_home / "notices.json"


def _read(file: Path) -> NoticeBacklog:
    """The stored tray; an empty one if it is missing or invalid."""
    try:
        kept = read_json(file)
        held = tuple(Notice(_time(one["at"]), str(one["text"])) for one in kept["held"])
        sent_at = tuple(float(at) for at in kept["sent_at"])
        return NoticeBacklog(sent_at, held, int(kept["dropped"]), _time(kept.get("failed_at", 0)))
    except (ValueError, KeyError, TypeError):
        return NoticeBacklog()


def _time(value: object) -> float:
    """A time within the calendar; ValueError for any other."""
    if not isinstance(value, int | float) or not 0 <= value <= LAST_TIME:
        raise ValueError(value)
    return float(value)


def _write(file: Path, tray: NoticeBacklog) -> None:
    write_json(file, asdict(tray))
