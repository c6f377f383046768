"""Limits notifications: quiet hours hold them back, a storm becomes one digest. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from fleetscripts.dataclass import dataclass

BURST_SECONDS = 60.0
MOST_HELD = 200
"""Older ones are only counted."""

AGAIN_SECONDS = 300.0
"""Pause before the digest is retried after every channel failed."""

DIGEST_LINES = 15
DIGEST_COLUMNS = 1800
"""Below the 2,000 characters that the smallest channel accepts."""

MOST_BESIDE_DIGEST = DIGEST_COLUMNS // 2
"""A longer notification is sent alone; held-back ones wait for the next."""

DAY_MINUTES = 24 * 60


@dataclass(frozen=True, slots=True)
class NoticeLimits:
    """``quiet``: first and last minute of the day, None for never; it may span midnight. ``most_per_minute``: how many
    notifications are sent one by one; the rest waits for a digest."""

    quiet: tuple[int, int] | None = None
    escalations_pass: bool = True
    most_per_minute: int = 5


@dataclass(frozen=True, slots=True)
class Notice:
    """One held-back notification."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class NoticeBacklog:
    """What was sent lately, and what is held back; ``dropped``: held-back ones beyond the limit. ``failed_at``: when
    every channel failed last, 0 after a success."""

    sent_at: tuple[float, ...] = ()
    held: tuple[Notice, ...] = ()
    dropped: int = 0
    failed_at: float = 0


def minute_of(text: str) -> int | None:
    """``22:30`` as a minute of the day; None if it is no time."""
    hours, colon, minutes = text.strip().partition(":")
    if not (colon and hours.isdecimal() and minutes.isdecimal() and len(minutes) == 2 and hours.isascii()):
        return None
    found = int(hours) * 60 + int(minutes) if int(minutes) < 60 else DAY_MINUTES
    return found if found < DAY_MINUTES else None


def is_quiet(manners: NoticeLimits, moment: datetime) -> bool:
    """Whether it is quiet time (local time)."""
    if manners.quiet is None:
        return False
    begun, ended = manners.quiet
    minute = moment.hour * 60 + moment.minute
    return begun <= minute < ended if begun <= ended else minute >= begun or minute < ended


def take(
    tray: NoticeBacklog, text: str, urgent: bool, manners: NoticeLimits, moment: datetime
) -> tuple[NoticeBacklog, str]:
    """The tray after one more notice, and what is to be sent now; empty if it is held back. Held-back notices are sent
    along if they fit into one message."""
    now = moment.timestamp()
    tray = _recent(tray, now)
    passes = urgent and manners.escalations_pass
    if not passes and (is_quiet(manners, moment) or len(tray.sent_at) >= manners.most_per_minute):
        return _holding(tray, (*tray.held, Notice(now, text))), ""
    if passes and is_quiet(manners, moment):
        return replace(tray, sent_at=(*tray.sent_at, now)), text
    if not tray.held:
        return NoticeBacklog(sent_at=(*tray.sent_at, now)), text
    if len(text) > MOST_BESIDE_DIGEST:
        return replace(tray, sent_at=(*tray.sent_at, now)), text
    return NoticeBacklog(sent_at=(*tray.sent_at, now)), f"{text}\n\n{digest(tray, DIGEST_COLUMNS - len(text))}"


def due(tray: NoticeBacklog, manners: NoticeLimits, moment: datetime) -> tuple[NoticeBacklog, str]:
    """The tray, and a digest of all held-back notices once they may be sent."""
    now = moment.timestamp()
    tray = _recent(tray, now)
    waits = 0 <= now - tray.failed_at < AGAIN_SECONDS
    if not tray.held or waits or is_quiet(manners, moment) or len(tray.sent_at) >= manners.most_per_minute:
        return tray, ""
    return NoticeBacklog(sent_at=(*tray.sent_at, now)), digest(tray)


def given_back(
    now_kept: NoticeBacklog, before: NoticeBacklog, after: NoticeBacklog, text: str, now: float
) -> NoticeBacklog:
    """After failed sending: the present tray, with what the step from ``before`` to ``after`` removed and with
    ``text``."""
    taken = [notice for notice in before.held if notice not in after.held]
    fresh = [Notice(now, text)] if text else []
    tray = _holding(now_kept, (*taken, *now_kept.held, *fresh))
    return replace(tray, dropped=tray.dropped + before.dropped - after.dropped, failed_at=now)


def digest(tray: NoticeBacklog, columns: int = DIGEST_COLUMNS) -> str:
    """All held-back notices in one text of about so many characters; the newest lines if there are too many."""
    lines = [line for notice in tray.held for line in _lines(notice)]
    kept: list[str] = []
    for line in reversed(lines):
        if len(kept) >= DIGEST_LINES or sum(map(len, kept)) + len(line) > columns:
            break
        kept.append(line)
    more = len(lines) - len(kept) + tray.dropped
    count = len(tray.held) + tray.dropped
    head = f"meanwhile, {count} notification{'' if count == 1 else 's'}:"
    return "\n".join([head, *([f"({more} earlier)"] if more else []), *reversed(kept)])


def _lines(notice: Notice) -> Sequence[str]:
    moment = datetime.fromtimestamp(notice.at).astimezone()
    return [f"{moment:%H:%M} {line}"[:DIGEST_COLUMNS] for line in notice.text.splitlines() if line.strip()]


def _holding(tray: NoticeBacklog, held: Sequence[Notice]) -> NoticeBacklog:
    return replace(tray, held=tuple(held[-MOST_HELD:]), dropped=tray.dropped + max(len(held) - MOST_HELD, 0))


def _recent(tray: NoticeBacklog, now: float) -> NoticeBacklog:
    return replace(tray, sent_at=tuple(at for at in tray.sent_at if 0 <= now - at < BURST_SECONDS))
