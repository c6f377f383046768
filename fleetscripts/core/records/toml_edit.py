"""Sets one top-level key of a TOML file; everything else stays, comments too. Pure."""

from __future__ import annotations

import re
import tomllib


def line_of(text: str, name: str) -> int:
    """The line number of the top-level key, from 1; 0 if it is not there."""
    lines = text.splitlines()
    return next((at + 1 for at in range(_first_table(lines)) if _begins(lines, at, name)), 0)


def with_value(text: str, name: str, value: str) -> str:
    """The text with the key at this value, as TOML writes it; a new key comes last before the first table."""
    lines = text.splitlines()
    at = line_of(text, name) - 1
    if at < 0:
        end = _first_table(lines)
        while end and not lines[end - 1].strip():
            end -= 1
        lines.insert(end, f"{name} = {value}")
    else:
        end = next(stop for stop in range(at + 1, len(lines) + 1) if _parses(lines[at:stop]))
        lines[at:end] = [f"{name} = {value}{_comment(lines[at:end])}"]
    return "\n".join(lines) + "\n"


def _first_table(lines: list[str]) -> int:
    headers = (at for at, line in enumerate(lines) if line.lstrip().startswith("[") and _parses(lines[:at]))
    return next(headers, len(lines))


def _begins(lines: list[str], at: int, name: str) -> bool:
    """Whether the key is on this line, outside any longer value."""
    return bool(re.match(rf"\s*[\"']?{re.escape(name)}[\"']?\s*=", lines[at])) and _parses(lines[:at])


def _comment(entry: list[str]) -> str:
    """The comment after the value on the entry's last line."""
    before, last = entry[:-1], entry[-1]
    starts = (match.start() for match in re.finditer(r"\s*#", last))
    return next((last[at:] for at in starts if _parses([*before, last[:at]])), "")


def _parses(lines: list[str]) -> bool:
    try:
        tomllib.loads("\n".join(lines))
    except ValueError:
        return False
    return True
