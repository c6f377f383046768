"""The commands of a shell line that bash and zsh read alike, every byte accounted for; all else raises ``NotPlain``."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import field

from fleetscripts.core.permissions.shell_words import BLANKS, NotPlain, Word, read_word
from fleetscripts.dataclass import dataclass
from fleetscripts.pattern import pattern

MAX_BYTES = 16_384
MAX_COMMANDS = 100
ODD = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
JOINER = pattern(r"&&|\|\||[;|\n]")
STREAM = pattern(r"[12]?>&[12](?=[ \t\n;|&]|\Z)")
REDIRECT = pattern(r"([12]?>>|[12]?>\||[12]?>|&>>|&>|<)(?![<>&|!(-])")
HEREDOC = pattern(r"""<<(['"])([A-Za-z_][A-Za-z0-9_]*)\1(?=[ \t\n;|&])""")
ASSIGNMENT = pattern(r"([A-Za-z_][A-Za-z0-9_]*)=")


@dataclass(frozen=True, slots=True)
class Redirect:
    """One redirection to or from a file; ``write``: the file would be changed."""

    path: str
    write: bool


@dataclass(frozen=True, slots=True)
class SimpleCommand:
    """One command as the shell would run it.

    ``joiner``: the operator before it (empty for the first, ``|`` in a pipe). ``redirects`` leave out ``/dev/null`` and
    joined streams (``2>&1``); ``heredoc`` is its input text. ``certain``: only ``&&`` joins all of the line, so that
    whatever follows a ``cd`` happens in that folder."""

    words: tuple[Word, ...]
    assignments: tuple[tuple[str, str], ...] = ()
    redirects: tuple[Redirect, ...] = ()
    heredoc: str | None = None
    joiner: str = ""
    certain: bool = False


@dataclass(slots=True)
class _Command:
    joiner: str
    words: list[Word] = field(default_factory=list)
    assignments: list[tuple[str, str]] = field(default_factory=list)
    redirects: list[Redirect] = field(default_factory=list)
    heredoc: str | None = None
    ends_heredoc: str = ""
    inputs: int = 0

    @property
    def empty(self) -> bool:
        return not (self.words or self.assignments or self.redirects or self.ends_heredoc)


def simple_commands(line: str) -> tuple[SimpleCommand, ...]:
    """Every simple command in ``line``, in order. Raises ``NotPlain`` if there is anything else."""
    _refuse_odd_characters(line)
    if len(line.encode()) > MAX_BYTES:
        raise NotPlain("a command this long is not judged")
    found = _Reader(line).read()
    if len(found) > MAX_COMMANDS:
        raise NotPlain("so many commands are not judged")
    certain = all(command.joiner in ("", "&&") for command in found)
    return tuple(
        SimpleCommand(
            tuple(command.words), tuple(command.assignments), tuple(command.redirects), command.heredoc,
            command.joiner, certain,
        )
        for command in found
    )  # fmt: skip


def _refuse_odd_characters(line: str) -> None:
    for char in line:
        if char in "\n\t" or " " <= char <= "~":
            continue
        if unicodedata.category(char) in ODD or char.isspace():
            raise NotPlain(f"an invisible or control character (U+{ord(char):04X}) is in it")


@dataclass(slots=True)
class _Reader:
    """Reads a line from left to right, one word or operator at a time."""

    line: str
    at: int = 0
    found: list[_Command] = field(default_factory=list)
    command: _Command = field(default_factory=lambda: _Command(""))

    def read(self) -> list[_Command]:
        while True:
            self._skip_blanks()
            if self.at == len(self.line):
                break
            if joiner := JOINER.match(self.line, self.at):
                self._join(joiner[0])
            elif self.line[self.at] == "#":
                self._skip_comment()
            elif not self._redirect():
                self._word()
        if self.command.ends_heredoc and self.command.heredoc is None:
            raise NotPlain("a here-document has no text")
        self._finish()
        return self.found

    def _skip_blanks(self) -> None:
        while self.line[self.at : self.at + 1] in (" ", "\t"):
            self.at += 1
            if self.line.startswith("\\\n", self.at):
                self._continue()

    def _continue(self) -> None:
        """A backslash at a line's end, with a blank before it and a word on the next line."""
        rest = self.line[self.at + 2 :].lstrip(BLANKS)
        if not rest or rest[0] in "\n#\\" or self._pending():
            raise NotPlain("it continues on the next line in a way that shells read differently")
        self.at = len(self.line) - len(rest)

    def _skip_comment(self) -> None:
        end = self.line.find("\n", self.at)
        end = len(self.line) if end < 0 else end
        if self._pending() or self.line[end - 1] == "\\":
            raise NotPlain("it holds a comment that shells read differently")
        if self.at and self.line[self.at - 1] not in BLANKS + "\n":
            raise NotPlain("it holds '#' outside quotes")
        self.at = end

    def _pending(self) -> bool:
        return any(command.ends_heredoc and command.heredoc is None for command in (*self.found, self.command))

    def _join(self, joiner: str) -> None:
        self.at += len(joiner)
        if joiner == "\n":
            self._heredoc_text()
            if self.command.empty:
                return
        elif self.command.empty:
            raise NotPlain("a command is missing")
        self._finish()
        self.command = _Command(joiner)

    def _finish(self) -> None:
        """Keep the command that ends here; only a line's end may follow its last ``;`` or newline."""
        if not self.command.empty:
            self.found.append(self.command)
        elif not self.found or self.command.joiner not in (";", "\n"):
            raise NotPlain("a command is missing")

    def _redirect(self) -> bool:
        """Whether there is a redirection here. One begins only after a blank, and its file is a literal word."""
        if self.line[self.at] not in "12<>&":
            return False
        stream, heredoc = STREAM.match(self.line, self.at), HEREDOC.match(self.line, self.at)
        match = stream or heredoc or REDIRECT.match(self.line, self.at)
        if not match:
            if self.line[self.at] in "12":
                return False
            raise NotPlain(f"it holds {self.line[self.at]!r} in a way that is not judged")
        if self.at and self.line[self.at - 1] not in BLANKS:
            raise NotPlain("a redirection touches the word before it")
        self.at = match.end()
        if heredoc:
            if self._pending() or self.command.ends_heredoc:
                raise NotPlain("it holds two here-documents")
            self.command.ends_heredoc = heredoc[2]
        elif not stream:
            self._redirect_file(match[1])
        self.command.inputs += bool(heredoc) or (not stream and match[1] == "<")
        if self.command.inputs > 1:
            raise NotPlain("it reads two inputs, of which some shells take both and others the last")
        return True

    def _redirect_file(self, operator: str) -> None:
        while self.line[self.at : self.at + 1] in (" ", "\t"):
            self.at += 1
        if self.line[self.at : self.at + 1] in ("", "\n", ";", "|", "&", "\\", "#"):
            raise NotPlain("a redirection has no target")
        word, self.at = read_word(self.line, self.at)
        if not word.literal or not word.text:
            raise NotPlain("a redirection's target is not judged")
        if word.text != "/dev/null":
            self.command.redirects.append(Redirect(word.text, write=operator != "<"))

    def _word(self) -> None:
        begin = self.at
        word, self.at = read_word(self.line, self.at)
        spelled = self.line[begin : self.at]
        if self._pending() and "\n" in spelled:
            raise NotPlain("a quoted text of several lines is beside a here-document")
        if not self.command.words:
            assigned = ASSIGNMENT.match(spelled)
            if assigned and word.literal:
                self.command.assignments.append((assigned[1], word.text[len(assigned[0]) :]))
                return
            if not word.literal or "=" in word.text or not word.text:
                raise NotPlain("a command's name is not plain")
        self.command.words.append(word)

    def _heredoc_text(self) -> None:
        """The lines up to the end of the here-document, which begin right after the current line."""
        for command in (*self.found, self.command):
            if not command.ends_heredoc or command.heredoc is not None:
                continue
            end = re.compile(rf"^{command.ends_heredoc}(?:\n|\Z)", re.MULTILINE).search(self.line, self.at)
            if end is None:
                raise NotPlain("a here-document has no end")
            command.heredoc = self.line[self.at : end.start()]
            self.at = end.end()
