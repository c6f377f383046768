"""Socket paths: in a folder of the user alone, and short."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path

from fleetscripts.errors import FleetError
from fleetscripts.pattern import pattern

MOST_BYTES = 103
"""Of a socket's path, the shortest limit among systems (macOS)."""

SSH_ADDS = 17
"""ssh uses a longer name while it creates its socket."""

OTHERS = 0o077
_PLAIN = pattern(r"/[A-Za-z0-9_./-]*")
"""ssh would read a percent sign or a blank in the path of a socket."""


def socket_folder() -> Path:
    """The folder, created if needed. FleetError unless it is the user's alone."""
    runtime, own = os.environ.get("XDG_RUNTIME_DIR", ""), os.getuid()
    places = ([Path(runtime) / "fleet"] if _PLAIN.fullmatch(runtime) else []) + [Path(f"/tmp/fleet-{own}")]
    problem = ""
    for place in places:
        if len(os.fsencode(place)) + len("/c-0123456789ab") + SSH_ADDS > MOST_BYTES:
            continue
        try:
            place.mkdir(mode=0o700, exist_ok=True)
            found = place.lstat()
        except OSError as error:
            problem = f"cannot make {place}: {error.strerror}"
            continue
        if stat.S_ISDIR(found.st_mode) and found.st_uid == own and not found.st_mode & OTHERS:
            return place
        problem = f"{place} is not a folder of yours alone (mode 700)"
    raise FleetError(f"no place for sockets: {problem}")


def socket_path(kind: str, *names: str) -> Path:
    """The socket of one kind (a letter) for these names."""
    digest = hashlib.sha256("\0".join(names).encode("utf-8", "surrogateescape")).hexdigest()[:12]
    return socket_folder() / f"{kind}-{digest}"
