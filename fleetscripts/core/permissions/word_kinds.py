"""The kinds of words in the table of safe commands, and which words belong to each."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Sequence
from fnmatch import fnmatchcase

from fleetscripts.core.permissions.command_rules import is_pattern
from fleetscripts.core.permissions.shell_words import Word

REVISION = re.compile(r"[A-Za-z0-9_./@^~:{}-]+")
BRANCH = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./-]*")
NUMBER = re.compile(r"[+-]?[0-9]{1,12}(\.[0-9]{1,9})?[a-zA-Z]?")
WHOLE = re.compile(r"-?[0-9]{1,15}")
NAMESPACES = {"refs", "heads", "remotes", "tags", "notes", "origin", "upstream"}
FILE_TESTS = {"-e", "-f", "-d", "-s", "-r", "-w", "-x", "-L", "-h"}
COMPARISONS = {"-eq", "-ne", "-lt", "-le", "-gt", "-ge"}


class UnsafeCommand(Exception):
    """A command or word is not on the safe list; the message says which."""


def why_unfit(kind: str, word: str, protected_branches: Collection[str]) -> bool:
    """Why ``word`` is not of that kind. Only a path's text is checked; the caller resolves it."""
    if is_pattern(kind):
        return re.fullmatch(kind[1:-1], word) is None
    match kind:
        case "text":
            return False
        case "path" | "file" | "write" | "rewrite":
            return word != "-" and (not word or word[0] in "-@")
        case "named":
            return not word or word[0] in "-@"
        case "folder":
            return not word or word[0] in "-+@~"
        case "number":
            return NUMBER.fullmatch(word) is None
        case "revision":
            return word.startswith("-") or REVISION.fullmatch(word) is None
        case "branch":
            return not _is_branch(word)
        case "own-branch":
            return not _is_branch(word) or is_protected(word, protected_branches)
        case _:
            return True


def is_protected(branch: str, protected_branches: Collection[str]) -> bool:
    """Whether a person decides about every push to this branch; ``protected_branches`` may have wildcards."""
    return any(fnmatchcase(branch.casefold(), pattern) for pattern in protected_branches)


def _is_branch(word: str) -> bool:
    return BRANCH.fullmatch(word) is not None and word.split("/")[0].casefold() not in NAMESPACES and ".." not in word


def put_into(folder: Word, file: Word) -> Word:
    """The file's path in that folder, where a link of this name may exist."""
    name = posixpath.basename(file.text.rstrip("/"))
    start = file.text.rfind(name)
    wild = tuple(at - start for at in file.wild if at >= start)
    before = len(posixpath.join(folder.text, ""))
    return Word(posixpath.join(folder.text, name), tuple(at + before for at in wild))


def is_harmless_test(words: Sequence[Word]) -> bool:
    """Whether ``[`` and ``test`` only inspect: one file, one text, or two texts or whole numbers."""
    if not all(word.literal or (word.status and word.text == "0") for word in words):
        return False
    texts = [word.text for word in words]
    if len(texts) == 2:
        return words[0].literal and (texts[0] in FILE_TESTS or texts[0] in ("-n", "-z"))
    if len(texts) != 3:
        return False
    if texts[1] in COMPARISONS:
        return all(WHOLE.fullmatch(text) for text in (texts[0], texts[2]))
    return texts[1] in ("=", "!=") and texts[0][:1] not in ("-", "(", "!", "")


def shown(word: str) -> str:
    """A word for a message, shortened and in ASCII."""
    return ascii(word if len(word) <= 40 else word[:39] + "…")[1:-1] or "an empty word"
