"""What ``classify-pane --screen`` says of recorded screens, against what they are."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.recorder.namespace import ROOT


@dataclass(frozen=True)
class Difference:
    """One case that is classified as something else. ``field``: state, dialog or error."""

    case: Path
    field: str
    true: str
    said: str


def cases_below(folder: Path) -> list[Path]:
    """The sidecars of all cases in a folder, in order."""
    return sorted(path for path in folder.rglob("*.json") if path.with_suffix(".ansi").exists())


def differences(cases: Sequence[Path]) -> Iterator[Difference]:
    """Classify the cases by their screens alone and tell where the answer is not the truth."""
    if not cases:
        return
    screens = [str(case.with_suffix(".ansi")) for case in cases]
    command = [str(ROOT / "scripts" / "classify-pane"), "--screen", *screens]
    environment = {**os.environ, "FLEET_PYTHON": os.environ.get("FLEET_PYTHON", sys.executable)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    if len(answers) != len(cases):
        raise SystemExit(
            f"record: classify-pane answered {len(answers)} of {len(cases)} cases: {done.stderr.strip()[-500:]}"
        )
    for case, answer in zip(cases, answers, strict=True):
        label = json.loads(case.read_text(encoding="utf-8"))
        fields = ["state", *(field for field in ("dialog", "error") if field in label)]
        for field in fields:
            if label[field] != answer.get(field):
                yield Difference(case, field, str(label[field]), str(answer.get(field)))
                break


def report(folder: Path) -> int:
    """Print the differences; 0 when there is none, 3 when there are any, 1 when there is nothing to check."""
    cases = cases_below(folder)
    if not cases:
        print(f"record: no cases below {folder}", file=sys.stderr)
        return 1
    found = list(differences(cases))
    for each in found:
        name = each.case.relative_to(folder).with_suffix("")
        print(f"{name}: {each.field} is {each.true}, classified as {each.said}")
    print(f"{len(cases)} cases, {len(found)} classified differently")
    return 3 if found else 0
