"""A stable copy of the bundle: what runs from it survives a branch switch in the original worktree."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from fleetscripts.adapters.records.files import private_folder
from fleetscripts.adapters.records.locks import hold
from fleetscripts.errors import FleetError
from fleetscripts.services.worktrees.bundle_paths import BUNDLE, ORIGIN

PARTS = ("fleetscripts", "scripts", "skill", "SKILL.md", ".claude-plugin")
KEPT_COPIES = 5
"""Older copies may still be in use: by a loop, or by a command in an agent's briefing."""

COPY_SECONDS = 60.0


def is_copy(bundle: Path = BUNDLE) -> bool:
    """Whether this bundle is such a copy."""
    return (bundle / ORIGIN).is_file()


def stable_copy(fleet_home: Path, bundle: Path = BUNDLE) -> Path:
    """The folder of a copy of this bundle, created unless there is one with the same content.

    ``FLEET_HOME/bundles/DIGEST``; the link ``FLEET_HOME/bundle`` points to the newest."""
    if is_copy(bundle):
        return bundle
    copies = fleet_home / "bundles"
    try:
        with hold(fleet_home / "locks" / "bundle.lock", COPY_SECONDS):
            target = copies / _digest(bundle)
            if not is_copy(target):
                _copy(bundle, target)
            target.touch()
            _point(fleet_home / "bundle", target)
            _remove_old(copies, target)
    except OSError as error:
        raise FleetError(f"cannot keep a copy of the bundle in {copies}: {error.strerror or error}") from error
    return target


def copied_command(fleet_home: Path, arguments: Sequence[str]) -> list[str]:
    """A call of one of our commands from the stable copy."""
    return [sys.executable, "-I", str(stable_copy(fleet_home) / "fleetscripts" / "__main__.py"), *arguments]


def start_detached(
    fleet_home: Path, arguments: Sequence[str], said: BinaryIO, folder: Path | None = None
) -> subprocess.Popen[bytes]:
    """Start such a call as a process that outlives this one. ``said``: for all its output; ``folder``: its working
    folder, None: this process's."""
    return subprocess.Popen(
        copied_command(fleet_home, arguments),
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=said,
        stderr=said,
        start_new_session=True,
    )


def _parts(bundle: Path) -> Iterator[Path]:
    """All parts of a bundle; of an installed package (no SKILL.md beside it) the package alone."""
    names = PARTS if (bundle / "SKILL.md").is_file() else PARTS[:1]
    return (bundle / name for name in names if (bundle / name).exists())


def _files(bundle: Path) -> Iterator[Path]:
    for part in _parts(bundle):
        found = [part] if part.is_file() else sorted(path for path in part.rglob("*") if path.is_file())
        yield from (path for path in found if "__pycache__" not in path.parts)


def _digest(bundle: Path) -> str:
    seen = hashlib.sha256(str(bundle).encode("utf-8", "surrogateescape"))
    for path in _files(bundle):
        seen.update(str(path.relative_to(bundle)).encode("utf-8", "surrogateescape") + b"\0")
        seen.update(hashlib.sha256(path.read_bytes()).digest())
    return seen.hexdigest()[:16]


def _copy(bundle: Path, target: Path) -> None:
    """Created beside its place and renamed into it."""
    private_folder(target.parent)
    unfinished = Path(tempfile.mkdtemp(".tmp", ".copy.", target.parent))
    try:
        for path in _files(bundle):
            place = unfinished / path.relative_to(bundle)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, place)
        (unfinished / ORIGIN).write_text(f"{bundle}\n", encoding="utf-8", errors="surrogateescape")
        shutil.rmtree(target, ignore_errors=True)
        unfinished.rename(target)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _point(link: Path, target: Path) -> None:
    if link.is_symlink() and Path(os.path.realpath(link)) == target:
        return
    if link.is_dir() and not link.is_symlink():
        shutil.rmtree(link)
    fresh = link.with_name(f".{link.name}.{os.getpid()}.tmp")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(target)
    fresh.replace(link)


def _remove_old(copies: Path, current: Path) -> None:
    known = [path for path in copies.iterdir() if is_copy(path) and path != current and not path.name.startswith(".")]
    for path in sorted(known, key=lambda path: path.stat().st_mtime, reverse=True)[KEPT_COPIES - 1 :]:
        shutil.rmtree(path, ignore_errors=True)
