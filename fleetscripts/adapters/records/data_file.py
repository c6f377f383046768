"""TOML files of the package itself, parsed once and cached beside Python's own compiled files.

Parsing TOML takes half as long as starting Python. As for those, the source's time and size decide whether the cache is
valid, and without a writable folder the source is parsed each time."""

from __future__ import annotations

import contextlib
import os
import sys
from functools import lru_cache
from importlib.util import cache_from_source
from pathlib import Path
from typing import Any

from fleetscripts.adapters.records.json_files import decode, encode


def read_data_file(file: Path) -> dict[str, Any]:
    """The tables of a TOML file without dates. Callers must not change them."""
    found = file.stat()
    return _read(file, found.st_mtime_ns, found.st_size)


@lru_cache(maxsize=8)
def _read(file: Path, *stamp: int) -> dict[str, Any]:
    kept = Path(cache_from_source(str(file))).with_suffix(".json")
    try:
        of, tables = decode(kept.read_bytes())
        if of == list(stamp):
            return dict(tables)
    except (OSError, ValueError, TypeError):
        pass  # none, of another release, or damaged: it is written anew
    import tomllib

    tables = tomllib.loads(file.read_text(encoding="utf-8"))
    if not sys.dont_write_bytecode:
        _keep(kept, encode([stamp, tables]))
    return tables


def _keep(place: Path, content: bytes) -> None:
    fresh = place.with_name(f"{place.name}.{os.getpid()}.tmp")
    with contextlib.suppress(OSError):
        place.parent.mkdir(exist_ok=True)
        try:
            with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
                stream.write(content)
            fresh.replace(place)
        finally:
            fresh.unlink(missing_ok=True)
