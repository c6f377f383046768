"""Spoken notifications: the user's own command gets the text, never through a shell."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping, Sequence

from fleetscripts.adapters.channels.channels import ChannelFailed

STARTED_SECONDS = 3.0
"""A voice that fails does so by then; one that is still speaking may finish."""

LONGEST = 300


def speak(words: Sequence[str], text: str, as_argument: bool, environ: Mapping[str, str]) -> None:
    """Run the command with the text on its standard input, or as its last argument."""
    program = shutil.which(words[0], path=environ.get("PATH"))
    if program is None:
        raise ChannelFailed(f"speak: there is no command {words[0]!r}")
    line = " ".join(text.split()).lstrip("-").strip()[:LONGEST]
    argv = [program, *words[1:], *([line] if as_argument else [])]
    try:
        voice = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL if as_argument else subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=dict(environ),
            start_new_session=True,
        )
    except OSError as error:
        raise ChannelFailed(f"speak: {error.strerror}") from None
    try:
        voice.communicate(None if as_argument else f"{line}\n".encode(), timeout=STARTED_SECONDS)
    except subprocess.TimeoutExpired:
        return
    except OSError:
        voice.wait()
    if voice.returncode:
        raise ChannelFailed(f"speak: {words[0]} exited {voice.returncode}")
