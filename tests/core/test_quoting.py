"""What an agent says, shows or quotes is never taken for what the client itself draws."""

from __future__ import annotations

from datetime import UTC

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fleetscripts.core.screen.reading import Reader
from fleetscripts.core.screen.screen import Screen
from fleetscripts.models import PaneState
from tests.scoring import recordings, shipped_rules

RULE = "─" * 100
CLAUDE_BOX = ["", RULE, "❯\xa0", RULE, "  ⏵⏵ bypass permissions on (shift+tab to cycle)"]
CODEX_BOX = ["", "  Worked for 3s • 22:57", "", "", "› Ask Codex to do anything", "", "  gpt-5 default · ~/src"]

QUOTED = [
    recording.sidecar.with_suffix(".txt").read_text(encoding="utf-8").rstrip("\n").split("\n")
    for recording in recordings()
    if recording.sidecar.with_suffix(".txt").exists()
]


def _tails() -> st.SearchStrategy[list[str]]:
    """The last lines of any recorded screen: its dialog, spinner, limit, box or shell prompt."""
    return st.builds(lambda lines, count: lines[-count:], st.sampled_from(QUOTED), st.integers(2, 30))


def _state(lines: list[str], agent: str) -> PaneState | None:
    return Reader(shipped_rules(), 1_795_000_000.0, UTC).read(Screen.of(lines), agent).screen.state


def _indented(lines: list[str], mark: str) -> list[str]:
    return [f"{mark} I saw this:", "", *(f"  {line}" for line in lines), "", "  That was all."]


@settings(max_examples=300, suppress_health_check=list(HealthCheck))
@given(_tails())
def test_a_screen_quoted_in_an_answer_of_claude_leaves_it_at_its_prompt(quoted: list[str]) -> None:
    assert _state(["❯ show me", "", *_indented(quoted, "●"), "", "✻ Worked for 3s", *CLAUDE_BOX], "claude") == "prompt"


@settings(max_examples=300, suppress_health_check=list(HealthCheck))
@given(_tails())
def test_a_screen_shown_by_a_tool_leaves_the_client_at_its_prompt(quoted: list[str]) -> None:
    shown = [
        "● Bash(cat screen.txt)",
        *(f"  ⎿  {line}" if not at else f"     {line}" for at, line in enumerate(quoted)),
    ]
    assert _state(["❯ show me", "", *shown, "", "● That is the file.", *CLAUDE_BOX], "claude") == "prompt"


@settings(max_examples=300, suppress_health_check=list(HealthCheck))
@given(_tails())
def test_a_screen_in_the_users_own_prompt_leaves_the_client_busy(quoted: list[str]) -> None:
    prompt = [f"❯ {quoted[0]}", *(f"  {line}" for line in quoted[1:])]
    assert _state([*prompt, "", "✻ Pondering… (3s)", *CLAUDE_BOX], "claude") == "running"


@settings(max_examples=300, suppress_health_check=list(HealthCheck))
@given(_tails())
def test_a_screen_typed_into_the_box_is_a_draft(quoted: list[str]) -> None:
    typed = [line or "x" for line in quoted]
    box = ["", RULE, f"❯\xa0{typed[0]}", *(f"  {line}" for line in typed[1:]), RULE, "  ? for shortcuts"]
    reading = Reader(shipped_rules(), 0.0, UTC).read(Screen.of(["● Hello.", *box]), "claude")
    assert reading.screen.state == "prompt"


@settings(max_examples=300, suppress_health_check=list(HealthCheck))
@given(_tails())
def test_a_screen_quoted_in_an_answer_of_codex_leaves_it_at_its_prompt(quoted: list[str]) -> None:
    assert _state(["› show me", "", *_indented(quoted, "•"), *CODEX_BOX], "codex") == "prompt"


@settings(max_examples=200, suppress_health_check=list(HealthCheck))
@given(_tails(), st.sampled_from(["claude", "codex", "auto"]))
def test_no_quoted_screen_alone_is_ever_complete_or_limited_as_an_answer(quoted: list[str], agent: str) -> None:
    lines = ["❯ show me", "", *_indented(quoted, "●"), *CLAUDE_BOX]
    assert _state(lines, agent) not in (PaneState.COMPLETE, PaneState.RATE_LIMITED, PaneState.IDLE)
