"""One text from an argument, a file or standard input, bounded."""

from __future__ import annotations

import sys
from pathlib import Path

from fleetscripts.errors import UsageProblem

LARGEST_BYTES = 1_000_000


def text_of(text: str | None, file: Path | None) -> str:
    """The given text; ``-`` as either is standard input. UsageProblem unless there is exactly one."""
    if (text is None) == (file is None):
        raise UsageProblem("expected one text: TEXT, a FILE, or - for standard input")
    source = str(file) if file is not None else "-"
    if text is not None and text != "-":
        return _told(text)
    content = bytes_of(source)
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UsageProblem(f"expected text in UTF-8, found the byte 0x{content[error.start]:02x} in {source}") from None


def bytes_of(source: str) -> bytes:
    """A file's content, or standard input's for ``-``; UsageProblem if it is unreadable or too long."""
    try:
        content = sys.stdin.buffer.read(LARGEST_BYTES + 1) if source == "-" else _head(Path(source))
    except OSError as error:
        raise UsageProblem(f"cannot read {source}: {error.strerror}") from error
    if len(content) > LARGEST_BYTES:
        raise UsageProblem(f"expected at most {LARGEST_BYTES:,} bytes of text in {source}, found more")
    return content


def _told(text: str) -> str:
    """A text from the command line, which the system passes as bytes."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise UsageProblem("expected text in UTF-8, found other bytes in the text") from None
    return text


def _head(path: Path) -> bytes:
    with path.open("rb") as stream:
        return stream.read(LARGEST_BYTES + 1)
