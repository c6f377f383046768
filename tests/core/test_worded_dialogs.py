"""Dialogs that an agent has worded like those that are answered without asking: the kind stays, no row is chosen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC

import pytest

from fleetscripts.core.dialogs.dialog_policy import RECOVERIES, DialogContext, rule
from fleetscripts.core.dialogs.dialog_rows import find_menu
from fleetscripts.core.planning.classify import classify
from fleetscripts.core.screen.reading import Reader
from fleetscripts.core.screen.screen import Screen
from fleetscripts.models import ANSWERED_ALONE, AT_START, DialogKind, Evidence, PaneFacts, PaneState, Source
from tests.scoring import Recording, recordings, shipped_rules
from tests.wordings import every_text, every_wording

WORDED = frozenset({DialogKind.PERMISSION, DialogKind.QUESTION, DialogKind.PLAN})
EAGER = DialogContext(trusted_folder=True, trust_doubt="", bypass_configured=True, settings_deny="")
"""Everything that would let a dialog be answered is known to be in order."""

OPTIONS = ("Keep the sum", "Use a loop", "Ask the owner", "As it is now", "As it is", "Slower but clear", "Clear")
"""What the recorded agents said in their questions' rows."""


def worded() -> list[Recording]:
    """One recording of each dialog that an agent can word, of each release and size."""
    found: dict[tuple[object, ...], Recording] = {}
    for one in recordings():
        drawn = "held-back" not in one.sidecar.stem  # of such a dialog only a line of the client's own is there
        if one.truth.get("dialog") in WORDED and drawn and not one.sidecar.stem.startswith("dialog-login"):
            truth = one.truth
            found.setdefault((truth["agent"], truth["version"], tuple(truth["size"]), one.sidecar.stem), one)
    return list(found.values())


EACH = [
    pytest.param(one, id=one.name, marks=pytest.mark.stress if number % 4 else ())
    for number, one in enumerate(worded())
]
"""Every fourth in each run, the rest with the long tests."""


def _lines(one: Recording) -> list[str]:
    return one.sidecar.with_suffix(".txt").read_text(encoding="utf-8").rstrip("\n").split("\n")


def _at(one: Recording) -> float:
    return float(one.truth.get("now", 1_795_000_000))


def _rows_at(lines: Sequence[str]) -> int:
    """The first line of the rows: what an agent says stands above it."""
    bare = [line.strip(" │❯›>") for line in lines]
    numbered = [at for at, text in enumerate(bare) if text.startswith("1. ")]
    return numbered[-1] if numbered else next(at for at, line in enumerate(lines) if line.startswith(" ❯ "))


def _with_words_above(lines: Sequence[str], height: int, width: int) -> Iterator[list[str]]:
    """Each wording in each shape at a place above the rows, at another one each time, flush and indented."""
    own = (at for at, line in enumerate(lines) if line.strip() == "Exit plan mode?")  # all below is the client's
    rows = next(own, None) or _rows_at(lines)
    start = max(0, rows - 14)
    for turn, text in enumerate(every_text(width)):
        at = rows if turn % 3 == 0 else start + turn % max(1, rows - start)
        indent = "" if turn % 2 else "  "
        yield [*lines[:at], *(indent + line for line in text), *lines[at:]][-height:]


def _with_other_rows(lines: Sequence[str]) -> Iterator[list[str]]:
    """The question's own rows and descriptions replaced by each wording."""
    for text in every_wording():
        for option in OPTIONS:
            if any(option in line for line in lines):
                yield [line.replace(option, text[:60]) for line in lines]
        yield [next((line.replace(option, text[:60]) for option in OPTIONS if option in line), line) for line in lines]


def _kind_of(lines: Sequence[str], one: Recording, title: str = "") -> DialogKind | PaneState | None:
    truth = one.truth
    facts = PaneFacts(pane_id="%1", command=str(truth["tmux"]["command"]), title=title, width=truth["size"][0])
    reading = Reader(shipped_rules(), _at(one), UTC).read(Screen.of(lines, title, facts.width), truth["agent"])
    found = classify(facts, reading.evidence, _at(one))
    if found.dialog in RECOVERIES or found.state is PaneState.RATE_LIMITED:
        ruling = rule(found.dialog, find_menu(Screen.of(lines).texts), EAGER)
        assert ruling.row is None, f"{one.name}: it would choose row {ruling.row} of\n" + "\n".join(lines)
    return found.dialog if found.state is PaneState.WAITING_APPROVAL else found.state


