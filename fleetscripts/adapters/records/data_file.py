"""TOML files of the package itself, parsed once: what was read stands beside Python's own compiled files.

Reading TOML takes as long as half of Python's start. As with those, time and size of the source say whether it still
holds, and where the folder cannot be written the source is read each time.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from functools import lru_cache
from importlib.util import cache_from_source
from pathlib import Path
from typing import Any


def read_data_file(file: Path) -> dict[str, Any]:
    """The tables of a TOML file without dates. Whoever gets them must not change them."""
    found = file.stat()
    return _read(file, found.st_mtime_ns, found.st_size)


@lru_cache(maxsize=8)
def _read(file: Path, *stamp: int) -> dict[str, Any]:
    kept = Path(cache_from_source(str(file))).with_suffix(".json")
    try:
        of, tables = json.loads(kept.read_bytes())
        if of == list(stamp):
            return dict(tables)
    except (OSError, ValueError, TypeError):
        pass  # none, of another release, or damaged: it is written anew
    import tomllib

    tables = tomllib.loads(file.read_text(encoding="utf-8"))
    if not sys.dont_write_bytecode:
        _keep(kept, json.dumps([stamp, tables]))
    return tables


def _keep(place: Path, text: str) -> None:
    fresh = place.with_name(f"{place.name}.{os.getpid()}.tmp")
    with contextlib.suppress(OSError):
        place.parent.mkdir(exist_ok=True)
        try:
            with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
                stream.write(text)
            fresh.replace(place)
        finally:
            fresh.unlink(missing_ok=True)
