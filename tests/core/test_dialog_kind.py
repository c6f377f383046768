"""A name, a rule and a row are a kind of dialog, as CONTRIBUTING says: told apart on a screen, and left to a person."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fleetscripts.core.dialogs.dialog_policy import DECISIONS, RECOVERIES
from fleetscripts.models import ANSWERED_ALONE, DialogKind
from tests.places import BUNDLE

CHANGES = {
    "models.py": ('    TRUST = "trust"\n', '    TELEMETRY = "telemetry"\n'),
    "core/dialogs/dialog_policy.py": (
        "DECISIONS: Mapping[DialogKind, str] = {\n",
        '    DialogKind.TELEMETRY: "what is shared is a person\'s choice",\n',
    ),
}
RULE = """
[[rule]]
name = "telemetry"
region = "dialog"
all = 'Share how you use it\\?'
state = "waiting_approval"
dialog = "telemetry"
seen = "9.9"
"""
SCREEN = f"""{"─" * 80}
 Share how you use it?

 ❯ 1. Share
   2. Share nothing

 Enter to confirm · Esc to cancel
"""
POLICY = """
import sys
sys.path.insert(0, sys.argv[1])
from fleetscripts.core.dialogs.dialog_policy import DialogContext, rule
from fleetscripts.models import DialogKind
print(rule(DialogKind("telemetry"), None, DialogContext()).reason)
"""


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """The package as it is after somebody added the kind."""
    package = tmp_path / "bundle" / "fleetscripts"
    shutil.copytree(BUNDLE / "fleetscripts", package, ignore=shutil.ignore_patterns("__pycache__"))
    for name, (place, line) in CHANGES.items():
        text = (package / name).read_text(encoding="utf-8")
        assert text.count(place) == 1
        (package / name).write_text(text.replace(place, place + line), encoding="utf-8")
    rules = package / "rules" / "claude.toml"
    rules.write_text(f"{RULE}\n{rules.read_text(encoding='utf-8')}", encoding="utf-8")
    return package


def run(*words: str | Path) -> str:
    argv = [sys.executable, "-I", *map(str, words)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_it_is_told_apart_and_left_to_a_person(package: Path, tmp_path: Path) -> None:
    capture = tmp_path / "screen.txt"
    capture.write_text(SCREEN, encoding="utf-8")
    found = json.loads(run(package / "__main__.py", "classify-pane", "--screen", capture, "--agent", "claude"))
    assert (found["state"], found["dialog"]) == ("waiting_approval", "telemetry")
    assert run("-c", POLICY, package.parent) == "what is shared is a person's choice\n"


def test_every_kind_is_answered_or_has_the_reason_why_not() -> None:
    assert set(RECOVERIES) == ANSWERED_ALONE
    assert set(DECISIONS) | ANSWERED_ALONE | {DialogKind.OTHER} == set(DialogKind)
    assert not set(DECISIONS) & ANSWERED_ALONE


@pytest.mark.parametrize("waiting_for", ["sandbox request", "worker request", "dialog open", "permission prompt"])
def test_a_saved_screen_says_what_a_live_registry_says(tmp_path: Path, waiting_for: str) -> None:
    capture = tmp_path / "screen.txt"
    capture.write_text("nothing that a rule knows\n", encoding="utf-8")
    entry = {"status": "waiting", "waitingFor": waiting_for}
    capture.with_suffix(".json").write_text(json.dumps({"agent": "claude", "registry": [entry]}), encoding="utf-8")
    main = BUNDLE / "fleetscripts" / "__main__.py"
    found = json.loads(run(main, "classify-pane", "--screen", capture, "--all-evidence"))
    wanted = "menu" if waiting_for == "dialog open" else "permission"
    assert (found["state"], found["dialog"]) == ("waiting_approval", wanted)
