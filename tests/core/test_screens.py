"""Every recorded screen of a real client, classified with and without colours, with and without its sidecar."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from fleetscripts.models import PaneState
from tests.scoring import SCREENS, Verdict, danger, judge_all, passed, recordings, report

FOLDERS = sorted({recording.sidecar.parent for recording in recordings()})

# A turn that streams its answer looks, in Codex, like one that has ended; only the pane's title tells.
TOLD_BY_THE_TITLE_ONLY = {"busy-streaming"}


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_recording_of_a_release_is_classified_right(folder: Path) -> None:
    own = [recording for recording in recordings() if recording.sidecar.parent == folder]
    verdicts = judge_all(own, ("alone", "facts", "all"))
    wrong = [
        f"{verdict.recording.name}.{verdict.capture} ({verdict.way}): {verdict.wrongs()}"
        for verdict in verdicts
        if not (verdict.right or verdict.recording.undecidable or _only_unknown(verdict))
    ]
    assert not wrong


def _only_unknown(verdict: Verdict) -> bool:
    case = verdict.recording.sidecar.stem
    return verdict.way == "alone" and case in TOLD_BY_THE_TITLE_ONLY and verdict.found.state is PaneState.UNKNOWN


def test_screens_alone_suffice_for_nearly_all_and_no_error_is_dangerous(capsys: pytest.CaptureFixture[str]) -> None:
    verdicts = list(judge_all(recordings(), ("alone", "facts")))
    with capsys.disabled():
        report(verdicts, "Screens alone", say=lambda line: print(f"\n{line}", end="") if "right (" in line else None)
    assert passed(verdicts, 0.99)


def test_every_state_that_a_screen_can_show_has_recordings() -> None:
    count = Counter(recording.state for recording in recordings())
    missing = set(PaneState) - set(count) - {PaneState.MISSING, PaneState.UNKNOWN}
    assert not missing


def test_there_are_recordings() -> None:
    assert len(recordings(SCREENS)) > 100


@pytest.mark.parametrize(
    ("truth", "answer", "dangerous"),
    [
        ("waiting_approval", "prompt", True),
        ("running", "prompt", True),
        ("idle", "prompt", True),
        ("waiting_approval", "running", True),
        ("prompt", "complete", True),
        ("running", "idle", True),
        ("prompt", "rate_limited", True),
        ("rate_limited", "prompt", False),
        ("complete", "prompt", False),
        ("idle", "running", False),
        ("prompt", "unknown", False),
    ],
)
def test_an_error_is_dangerous_when_acting_on_it_does_harm(truth: str, answer: str, dangerous: bool) -> None:
    assert bool(danger(PaneState(truth), PaneState(answer))) is dangerous
