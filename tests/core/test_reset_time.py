"""The instant at which a limit ends, from the texts of the clients."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetscripts.core.screen.reset_time import reset_instant
from tests.places import BUNDLE

NOW = "2026-11-20T22:54:00+00:00"
BERLIN, NEW_YORK = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")


@pytest.mark.parametrize(
    ("text", "now", "zone", "expected"),
    [
        ("You've hit your 5-hour limit · resets 12:46am (UTC)", NOW, BERLIN, "2026-11-21T00:46:00+00:00"),
        ("You've hit your session limit · resets 1am (UTC)", NOW, UTC, "2026-11-21T01:00:00+00:00"),
        ("You've hit your session limit · resets 11pm (UTC)", NOW, UTC, "2026-11-20T23:00:00+00:00"),
        ("You've hit your 5-hour limit · resets 10pm (UTC)", NOW, UTC, "2026-11-20T22:00:00+00:00"),
        ("5-hour limit reached ∙ resets 3pm", "2026-11-20T13:00:00+00:00", NEW_YORK, "2026-11-19T20:00:00+00:00"),
        ("5-hour limit reached ∙ resets 3pm", "2026-11-20T17:00:00+00:00", NEW_YORK, "2026-11-20T20:00:00+00:00"),
        ("You've hit your weekly limit · resets Nov 25, 9am (UTC)", NOW, UTC, "2026-11-25T09:00:00+00:00"),
        (
            "You've hit your weekly limit · resets Nov 25 at 9:30am (Europe/Berlin)",
            NOW,
            UTC,
            "2026-11-25T08:30:00+00:00",
        ),
        ("Opus weekly limit reached ∙ resets Jan 3, 2027, 3pm", NOW, UTC, "2027-01-03T15:00:00+00:00"),
        ("You've hit your limit · resets Jan 3 at 3pm (UTC)", NOW, UTC, "2027-01-03T15:00:00+00:00"),
        ("Claude usage limit reached. Your limit will reset at 4am (UTC).", NOW, UTC, "2026-11-21T04:00:00+00:00"),
        ("Claude AI usage limit reached|1795250000", NOW, UTC, "2026-11-21T08:33:20+00:00"),
        (
            "Usage limit reached · continuing automatically at 12:46am · esc to cancel",
            NOW,
            UTC,
            "2026-11-21T00:46:00+00:00",
        ),
        (
            "You’ve hit your usage limit. … or try again at Nov 21st, 2026 12:58 AM.",
            NOW,
            UTC,
            "2026-11-21T00:58:00+00:00",
        ),
        ("You've hit your usage limit. Try again at 3:29 AM.", NOW, BERLIN, "2026-11-21T02:29:00+00:00"),
        ("You've hit your usage limit. Try again in 3 days 2 hours 5 minutes.", NOW, UTC, "2026-11-24T00:59:00+00:00"),
        ("limit resets tomorrow at 9:00", NOW, UTC, "2026-11-21T09:00:00+00:00"),
        ("limit resets 23:30", NOW, UTC, "2026-11-20T23:30:00+00:00"),
        ("resets Mon 9am (UTC)", NOW, UTC, "2026-11-23T09:00:00+00:00"),
        ("resets 2:30am", "2026-03-28T23:00:00+00:00", BERLIN, "2026-03-29T01:30:00+00:00"),
    ],
)
def test_each_text_names_one_instant(text: str, now: str, zone: tzinfo, expected: str) -> None:
    found = reset_instant(text, datetime.fromisoformat(now).timestamp(), zone)
    assert found is not None
    assert datetime.fromtimestamp(found, UTC).isoformat() == expected


def table() -> list[tuple[str, str, tzinfo, str]]:
    """The rows of reset_times.txt."""
    zones: dict[str, tzinfo] = {"UTC": UTC, "Berlin": BERLIN, "New_York": NEW_YORK}
    lines = (BUNDLE / "tests" / "reset_times.txt").read_text(encoding="utf-8").splitlines()
    rows = [line.split(" ; ") for line in lines if line and not line.startswith("#")]
    blanks = (("\\u202f", "\u202f"), ("\\u00a0", "\u00a0"))
    found = []
    for text, seen, zone, instant in rows:
        for written, blank in blanks:
            text = text.replace(written, blank)
        found.append((text, seen, zones[zone], instant))
    return found


def test_the_table_is_long() -> None:
    assert len({row[0] for row in table()}) >= 60


@pytest.mark.parametrize(("text", "now", "zone", "expected"), table())
def test_each_row_of_the_table_names_its_instant(text: str, now: str, zone: tzinfo, expected: str) -> None:
    found = reset_instant(text, datetime.fromisoformat(now).timestamp(), zone)
    assert found == datetime.fromisoformat(expected).timestamp()


@pytest.mark.parametrize(
    "text",
    ["", "You've hit your limit", "resets", "resets soon", "resets 25pm", "resets 13:61", "resets Feb 31", "at 3pm"],
)
def test_a_text_without_a_time_names_none(text: str) -> None:
    assert reset_instant(text, 1_795_000_000.0, UTC) is None


@given(st.text(max_size=200), st.sampled_from(["resets ", "try again in ", "limit reached|", "resets at "]))
def test_no_text_makes_it_fail(text: str, lead: str) -> None:
    found = reset_instant(lead + text, 1_795_000_000.0, BERLIN)
    assert found is None or found >= 0


@given(st.integers(0, 24 * 60 - 1), st.integers(0, 24 * 60 - 1))
def test_a_session_resets_within_five_hours_of_now(at: int, minute: int) -> None:
    now = datetime(2026, 11, 20, tzinfo=UTC).timestamp() + minute * 60
    hour, rest = divmod(at, 60)
    text = f"You've hit your session limit · resets {hour % 12 or 12}:{rest:02}{'pm' if hour >= 12 else 'am'} (UTC)"
    found = reset_instant(text, now, BERLIN)
    assert found is not None
    assert now - 19 * 3600 <= found <= now + 5.25 * 3600
