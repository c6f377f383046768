"""Recall and precision of ``overlaps`` on real histories, and its time for many branches.

Releases of public packages are successive commits; branches replay what changed between two releases, whole or in some
files. Each pair is judged by ``overlaps`` and by a real ``git merge``. Ends with 1 when recall is below 95 % or
precision below 90 %.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any

from tests.places import BUNDLE, GitRepo
from tests.projects import UV

NPM = {
    "express": ("4.17.1", "4.18.0", "4.18.3", "4.19.2", "4.20.0", "4.21.2", "5.0.0", "5.1.0"),
    "commander": ("9.0.0", "9.3.0", "9.5.0", "10.0.0", "11.0.0", "12.0.0", "13.0.0", "14.0.0"),
    "semver": ("7.3.0", "7.3.5", "7.3.8", "7.5.0", "7.5.4", "7.6.0", "7.7.0", "7.7.4"),
}
PYPI = {
    "click": ("8.0.0", "8.0.4", "8.1.0", "8.1.3", "8.1.7", "8.2.0", "8.2.1"),
    "flask": ("2.0.0", "2.1.0", "2.2.0", "2.3.0", "3.0.0", "3.1.0"),
}
BRANCHES = 18
"""Of each package: 153 pairs."""

MANY = 200
LEAST_RECALL, LEAST_PRECISION = 0.95, 0.9


@dataclass
class Figures:
    """Pairs by what git and what ``overlaps`` say of them."""

    pairs: int = 0
    real: set[frozenset[str]] = field(default_factory=set)
    said: set[frozenset[str]] = field(default_factory=set)

    @property
    def recall(self) -> float:
        return len(self.real & self.said) / len(self.real) if self.real else 1.0

    @property
    def precision(self) -> float:
        return len(self.real & self.said) / len(self.said) if self.said else 1.0

    def __str__(self) -> str:
        return (
            f"{self.pairs} pairs, {len(self.real)} conflict, {len(self.said)} said to, "
            f"recall {self.recall:.1%}, precision {self.precision:.1%}"
        )


class Replay:
    """One package's releases as commits of a repository, and branches of agents in it."""

    def __init__(self, root: Path, releases: list[Path]) -> None:
        self.root, self.releases, self.names = root, releases, list[str]()
        self.repo = GitRepo(root / "git").create()
        self.commits = [self._commit(release) for release in releases]
        self.repo.git("push", "-q", "origin", "HEAD:main")

    def branch_out(self, chosen: random.Random, count: int, shares: tuple[float, ...] = (0.1, 0.3, 0.6, 1.0)) -> None:
        """Branches that bring files of a release to a later one, from wherever main was then. ``shares``: how many of
        the files, of 1."""
        for number in range(count):
            start = chosen.randrange(len(self.releases) - 1)
            after = chosen.randrange(start + 1, len(self.releases))
            name = f"replay/{number}"
            self.repo.git("checkout", "-q", "-b", name, self.commits[start])
            self._bring(self.releases[after], chosen, chosen.choice(shares))
            self.repo.commit(f"Some of release {after} on release {start}")
            self.names.append(name)
        self.repo.git("checkout", "-q", "main")
        agents = [
            {"window": f"fleet:{number}", "id": f"id{number}", "worktree": f"w{number}", "branch": name}
            | {"worktree_path": str(self.repo.path), "spawned_at": number, "state": "running"}
            for number, name in enumerate(self.names, 1)
        ]
        (self.root / "state.json").write_text(json.dumps({"agents": agents}))

    def told(self) -> tuple[set[frozenset[str]], float]:
        """The pairs that ``overlaps`` says conflict, and how long it took, in as many calls as it needs; seconds."""
        began = time.monotonic()
        while (found := self._overlaps())["left"]:
            pass
        said = {frozenset(pair["branches"]) for pair in found["pairs"] if pair["conflicts"]}
        return said, time.monotonic() - began

    def real(self) -> set[frozenset[str]]:
        """The pairs at which ``git merge`` stops."""
        place = self.root / "merging"
        self.repo.git("worktree", "add", "-q", "--detach", str(place), "main")
        return {frozenset(pair) for pair in combinations(self.names, 2) if self._stops(place, *pair)}

    def _stops(self, place: Path, one: str, other: str) -> bool:
        self.repo.git("checkout", "-q", "--detach", one, cwd=place)
        merge = subprocess.run(["git", "merge", "-q", "--no-edit", other], cwd=place, check=False, capture_output=True)
        self.repo.git("reset", "-q", "--hard", cwd=place)
        self.repo.git("clean", "-qfdx", cwd=place)
        return merge.returncode != 0

    def _overlaps(self) -> dict[str, Any]:
        words = [sys.executable, "-I", str(BUNDLE / "fleetscripts" / "__main__.py"), "overlaps", "--json"]
        place = {"FLEET_HOME": str(self.root / "fleet"), "ORCHESTRATOR_STATE_FILE": str(self.root / "state.json")}
        done = subprocess.run(words, check=True, capture_output=True, text=True, env=os.environ | place)
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def _commit(self, release: Path) -> str:
        for path in self._files(self.repo.path):
            (self.repo.path / path).unlink()
        shutil.copytree(release, self.repo.path, dirs_exist_ok=True)
        return self.repo.commit(release.name)

    def _bring(self, release: Path, chosen: random.Random, share: float) -> None:
        here, there = self._files(self.repo.path), self._files(release)
        for path in sorted(here | there):
            if chosen.random() >= share:
                continue
            if path not in there:
                (self.repo.path / path).unlink()
                continue
            (self.repo.path / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(release / path, self.repo.path / path)

    def _files(self, folder: Path) -> set[str]:
        found = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
        return {str(path) for path in found if path.parts[0] != ".git"}


def releases_of(cache: Path, name: str, versions: tuple[str, ...], *, npm: bool) -> list[Path]:
    """The releases unpacked, each in a folder of its own; what was fetched before is there."""
    return [_release(cache, name, version, npm=npm) for version in versions]


def _release(cache: Path, name: str, version: str, *, npm: bool) -> Path:
    place = cache / f"{name}-{version}"
    if place.exists():
        return place
    with tempfile.TemporaryDirectory(dir=cache) as fetched:
        opened = Path(fetched) / "opened"
        if npm:
            _run(["npm", "pack", "--silent", f"{name}@{version}"], fetched)
            with tarfile.open(next(Path(fetched).iterdir())) as archive:
                archive.extractall(opened, filter="data")
            opened /= "package"
        else:
            _run([UV, "pip", "install", "-q", "--no-deps", "--target", str(opened), f"{name}=={version}"], fetched)
        opened.rename(place)
    return place


def _run(words: list[str], folder: str) -> None:
    subprocess.run(words, cwd=folder, check=True, stdout=subprocess.DEVNULL)


def main() -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", type=Path, default=Path("~/.cache/fleet-replay"), help="where releases are kept")
    parser.add_argument("--seed", type=int, default=7)
    given = parser.parse_args()
    cache: Path = given.cache.expanduser()
    cache.mkdir(parents=True, exist_ok=True)
    os.environ |= {f"GIT_{who}_{what}": "replay" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    os.environ |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    total, chosen = Figures(), random.Random(given.seed)
    for name, versions in (NPM | PYPI).items():
        releases = releases_of(cache, name, versions, npm=name in NPM)
        with tempfile.TemporaryDirectory(prefix="replay") as root:
            replay = Replay(Path(root), releases)
            replay.branch_out(chosen, BRANCHES)
            said, seconds = replay.told()
            found = Figures(len(list(combinations(replay.names, 2))), replay.real(), said)
        print(f"{name}: {found}, {seconds:.1f} s")
        total.pairs += found.pairs
        total.real |= {pair | {name} for pair in found.real}
        total.said |= {pair | {name} for pair in found.said}
    print(f"all: {total}")
    with tempfile.TemporaryDirectory(prefix="replay") as root:
        replay = Replay(Path(root), releases_of(cache, "semver", NPM["semver"], npm=True))
        replay.branch_out(chosen, MANY, shares=(0.02, 0.05))
        said, first = replay.told()
        _, again = replay.told()
    print(f"{MANY} branches: {first:.1f} s, {len(said)} pairs conflict; again {again:.1f} s")
    return 0 if total.recall >= LEAST_RECALL and total.precision >= LEAST_PRECISION else 1


if __name__ == "__main__":
    sys.exit(main())
