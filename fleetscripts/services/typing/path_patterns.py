"""Files that a pattern may match: shell wildcards in a word, and patterns that a program expands itself."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import replace

from fleetscripts.core.permissions.command_policy import PathUse

MOST_ENTRIES = 20_000
GLOB = re.compile(r"[*?\[\]{}()!|\\]")
ENDINGS = re.compile(r"\*\.(?:(\w+)|\{([\w,]+)\})")
"""The end of a pattern that limits it to some files: ``*.ts``, ``*.{ts,tsx}``."""


class UnclearPath(Exception):
    """A path that cannot be determined, or changes from process to process; the message says why."""


def without_pattern(use: PathUse) -> PathUse:
    """For a formatter's own pattern, and Go's ``/...``, the folder of all its possible matches."""
    begin = GLOB.search(use.path)
    if not begin:
        return replace(use, path=use.path.removesuffix("/...") if use.path != "..." else ".")
    pattern = use.path[begin.start() :]
    if ".." in pattern or re.search(r"[{(,|]\.*[/}),|~]", pattern):
        raise UnclearPath(f"the pattern {use.path!a} may leave the worktree")
    ending = ENDINGS.fullmatch(use.path.rpartition("/")[2])
    suffixes = tuple("." + name for name in (ending[1] or ending[2]).split(",")) if ending else use.suffixes
    return replace(use, path=use.path[: begin.start()].rpartition("/")[0] or ".", suffixes=suffixes)


def expanded(use: PathUse, join: Callable[[str], str]) -> Iterator[str]:
    """The path, or every path that any shell may put in place of its wildcards, and the pattern in case there is none.
    ``join`` makes a path absolute."""
    yield use.path
    if not use.wild:
        return
    found, count, begin = [""], 0, 0
    for part in use.path.split("/"):
        pattern = _pattern(part, {at - begin for at in use.wild})
        begin += len(part) + 1
        if pattern is None:
            found = [before + part + "/" for before in found]
            continue
        dots = (".", "..") if part[0] == "." else ()  # which most releases of bash fill in for .* and .?
        names = [(before, name) for before in found for name in (*names_in(join(before)), *dots)]
        count += len(names)
        if count > MOST_ENTRIES:
            raise UnclearPath("a wildcard meets too many files")
        found = [f"{before}{name}/" for before, name in names if pattern.fullmatch(name)]
    for path in found:
        if use.bare and path[use.wild[0] :].startswith("-"):
            raise UnclearPath(f"a wildcard meets {path[:-1]!a}, which looks like an option")
        yield path[:-1]


def _pattern(part: str, wild: set[int]) -> re.Pattern[str] | None:
    """The names that one part of a path matches, hidden ones too, in any case; None without a wildcard."""
    if not wild & set(range(len(part))):
        return None
    shown = {"*": ".*", "?": "."}
    pieces = (shown[char] if at in wild else re.escape(char) for at, char in enumerate(part))
    return re.compile("".join(pieces), re.IGNORECASE | re.DOTALL)


def names_in(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return []
