"""The Python packages that we run on, as installed here, for a machine without an index."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from fleetscripts.errors import FleetError
from fleetscripts.pattern import pattern
from fleetscripts.python_platform import python_platform

_LOCKED = pattern(r"(?m)^([A-Za-z0-9._-]+)==([^ ;]+)")
_TAG = pattern(r"(?m)^Tag: [^-\n]+-([^-\n]+)-([^-\n]+)$")


def packages_for(lock: Path, interpreter: str, system: str) -> bytes:
    """A compressed archive of all that ``lock`` names, for a Python of this platform. Raises FleetError if one of them
    is not here, or is compiled for another."""
    wanted = _LOCKED.findall(lock.read_text(encoding="utf-8"))
    found = [_found(name, version) for name, version in wanted]
    unfit = [name for (name, _), one in zip(wanted, found, strict=True) if not _fits(one, interpreter, system)]
    if unfit:
        here, there = " on ".join(python_platform()), f"{interpreter} on {system}"
        raise FleetError(f"{', '.join(unfit)}: compiled here for {here}, the Python there is {there}")
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz", compresslevel=6) as tar:
        for one in found:
            for name, path in _files(one):
                tar.add(path, name, recursive=False)
    return packed.getvalue()


def _found(name: str, version: str) -> Distribution:
    try:
        found = distribution(name)
    except PackageNotFoundError:
        raise FleetError(f"{name} is not here") from None
    if found.version != version or not found.files:
        raise FleetError(f"{name} is here in version {found.version}, expected {version} with its list of files")
    return found


def _fits(found: Distribution, interpreter: str, system: str) -> bool:
    here = python_platform()
    return any(
        target == "any" or (system == here[1] and (abi == "abi3" or interpreter == here[0]))
        for abi, target in _TAG.findall(found.read_text("WHEEL") or "")
    )


def _files(found: Distribution) -> Iterator[tuple[str, Path]]:
    for file in found.files or ():
        if ".." not in file.parts and "__pycache__" not in file.parts:
            yield str(file), Path(str(file.locate()))
