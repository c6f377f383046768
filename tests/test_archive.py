"""What a user installs works, and holds neither tests nor recordings: README's sparse clone, and `git archive`."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.places import BUNDLE

MOST_BYTES = 2_500_000
MOST_CLONED_BYTES = 6_000_000
LEFT_OUT = shutil.ignore_patterns(".git", "screens", "__pycache__", ".*_cache", ".hypothesis", ".venv*", "node_modules")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A repository of all that is here, one large file in place of the recordings; a clone may leave blobs out."""
    place = tmp_path / "source"
    shutil.copytree(BUNDLE, place, ignore=LEFT_OUT, symlinks=True)
    recording = place / "tests" / "screens" / "large.ansi"
    recording.parent.mkdir()
    recording.write_bytes(os.urandom(8_000_000))
    allowed = ("config", "uploadpack.allowFilter", "true")
    for words in (("init", "-q"), allowed, ("add", "-A"), ("commit", "-qm", "All")):
        subprocess.run(["git", *words], cwd=place, check=True)
    return place


def works(place: Path) -> None:
    """The bundle has its parts without the tests, and its commands run."""
    assert {"fleetscripts", "scripts", "skill", "SKILL.md", ".claude-plugin"} <= {path.name for path in place.iterdir()}
    assert not (place / "tests").exists()
    main = place / "fleetscripts" / "__main__.py"
    done = subprocess.run([sys.executable, "-I", str(main), "find-spare", "--help"], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


def test_what_readme_clones_is_small_and_its_commands_work(source: Path, home: Path) -> None:
    readme = (BUNDLE / "README.md").read_text(encoding="utf-8")
    clone, leave_out = re.findall(r"^\$ (git (?:clone|-C \S+ sparse-checkout) .*)$", readme, re.MULTILINE)
    url = re.search(r"https://\S+", clone)
    assert url is not None
    for line in (clone.replace(url[0], f"file://{source}"), leave_out):
        subprocess.run(["sh", "-c", line], check=True, capture_output=True, env={**os.environ, "HOME": str(home)})
    place = home / "src" / "fleetscripts"
    works(place)
    assert sum(path.stat().st_size for path in place.rglob("*") if path.is_file()) < MOST_CLONED_BYTES
    subprocess.run(["git", "pull", "-q"], cwd=place, check=True)


def test_an_archive_is_small_and_its_commands_work(source: Path, tmp_path: Path) -> None:
    archive, place = tmp_path / "bundle.tar.gz", tmp_path / "bundle"
    subprocess.run(["git", "archive", "-o", str(archive), "HEAD"], cwd=source, check=True)
    assert archive.stat().st_size < MOST_BYTES
    place.mkdir()
    subprocess.run(["tar", "-xzf", archive, "-C", place], check=True)
    assert not {"tests", ".ci", ".github"} & {path.name for path in place.iterdir()}
    works(place)
