"""Every form of usage limit, as the real clients wrote it down: known, with its window and its end, in any order."""

from __future__ import annotations

import itertools
import json
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest

from fleetscripts.agents import codex_rollout
from fleetscripts.agents.claude_errors import death_of
from fleetscripts.agents.claude_transcript import Turn, evidence_of, fold
from fleetscripts.core.planning.classify import classify
from fleetscripts.core.planning.rescue import limit_of, window_of
from fleetscripts.models import Evidence, PaneFacts, PaneState, Source
from fleetscripts.usage import model_of

SCREENS = Path(__file__).parents[1] / "screens"
CLAUDE = sorted(SCREENS.glob("claude/*/limit-form-*.jsonl"))
CODEX = [path for path in sorted(SCREENS.glob("codex/*/limit-form-*.jsonl")) if path.stat().st_size > 1]
WINDOWS = {
    "five-hour": "five_hour",
    "seven-day": "seven_day",
    "opus": "seven_day_opus",
    "sonnet": "seven_day_sonnet",
    "one-model": "seven_day_overage_included",
    "new-claim": "thirty_day",
    "credits-empty": "five_hour",
}
"""What the server named; where it names nothing else, the use of credits."""


def name_of(path: Path) -> str:
    return f"{path.parent.name.partition('-')[0]} {path.stem.removeprefix('limit-form-')}"


def records(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def label(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    return found


def folded(written: list[dict[str, Any]]) -> Evidence:
    turn = Turn()
    for record in written:
        turn = fold(turn, record)
    return evidence_of(turn, 0.0, None, UTC)


@pytest.mark.parametrize("path", CLAUDE, ids=name_of)
def test_a_refusal_is_known_in_whatever_order_its_records_stand(path: Path) -> None:
    written = records(path)
    in_order = sorted(written, key=lambda record: str(record["timestamp"]))
    for order in itertools.permutations(in_order):
        found = folded(list(order))
        assert (found.state, found.error or None) == (label(path)["state"], label(path).get("error"))


@pytest.mark.parametrize("path", [path for path in CLAUDE if "no-claim" not in path.stem], ids=name_of)
def test_a_refusal_says_which_window_is_full_and_until_when(path: Path) -> None:
    found = folded(records(path))
    text = found.reason
    if "resets" in text or "2.1.332" in str(path):
        assert found.resets_at is not None
        assert 0 < found.resets_at - (found.at or 0) <= 7260
    if "2.1.332" in str(path):
        form = path.stem.removeprefix("limit-form-")
        named = WINDOWS.get(form, "overage")
        answer = classify(
            PaneFacts("%1", command="claude"), [Evidence(Source.REGISTRY, PaneState.PROMPT, ""), found], 2e9
        )
        assert answer.state is PaneState.RATE_LIMITED
        assert limit_of(answer) == named
        assert bool(model_of(named)) == (form in ("opus", "sonnet", "one-model"))


def test_one_refusal_was_written_before_the_message_that_was_refused() -> None:
    kinds = [[record["type"] for record in records(path)] for path in CLAUDE]
    assert any(found.index("assistant") < found.index("user") for found in kinds)


def test_the_next_message_ends_the_limit_and_a_refusal_of_the_message_before_does_not_end_its_turn() -> None:
    path = SCREENS / "claude/2.1.332-oauth+default-140x45/limit-form-five-hour.jsonl"
    written = sorted(records(path), key=lambda record: str(record["timestamp"]))
    refusal = next(record for record in written if record.get("isApiErrorMessage"))
    later = {**written[0], "timestamp": "2026-11-27T09:00:00.000Z", "uuid": "later"}
    assert folded([*written, later]).state is PaneState.RUNNING
    assert folded([later, refusal]).state is PaneState.RUNNING


@pytest.mark.parametrize(
    ("text", "window"),
    [
        ("You've hit your limit · resets 3am", ""),
        ("You've hit your session limit · resets 3am", "five_hour"),
        ("You've hit your weekly limit", "weekly"),
        ("You've hit your Opus limit · resets Dec 1", "seven_day_opus"),
        ("Opus weekly limit reached ∙ resets 3am", "seven_day_opus"),
        ("5-hour limit reached ∙ resets 3pm", "five_hour"),
        ("You've reached your Mythos limit", "seven_day_mythos"),
        ("Fable 5 requires usage credits. Run /usage-credits to turn them on", "seven_day_fable"),
        ("Opus 4.8 requires usage credits.", "seven_day_opus"),
        ("You're out of extra usage · resets 3am", ""),
        ("You’re out of usage credits · resets 3am", ""),
        ("Your org is out of usage · add funds to continue", ""),
        ("Your org is out of usage · contact your admin", ""),
        ("Your seat type doesn't include extra usage", ""),
        ("Your seat type doesn't include usage", ""),
        ("Your usage allocation has been disabled by your admin", ""),
        ("Your group's usage limit is set to $0", ""),
        ("This service is disabled for your org", ""),
        ("Usage is paused for your organization. For help, please contact support.", ""),
        ("You've hit your channel's monthly spend limit", ""),
        ("You've hit your team's pooled group budget · resets 3am", ""),
        ("Claude AI usage limit reached|1795743600", ""),
        ("Claude usage limit reached. Your limit will reset at 3pm", ""),
        ("Spending cap reached ∙ resets 3am", ""),
        ("Usage limit reached ∙ resets 3am", ""),
    ],
)
def test_what_the_clients_own_lists_hold_is_a_limit(text: str, window: str) -> None:
    death = death_of({"error": "rate_limit"}, text)
    assert death.state is PaneState.RATE_LIMITED
    assert window_of(death.reason) == window


@pytest.mark.parametrize(
    "text",
    [
        "API Error: Server is temporarily limiting requests (not your usage limit) · Rate limited",
        "API Error: Request rejected (429) · This request would exceed your account's rate limit.",
        "API Error: Rate limit reached",
        "API Error: Usage credits required for 1M context · use /model to switch to standard context",
        "Credit balance is too low",
        "API Error: Usage credits ran out before the response was finished.",
        "Please run /login · API Error: 401",
    ],
)
def test_what_waiting_does_not_end_is_no_limit(text: str) -> None:
    assert death_of({"error": "rate_limit"}, text).state is PaneState.API_ERROR


@pytest.mark.parametrize("path", CODEX, ids=name_of)
def test_a_refusal_in_a_rollout_is_a_limit(path: Path) -> None:
    found = codex_rollout.evidence_of(records(path), None, UTC)
    assert found is not None
    assert found.state is PaneState.RATE_LIMITED
    one_model = "one-model" in path.stem and "for gpt-6-luna" in found.reason
    assert window_of(found.reason) == ("model_gpt-6-luna" if one_model else "")
    assert (found.resets_at is not None) == ("at 3:" in found.reason.lower())
