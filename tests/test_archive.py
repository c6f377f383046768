"""What `git archive` writes is what a user installs: it works, and holds neither tests nor recordings."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from tests.places import BUNDLE

MOST_BYTES = 2_500_000
LEFT_OUT = shutil.ignore_patterns(".git", "screens", "__pycache__", ".*_cache", ".hypothesis", ".venv*", "node_modules")


def test_an_archive_is_small_and_its_commands_work(tmp_path: Path) -> None:
    source, archive, place = tmp_path / "source", tmp_path / "bundle.tar.gz", tmp_path / "bundle"
    shutil.copytree(BUNDLE, source, ignore=LEFT_OUT, symlinks=True)
    for words in (("init", "-q"), ("add", "-A"), ("commit", "-qm", "All"), ("archive", "-o", str(archive), "HEAD")):
        subprocess.run(["git", *words], cwd=source, check=True)
    assert archive.stat().st_size < MOST_BYTES
    place.mkdir()
    subprocess.run(["tar", "-xzf", archive, "-C", place], check=True)
    assert (source / "tests").is_dir()
    assert {"fleetscripts", "scripts", "skill", "SKILL.md", ".claude-plugin"} <= {path.name for path in place.iterdir()}
    assert not {"tests", ".ci", ".github"} & {path.name for path in place.iterdir()}
    main = place / "fleetscripts" / "__main__.py"
    done = subprocess.run([sys.executable, "-I", str(main), "find-spare", "--help"], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
