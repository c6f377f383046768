"""JSON files: durable ones, and caches that may be lost. orjson reads and writes them; what it refuses or would round,
Python's own module does."""

from __future__ import annotations

import json
import math
import os
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

import orjson

from fleetscripts.adapters.records.files import private_folder, replace_file, sweep_temporaries, temporary_beside
from fleetscripts.errors import FleetError

LARGEST_BYTES = 64 << 20

_DIGITS = bytes.maketrans(b"123456789", b"000000000")
_BEYOND_64_BITS = b"0" * 19
"""Among digits that are all taken for zeros: what may be such an integer."""


def decode(content: bytes, *, exact: bool = False) -> Any:
    """The parsed value; ValueError for invalid JSON, or JSON nested too deeply. Integers beyond 64 bits are rounded and
    NaN is read, as Python writes it; ``exact``: such integers are kept, and NaN is an error."""
    if not (exact and _BEYOND_64_BITS in content.translate(_DIGITS)):
        with suppress(orjson.JSONDecodeError):  # JavaScript writes half a surrogate pair, Python writes NaN
            return orjson.loads(content)
    try:
        return json.loads(content.decode(), parse_constant=_refuse_constant) if exact else json.loads(content)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


def encode(value: object, *, indent: bool = False, finite: bool = False) -> bytes:
    """The bytes of a file. ``indent``: readable for people, with a final newline. ``finite``: ValueError for NaN and
    infinity."""
    with suppress(TypeError, RecursionError):  # orjson refuses half a surrogate pair, and integers beyond 64 bits
        content = orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE if indent else None)
        nulls = list(value.values()).count(None) if isinstance(value, dict) else 0
        if content.count(b"null") == nulls or _is_plain(value):
            return content
    form: dict[str, Any] = {"indent": 2} if indent else {"separators": (",", ":")}
    try:
        content = json.dumps(value, ensure_ascii=False, allow_nan=not finite, **form).encode()
    except UnicodeEncodeError:  # half of a surrogate pair, as JSON may hold one
        content = json.dumps(value, allow_nan=not finite, **form).encode()
    return content + b"\n" if indent else content


def load(path: Path, most: int = LARGEST_BYTES) -> Any:
    """The file's content; raises OSError (FileNotFoundError if missing) and ValueError."""
    from fleetscripts.adapters.system.regular_file import read_regular

    return decode(read_regular(path, most))


def read_json(path: Path, most: int = LARGEST_BYTES) -> Any:
    """What the file holds; None when it is not there, or cannot be read or understood."""
    try:
        return load(path, most)
    except (OSError, ValueError):
        return None


def write_json(path: Path, value: object, *, indent: bool = False, alone: bool = False) -> None:
    """Write the value, synced to disk. ``alone``: the caller holds the lock of all writers, so the temporary files of
    killed writers are removed."""
    try:
        private_folder(path.parent)
        if alone:
            sweep_temporaries(path)
        replace_file(path, encode(value, indent=indent))
    except OSError as error:
        raise FleetError(f"cannot write {path}: {error.strerror}") from error


def put(path: Path, content: bytes) -> None:
    """Write the content: readers see it whole, a power cut may lose it. Raises OSError."""
    descriptor, name = temporary_beside(path)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def cache(path: Path, content: bytes, most: int) -> bool:
    """Write a cache file and delete the oldest ones beyond so many in its folder; returns whether it was written."""
    with suppress(OSError):
        if not path.exists():
            private_folder(path.parent)
            _forget_oldest(path.parent, most - 1)
        put(path, content)
        return True
    return False


def _is_plain(value: object) -> bool:
    """Whether orjson encodes it correctly: it turns NaN and infinity into null."""
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, dict):
        return all(map(_is_plain, value.values()))
    return all(map(_is_plain, value)) if isinstance(value, list | tuple) else True


def _forget_oldest(folder: Path, most: int) -> None:
    """Keep the newest files in the folder; remnants of dead writers count like any other."""
    entries = sorted(folder.iterdir(), key=_changed_at)
    for entry in entries[: max(0, len(entries) - most)]:
        entry.unlink(missing_ok=True)


def _changed_at(entry: Path) -> float:
    try:
        return entry.stat().st_mtime
    except OSError:
        return 0
