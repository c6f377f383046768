"""A copy of the bundle outlasts its origin, remembers it, and is made once for each content."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fleetscripts.services.worktrees.bundle import KEPT_COPIES, is_copy, stable_copy
from fleetscripts.services.worktrees.bundle_paths import bundle_folders
from tests.places import BUNDLE


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    made = tmp_path / "a bundle"
    for name in ("fleetscripts/core", "scripts", "skill", "fleetscripts/__pycache__", ".git"):
        (made / name).mkdir(parents=True)
    (made / "SKILL.md").write_text("skill")
    (made / "fleetscripts" / "__main__.py").write_text("print('one')")
    (made / "fleetscripts" / "__pycache__" / "x.pyc").write_text("no")
    script = made / "scripts" / "status"
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    return made


def test_a_copy_is_made_once_and_holds_what_belongs_to_the_bundle(bundle: Path, tmp_path: Path) -> None:
    copy = stable_copy(tmp_path / "fleet", bundle)
    assert stable_copy(tmp_path / "fleet", bundle) == copy
    files = {str(path.relative_to(copy)) for path in copy.rglob("*") if path.is_file()}
    assert files == {"SKILL.md", "fleetscripts/__main__.py", "scripts/status", "origin"}
    assert (copy / "scripts" / "status").stat().st_mode & 0o111
    assert (tmp_path / "fleet" / "bundle").resolve() == copy


def test_a_changed_bundle_gets_a_copy_of_its_own_beside_the_one_in_use(bundle: Path, tmp_path: Path) -> None:
    first = stable_copy(tmp_path / "fleet", bundle)
    (bundle / "fleetscripts" / "__main__.py").write_text("print('two')")
    second = stable_copy(tmp_path / "fleet", bundle)
    assert second != first
    assert (first / "fleetscripts" / "__main__.py").read_text() == "print('one')"
    assert (tmp_path / "fleet" / "bundle").resolve() == second


def test_old_copies_go(bundle: Path, tmp_path: Path) -> None:
    for number in range(KEPT_COPIES + 3):
        (bundle / "SKILL.md").write_text(str(number))
        newest = stable_copy(tmp_path / "fleet", bundle)
    left = list((tmp_path / "fleet" / "bundles").iterdir())
    assert len(left) == KEPT_COPIES
    assert newest in left


def test_the_origin_stays_protected_and_a_copy_is_not_copied(bundle: Path, tmp_path: Path) -> None:
    copy = stable_copy(tmp_path / "fleet", bundle)
    assert is_copy(copy)
    assert not is_copy(bundle)
    assert stable_copy(tmp_path / "other", copy) == copy
    assert bundle.resolve() in bundle_folders(tmp_path / "fleet", copy)
    assert bundle.resolve() in bundle_folders(tmp_path / "fleet", tmp_path)


def test_an_installed_package_is_copied_without_its_neighbours(bundle: Path, tmp_path: Path) -> None:
    (bundle / "SKILL.md").unlink()
    copy = stable_copy(tmp_path / "fleet", bundle)
    assert not (copy / "scripts").exists()
    assert (copy / "fleetscripts" / "__main__.py").exists()


def test_the_real_bundle_runs_from_its_copy_after_the_origin_has_gone(tmp_path: Path) -> None:
    origin = tmp_path / "origin"
    origin.mkdir()
    for name in ("fleetscripts", "SKILL.md", "skill"):
        source = BUNDLE / name
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(source, origin / name, ignore=ignore) if source.is_dir() else shutil.copy2(
            source, origin / name
        )
    copy = stable_copy(tmp_path / "fleet", origin)
    shutil.rmtree(origin)
    argv = [sys.executable, "-I", str(copy / "fleetscripts" / "__main__.py"), "run-loop", "--help"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
