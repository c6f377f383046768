"""Whether a worktree's index holds plain files alone, read from the index itself: no process, where most spares are so.

The format is ``gitformat-index(5)``, version 2 with SHA-1. Whatever is not surely that and plain is for git to read.
"""

from __future__ import annotations

from pathlib import Path

from fleetscripts.adapters.system.regular_file import read_regular

LARGEST_BYTES = 1 << 20
"""Of a larger one git lists the entries sooner than they are read here."""

SHA1_HEX = 40
"""Digits of a commit in a repository of SHA-1."""

_BEGIN = b"DIRC" + (2).to_bytes(4, "big")
_MODES = {mode.to_bytes(4, "big") for mode in (0o100644, 0o100755, 0o120000)}
"""Of files and symbolic links, so none of a submodule or of a folder left out."""

_MODE, _FLAGS, _NAME = 24, 60, 62
"""Where they stand in an entry."""

_HARMLESS = (b"TREE", b"REUC", b"UNTR", b"EOIE", b"IEOT")
"""Extensions that keep what git has worked out; others change which entries there are, or which are compared."""

_CHECKSUM_BYTES = 20


def is_plain_index(index: Path) -> bool:
    """Whether no entry is hidden from git's comparison (assume-unchanged, skip-worktree), a submodule, or unmerged.

    Only for a repository of SHA-1. False wherever that is not certain, also when there is no index."""
    try:
        content = read_regular(index, LARGEST_BYTES)
    except (OSError, ValueError):
        return False
    end = len(content) - _CHECKSUM_BYTES
    if not content.startswith(_BEGIN):
        return False
    place = 12
    for _ in range(int.from_bytes(content[8:12], "big")):
        place = _after_plain_entry(content, place)
        if not 0 < place <= end:
            return False
    while place < end:
        if content[place : place + 4] not in _HARMLESS:
            return False
        place += 8 + int.from_bytes(content[place + 4 : place + 8], "big")
    return place == end


def _after_plain_entry(content: bytes, place: int) -> int:
    """Where the entry that begins here ends; 0 when it is not plain.

    Its flags are the length of its name alone: a bit above that is a mark, a stage, or more flags; names that do not
    fit into it are left to git. Zeros after the name bring it to a multiple of eight."""
    length = int.from_bytes(content[place + _FLAGS : place + _NAME], "big")
    size = (_NAME + length + 8) // 8 * 8
    name = content[place + _NAME : place + size]
    plain = 0 < length < 0xFFF and content[place + _MODE : place + _MODE + 4] in _MODES
    return place + size if plain and name.find(b"\0") == length and not name[length:].strip(b"\0") else 0
