"""Copies our own program to another machine: a folder per content, written atomically and never changed again."""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path

from fleetscripts.adapters.ssh.ssh import Ssh
from fleetscripts.core.hosts.remote_shell import in_sh, word
from fleetscripts.core.records.sanitize import sanitize
from fleetscripts.errors import FleetError, UsageProblem
from fleetscripts.services.links.package_copy import packages_for
from fleetscripts.services.worktrees.bundle_paths import BUNDLE

PARTS = (
    "fleetscripts", "scripts", "bin", "skill", "hooks", "agents", "requirements", "SKILL.md", "pyproject.toml",
    "LICENSE", ".claude-plugin",
)  # fmt: skip
LOCK = "requirements/runtime.txt"
COPY_SECONDS = 300.0
SET_UP_SECONDS = 600.0
KEPT = 2

UNPACK = (
    'umask 077; d="$HOME/.local/share/fleetscripts/bundles"; mkdir -p "$d" && cd "$d" || exit 9; '
    "if [ -d DIGEST ]; then touch DIGEST; cat >/dev/null; exit; fi; t=$(mktemp -d .new.XXXXXX) || exit; "
    "tar -xf - -C $t && { [ -d DIGEST ] || mv $t DIGEST; }; code=$?; rm -rf $t; exit $code"
)
READY = (
    'environment_ready env "$bundle/LOCK" && echo "python=$python" || '
    '{ builder=$(find_python) && "$builder" -I "$bundle/fleetscripts/python_platform.py"; }'
)
COPY_PACKAGES = (
    'umask 077; t=$(mktemp -d "${bundle%/*}/.new.XXXXXX") || exit; '
    'tar -xzf - -C "$t" && prepare_environment env "$bundle/LOCK" "$t" && echo "python=$python"; '
    'code=$?; rm -rf "$t"; exit $code'
)
PREPARE = 'prepare_environment env "$bundle/LOCK" && echo "python=$python"'
SWEEP = (
    'cd "$HOME/.local/share/fleetscripts/bundles" || exit; for old in $(ls -t | tail -n +KEPT); do '
    "ps -A -o args= | grep -v grep | grep -q -F bundles/$old/ || rm -rf $old; done; "
    "find . -maxdepth 1 -name .new.* -mmin +60 -exec rm -rf {} +"
)
"""Removes older ones that no process runs from."""


def copy_bundle(ssh: Ssh, home: str) -> str:
    """Copy this bundle there if needed; returns its folder."""
    content = archive(BUNDLE)
    digest = hashlib.sha256(content).hexdigest()[:16]
    done = ssh.run(in_sh(UNPACK.replace("DIGEST", digest)), content, COPY_SECONDS)
    if done.returncode:
        raise FleetError(f"{ssh.address}: the bundle could not be unpacked there ({_last(done.stderr)})")
    return f"{home}/.local/share/fleetscripts/bundles/{digest}"


def prepare(ssh: Ssh, bundle: str, path: str) -> str:
    """The Python there with our packages. If needed it is set up now: from the packages here if they fit, so that no
    index is asked, else from the machine's own index."""
    around = f'PATH={word(path)}; bundle={word(bundle)}; . "$bundle/fleetscripts/environment.sh"; '
    found, why = _answers(ssh, around + READY)
    if "interpreter" in found:
        try:
            packages = packages_for(BUNDLE / LOCK, found["interpreter"], sanitize(found.get("system", "")))
            found, why = _answers(ssh, around + COPY_PACKAGES, packages)
        except FleetError as error:
            why = str(error)
    if "python" not in found:
        found, failed = _answers(ssh, around + PREPARE)
        why = f"{failed}; those of here do not fit: {why}"
    if "python" not in found:
        raise FleetError(f"{ssh.address}: its Python packages could not be prepared ({why})")
    word(found["python"])
    return found["python"]


def _answers(ssh: Ssh, program: str, stdin: bytes = b"") -> tuple[dict[str, str], str]:
    """The rows ``name=value`` that a program prints there, none if it fails; and its last words."""
    done = ssh.run(in_sh(program.replace("LOCK", LOCK)), stdin, SET_UP_SECONDS)
    rows = done.stdout.decode("utf-8", "replace").splitlines() if done.returncode == 0 else []
    return dict(row.partition("=")[::2] for row in rows), _last(done.stderr)


def remove_old(ssh: Ssh) -> None:
    """Remove unused copies."""
    ssh.run(in_sh(SWEEP.replace("KEPT", str(KEPT + 1))), seconds=COPY_SECONDS)


def archive(bundle: Path) -> bytes:
    """The bundle's files for users, the same bytes for the same content."""
    if not (bundle / LOCK).is_file():
        raise UsageProblem(f"expected a clone with {LOCK}, found an installed package: call scripts/hosts of a clone")
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for path in _files(bundle):
            entry = tarfile.TarInfo(str(path.relative_to(bundle)))
            entry.size, entry.mode = path.stat().st_size, 0o755 if os.access(path, os.X_OK) else 0o644
            with path.open("rb") as file:
                tar.addfile(entry, file)
    return packed.getvalue()


def _files(bundle: Path) -> Iterator[Path]:
    for part in PARTS:
        place = bundle / part
        found = [place] if place.is_file() else sorted(place.rglob("*")) if place.is_dir() else []
        yield from (path for path in found if path.is_file() and "__pycache__" not in path.parts)


def _last(said: bytes) -> str:
    rows = sanitize(said.decode("utf-8", "replace").strip().rpartition("\n")[2])
    return rows[:300] or "it said nothing"
