"""Recorded screens, their true states, and how right the classification of each is."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC
from functools import cache
from pathlib import Path
from typing import Any

from fleetscripts.core.screen.rules import RuleSet
from fleetscripts.errors import EXIT_DONE, EXIT_NO
from fleetscripts.models import Classification, PaneState
from fleetscripts.services.observe.rule_files import load_rules
from fleetscripts.services.observe.saved_screens import ScreenHints, classify_saved, read_saved

SCREENS = Path(__file__).parent / "screens"
ENOUGH = 0.99
"""The share of screens alone that must be right; with all evidence all must be."""

RESET_SLACK_SECONDS = 60

UNDECIDABLE = {
    "codex/prompt-resumed-wall": "a resumed limit looks like a new one; only the transcript's times tell",
    "claude/dialog-question-held-back": "the line that stands for a dialog says the same of each",
    "claude/limit-with-draft": "a draft typed at a limit looks like a prompt put back by an interrupt after it",
}
"""Pairs of cases whose screens are the same but for their truth: counted apart, never as right."""


@dataclass(frozen=True)
class Recording:
    """One case: its sidecar, and the captures beside it."""

    sidecar: Path
    truth: dict[str, Any]

    @property
    def name(self) -> str:
        return f"{self.sidecar.parent.parent.name}/{self.sidecar.parent.name}/{self.sidecar.stem}"

    @property
    def group(self) -> str:
        return f"{self.truth['agent']} {self.truth['version']}"

    @property
    def undecidable(self) -> str:
        return UNDECIDABLE.get(f"{self.truth['agent']}/{self.sidecar.stem}", "")

    @property
    def state(self) -> PaneState:
        return PaneState(self.truth["state"])

    def captures(self) -> list[Path]:
        return [path for path in (self.sidecar.with_suffix(".txt"), self.sidecar.with_suffix(".ansi")) if path.exists()]


@dataclass(frozen=True)
class Verdict:
    """How one capture of one recording was classified, in one way of looking."""

    recording: Recording
    capture: str
    way: str
    found: Classification
    rule: str | None

    @property
    def right(self) -> bool:
        return not self.wrongs()

    def wrongs(self) -> list[str]:
        """What differs from the truth; what the label does not mention is not asked."""
        truth, found = self.recording.truth, self.found
        wrong = [] if found.state is self.recording.state else [f"state {found.state}, not {truth['state']}"]
        for field, value in (("dialog", found.dialog), ("error", found.error)):
            if not wrong and truth.get(field) and truth[field] != value:
                wrong.append(f"{field} {value}, not {truth[field]}")
        if truth.get("draft") and not found.draft:
            wrong.append("no draft")
        if truth.get("background") and not found.background:
            wrong.append("nothing in the background")
        reset = truth.get("resets_at")
        if reset and found.resets_at and abs(found.resets_at - reset) > RESET_SLACK_SECONDS:
            wrong.append(f"resets_at off by {found.resets_at - reset:.0f} s")
        return wrong

    @property
    def danger(self) -> str:
        """What this error would lead to, or an empty text when it is none or harmless."""
        return danger(self.recording.state, self.found.state)


def danger(truth: PaneState, answer: PaneState) -> str:
    """Why taking one state for another does harm; empty when it does none."""
    if truth is answer:
        return ""
    at_work = (PaneState.WAITING_APPROVAL, PaneState.RUNNING, PaneState.IDLE, PaneState.STARTING)
    if answer is PaneState.PROMPT and truth in at_work:
        return f"{truth} taken for prompt: text would be typed into it"
    if answer is PaneState.RUNNING and truth is PaneState.WAITING_APPROVAL:
        return "a dialog taken for running: it would wait for ever"
    if answer is PaneState.COMPLETE:
        return f"{truth} taken for complete"
    if answer is PaneState.IDLE:
        return "a live client taken for idle: a second one would be started"
    if answer is PaneState.RATE_LIMITED:
        return f"{truth} taken for rate_limited: a working client would be ended"
    return ""


@cache
def recordings(root: Path = SCREENS) -> tuple[Recording, ...]:
    """Every recording below a folder, in order."""
    found = sorted(root.rglob("*.json"))
    return tuple(Recording(path, json.loads(path.read_text(encoding="utf-8"))) for path in found)


@cache
def shipped_rules() -> dict[str, RuleSet]:
    return load_rules(None)


def judge(recording: Recording, capture: Path, way: str) -> Verdict:
    """Classify one capture. Ways: ``alone`` (no sidecar), ``facts`` (tmux facts), ``all`` (the registry too)."""
    told = ScreenHints(all_evidence=way == "all")
    if way == "alone":
        with tempfile.TemporaryDirectory() as folder:
            lone = Path(folder) / capture.name
            lone.write_bytes(capture.read_bytes())
            if taken_at := recording.truth.get("now"):
                os.utime(lone, (taken_at, taken_at))  # of a capture alone, its file says when it was taken
            return _verdict(recording, lone, way, told)
    return _verdict(recording, capture, way, told)


def _verdict(recording: Recording, capture: Path, way: str, told: ScreenHints) -> Verdict:
    found, reading = classify_saved(read_saved(capture, told), shipped_rules(), UTC)
    return Verdict(recording, capture.suffix[1:], way, found, reading.screen.rule)


def judge_all(chosen: Iterable[Recording], ways: Sequence[str]) -> Iterator[Verdict]:
    for recording in chosen:
        for capture in recording.captures():
            blank = not capture.read_text(encoding="utf-8").strip()
            for way in ways:
                if blank and way == "alone":
                    continue  # an empty screen of which nothing is known says nothing
                yield judge(recording, capture, way)


def report(verdicts: Sequence[Verdict], heading: str, say: Callable[[str], object] = print) -> None:
    """Print the matrix of what was taken for what, by agent and version, and what was wrong."""
    apart = [verdict for verdict in verdicts if verdict.recording.undecidable and not verdict.right]
    verdicts = [verdict for verdict in verdicts if verdict not in apart]
    right = sum(verdict.right for verdict in verdicts)
    say(f"{heading}: {right} of {len(verdicts)} right ({right / max(1, len(verdicts)):.2%})")
    for group in sorted({verdict.recording.group for verdict in verdicts}):
        own = [verdict for verdict in verdicts if verdict.recording.group == group]
        say(f"  {group}: {sum(verdict.right for verdict in own)} of {len(own)}")
        for (truth, answer), count in sorted(Counter((v.recording.state, v.found.state) for v in own).items()):
            say(f"    {truth:<17} {'as' if truth == answer else 'TAKEN FOR'} {answer:<17} {count:>5}")
    for verdict in verdicts:
        if not verdict.right:
            wrong = ", ".join(verdict.wrongs())
            say(f"  wrong: {verdict.recording.name}.{verdict.capture} ({verdict.way}): {wrong} [rule {verdict.rule}]")
    for verdict in apart:
        taken = f"{verdict.recording.state} taken for {verdict.found.state}"
        say(f"  undecidable: {verdict.recording.name}.{verdict.capture}: {taken}: {verdict.recording.undecidable}")
    dangerous = [verdict for verdict in verdicts if verdict.danger]
    say(f"  dangerous errors: {len(dangerous)}")
    for verdict in dangerous:
        say(f"  DANGEROUS: {verdict.recording.name}.{verdict.capture} ({verdict.way}): {verdict.danger}")


def passed(verdicts: Sequence[Verdict], share: float) -> bool:
    """Whether nothing is dangerous and enough is right; nothing looked at is no pass."""
    verdicts = [verdict for verdict in verdicts if verdict.right or not verdict.recording.undecidable]
    right = sum(verdict.right for verdict in verdicts)
    return bool(verdicts) and right >= share * len(verdicts) and not any(verdict.danger for verdict in verdicts)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="tests/score",
        description="Classifies every recorded screen and prints what was taken for what, and the dangerous errors.",
        epilog="Exit codes: 0 good enough, 3 not good enough, 2 usage.",
    )
    parser.add_argument("folder", nargs="?", type=Path, default=SCREENS, help="where the recordings lie")
    options = parser.parse_args(argv)
    chosen = recordings(options.folder.resolve())
    alone = list(judge_all(chosen, ("alone", "facts")))
    everything = list(judge_all(chosen, ("all",)))
    print(f"{len(chosen)} recordings, each with and without colours")
    report(alone, "Screens alone, with and without the sidecar's tmux facts")
    report(everything, "With all evidence")
    return EXIT_DONE if passed(alone, ENOUGH) and passed(everything, 1.0) else EXIT_NO


if __name__ == "__main__":
    sys.exit(main())