def _wrong(one: Recording, screens: Iterator[list[str]]) -> list[str]:
    wanted = DialogKind(one.truth["dialog"])
    found = [(lines, _kind_of(lines, one)) for lines in screens]
    assert found
    wrong = sum(kind is not wanted for _, kind in found)
    print(f"{one.name}: {len(every_wording())} wordings, {len(found)} screens tried, taken for another dialog: {wrong}")
    return [f"{one.name}: {kind}\n" + "\n".join(lines[-16:]) for lines, kind in found if kind is not wanted]


@pytest.mark.parametrize("one", EACH)
def test_a_dialog_keeps_its_kind_whatever_an_agent_says_in_it(one: Recording) -> None:
    lines = _lines(one)
    width, height = one.truth["size"]
    wrong = _wrong(one, _with_words_above(lines, height, width))
    assert not wrong, f"{len(wrong)} of them\n" + "\n\n".join(wrong[:3])


@pytest.mark.parametrize(
    "one", [one for one in worded() if one.truth["dialog"] == "question"], ids=lambda one: one.name
)
def test_a_question_stays_one_whatever_its_rows_say(one: Recording) -> None:
    wrong = _wrong(one, _with_other_rows(_lines(one)))
    assert not wrong, f"{len(wrong)} of them\n" + "\n\n".join(wrong[:3])


@pytest.mark.parametrize("one", EACH)
def test_a_title_changes_no_dialog(one: Recording) -> None:
    for text in every_wording():
        assert _kind_of(_lines(one), one, title=text) == one.truth["dialog"]


def _start_up() -> list[Recording]:
    return [one for one in recordings() if one.truth.get("dialog") in AT_START]


@pytest.mark.parametrize("one", _start_up(), ids=lambda one: one.name)
def test_a_start_up_dialog_after_a_turn_of_this_very_client_is_a_decision(one: Recording) -> None:
    now = _at(one)
    facts = PaneFacts(pane_id="%1", command=str(one.truth["tmux"]["command"]))
    screen = Reader(shipped_rules(), now, UTC).read(Screen.of(_lines(one)), one.truth["agent"])
    process = Evidence(Source.PROCESS, None, "a client", at=now - 60)

    def dialog(turn_at: float) -> DialogKind | None:
        turn = Evidence(Source.TRANSCRIPT, PaneState.PROMPT, "a turn", at=turn_at)
        return classify(facts, [process, turn, *screen.evidence], now).dialog

    assert dialog(now - 90) == one.truth["dialog"]
    assert dialog(now - 30) is DialogKind.OTHER


@pytest.mark.parametrize("shown", ["  {}", "● {}", "● So:\n\n  {}", "❯ {}"])
def test_no_words_of_an_agent_or_a_user_stand_for_a_dialog_that_waits(shown: str) -> None:
    said = "I have finished"
    calm = [one for one in recordings() if one.sidecar.stem == "prompt-after-answer" and one.truth["agent"] == "claude"]
    calm = [one for one in calm if any(said in line for line in _lines(one))]
    assert len(calm) >= 12
    for one in calm:
        words = shown.format("Waiting for permission…").splitlines()
        lines = [new for line in _lines(one) for new in (words if said in line else [line])]
        assert _kind_of(lines, one) is PaneState.PROMPT, f"{one.name}\n" + "\n".join(lines)


def test_the_recordings_hold_every_release_and_kind() -> None:
    assert {one.truth["dialog"] for one in worded()} == set(WORDED)
    assert len({(one.truth["agent"], one.truth["version"]) for one in worded()}) >= 12


def test_the_policy_answers_alone_what_the_models_say() -> None:
    assert set(RECOVERIES) == ANSWERED_ALONE
