"""Trial merges without a worktree, in a repository of our own that borrows another one's objects.

The other repository is not written to, and neither its settings nor an agent's attributes can name a program to run,
such as a merge driver."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from fleetscripts.adapters.git import neutral
from fleetscripts.adapters.git.git import GitFailed
from fleetscripts.adapters.records.files import private_folder, replace_file
from fleetscripts.adapters.system.regular_file import read_regular
from fleetscripts.dataclass import dataclass
from fleetscripts.errors import FleetError
from fleetscripts.pattern import pattern

COMMIT = pattern(r"[0-9a-f]{40,64}")
BATCH_SECONDS = 60.0
OFFERED = "refs/heads/offered"

_WHO = {
    f"GIT_{role}_{what}": said
    for role in ("AUTHOR", "COMMITTER")
    for what, said in (("NAME", "fleetscripts"), ("EMAIL", "fleetscripts@localhost"))
}

LARGEST_BLOB = 1_000_000
LARGEST_SHALLOW_BYTES = 64 << 20
"""Largest file, in bytes, searched for the lines of its conflicts."""


@dataclass(frozen=True, slots=True)
class MergeResult:
    """One merge's result: its tree, with conflict markers, and the conflicting paths."""

    tree: str
    conflicts: tuple[str, ...] = ()
    problem: str = ""


@dataclass(frozen=True, slots=True)
class TrialRepository:
    """A bare repository in our own folder with the objects of the one with this common folder."""

    folder: Path
    common: Path

    def prepare(self) -> None:
        """Create it if needed, and link the objects."""
        try:
            private_folder(self.folder.parent)
            if not (self.folder / "HEAD").exists():
                form = self._git("rev-parse", "--show-object-format", at=self.common).decode().strip()
                words = ("--quiet", "--bare", f"--object-format={form}", str(self.folder))
                self._git("init", *words, at=self.folder.parent)
            (self.folder / "info").mkdir(exist_ok=True)
            replace_file(self.folder / "objects" / "info" / "alternates", os.fsencode(self.common / "objects") + b"\n")
            if (self.common / "shallow").exists():
                replace_file(self.folder / "shallow", read_regular(self.common / "shallow", LARGEST_SHALLOW_BYTES))
        except OSError as error:
            raise FleetError(f"cannot prepare {self.folder}: {error.strerror}") from error

    def fork(self, one: str, other: str) -> str:
        """The merge base of the two; empty if they have none."""
        done = self._done("merge-base", one, other)
        return done.stdout.decode().split("\n")[0] if done.returncode == 0 else ""

    def changes(self, before: str, after: str) -> list[tuple[str, str]]:
        """Status letters (A, D, M, T) and paths; renames are not detected."""
        words = self._git("diff-tree", "-r", "-z", "--no-renames", "--name-status", before, after).split(b"\0")
        return [(kind.decode(), os.fsdecode(path)) for kind, path in zip(words[::2], words[1::2], strict=False)]

    def merges(self, pairs: Sequence[tuple[str, str]]) -> list[MergeResult]:
        """Each pair merged; a pair that git cannot merge at all does not affect the others."""
        given = "".join(f"{one} {other}\n" for one, other in pairs).encode()
        words = ("merge-tree", "--write-tree", "--stdin", "--name-only", "--no-messages")
        done = self._done(*words, given=given)
        found = list(_merged(done.stdout))
        if done.returncode == 0 and len(found) == len(pairs):
            return found
        reason = (done.stderr.decode("utf-8", "replace").strip().splitlines() or ["git merge-tree said nothing"])[0]
        rest = pairs[len(found) + 1 :]
        return [*found[: len(pairs)], *([MergeResult("", problem=reason)] if len(found) < len(pairs) else [])] + (
            self.merges(rest) if rest else []
        )

    def merge(self, one: str, other: str) -> MergeResult:
        return self.merges([(one, other)])[0]

    def lines(self, before: str, after: str) -> int:
        """Lines added and removed by a change; one for a binary file."""
        listed = self._git("diff-tree", "-r", "--no-renames", "--numstat", before, after).splitlines()
        counts = (row.split(b"\t")[:2] for row in listed)
        return sum(1 if b"-" in row else sum(map(int, row)) for row in counts)

    def commit(self, tree: str, parents: Sequence[str], message: str) -> str:
        """A commit with that tree."""
        given = [word for parent in parents for word in ("-p", parent)]
        return self._git("commit-tree", tree, *given, given=message.encode()).decode().strip()

    def offer(self, commit: str) -> str:
        """A ref from which another repository can fetch the commit now."""
        self._git("update-ref", OFFERED, commit)
        return OFFERED

    def contents(self, names: Sequence[str]) -> list[str]:
        """Text of blobs by ``TREE:PATH``; empty for what is no blob, too large, or binary."""
        wanted = [name for name in names if "\n" not in name]
        said = self._git("cat-file", "--batch", given=b"".join(os.fsencode(name) + b"\n" for name in wanted))
        texts, at = {}, 0
        for name in wanted:
            end = said.index(b"\n", at)
            head = said[at:end].split(b" ")
            at = end + 1
            if head[-1] == b"missing" or not head[-1].isdigit():
                continue
            size = int(head[-1])
            body = said[at : at + size]
            at += size + 1
            if head[-2] == b"blob" and size <= LARGEST_BLOB and b"\0" not in body:
                texts[name] = body.decode("utf-8", "replace")
        return [texts.get(name, "") for name in names]

    def _git(self, *words: str, given: bytes = b"", at: Path | None = None) -> bytes:
        done = self._done(*words, given=given, at=at)
        if done.returncode:
            lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
            raise GitFailed(f"git {words[0]} failed for {self.common}: {lines[0] if lines else done.returncode}")
        return done.stdout

    def _done(self, *words: str, given: bytes = b"", at: Path | None = None) -> subprocess.CompletedProcess[bytes]:
        own = ("core.attributesFile=/dev/null", "merge.renames=true", "gc.auto=0")
        try:
            return subprocess.run(
                ["git", "-C", str(at or self.folder), *neutral.options(own), *words],
                input=given,
                capture_output=True,
                env=neutral.environment() | _WHO | ({} if at else {"GIT_DIR": str(self.folder)}),
                timeout=BATCH_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired as slow:
            raise GitFailed(f"git {words[0]} for {self.common} did not finish in {BATCH_SECONDS:g} s") from slow
        except FileNotFoundError as missing:
            raise FleetError("git is not installed: install it (apt install git, brew install git)") from missing


def _merged(output: bytes) -> Iterator[MergeResult]:
    """Complete records: a status, a tree, conflicting paths, an empty field."""
    fields = output.split(b"\0")
    at = 0
    while at + 2 < len(fields):
        tree, end = fields[at + 1].decode(), at + 2
        while end < len(fields) and fields[end]:
            end += 1
        if end >= len(fields):
            return
        yield MergeResult(tree, tuple(os.fsdecode(path) for path in fields[at + 2 : end]))
        at = end + 1
