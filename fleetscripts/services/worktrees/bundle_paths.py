"""The folders of the running bundle: its own, and the origin of a stable copy."""

from __future__ import annotations

from pathlib import Path

BUNDLE = Path(__file__).resolve().parents[3]
ORIGIN = "origin"
"""The file in a stable copy with the path of the bundle it was copied from."""


def bundle_folders(fleet_home: Path, bundle: Path = BUNDLE) -> list[Path]:
    """Real paths of the bundle in use and of those that copies name as their origin."""
    remembered = [_origin(folder) for folder in (bundle, fleet_home / "bundle")]
    return [bundle.resolve(), *(origin.resolve() for origin in remembered if origin is not None)]


def _origin(folder: Path) -> Path | None:
    try:
        text = (folder / ORIGIN).read_text(encoding="utf-8", errors="surrogateescape").removesuffix("\n")
    except OSError:
        return None
    return Path(text) if text.startswith("/") else None
