"""Reads a secret from an account's source, and passes one on. The value is stored nowhere."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from fleetscripts.account import SecretRef
from fleetscripts.errors import FleetError

COMMAND_SECONDS = 30.0
"""A password manager may prompt its owner first."""

LONGEST_BYTES = 65536


class NoSecret(FleetError):
    """The secret is unavailable; the message never contains any of it."""


def resolve(ref: SecretRef, environ: Mapping[str, str]) -> str:
    """The secret, stripped. Commands get ``environ`` and no standard input."""
    text = _raw(ref, environ).strip()
    if not text:
        raise NoSecret(f"the {ref} holds nothing")
    if any(character.isspace() or ord(character) < 32 for character in text):
        raise NoSecret(f"the {ref} holds more than one word")
    return text


def exposed(ref: SecretRef) -> str:
    """Who else can read the file, in words; empty if nobody can, or it is no file."""
    if not ref.file:
        return ""
    path = Path(ref.file).expanduser()
    try:
        mode = path.stat().st_mode & 0o777
    except OSError:
        return ""
    return f"{path} has mode {mode:04o}: chmod 600 it" if mode & 0o077 else ""


def _raw(ref: SecretRef, environ: Mapping[str, str]) -> str:
    if ref.env:
        value = environ.get(ref.env)
        if value is None:
            raise NoSecret(f"the {ref} is not set here (a window has what its tmux server was started with)")
        return value
    if ref.file:
        return _file(ref)
    return _command(ref, environ)


def _file(ref: SecretRef) -> str:
    try:
        with Path(ref.file).expanduser().open("rb") as stream:
            return stream.read(LONGEST_BYTES).decode("utf-8")
    except UnicodeDecodeError:
        raise NoSecret(f"the {ref} holds no text") from None
    except OSError as error:
        raise NoSecret(f"cannot read the {ref}: {error.strerror}") from None


def _command(ref: SecretRef, environ: Mapping[str, str]) -> str:
    """Its output; its errors go to the terminal, where a person may have to answer."""
    words = [str(Path(ref.command[0]).expanduser()), *ref.command[1:]]
    try:
        done = subprocess.run(
            words,
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            timeout=COMMAND_SECONDS,
            check=False,
        )
    except OSError as error:
        raise NoSecret(f"cannot run the {ref}: {error.strerror}") from None
    except subprocess.TimeoutExpired:
        raise NoSecret(f"the {ref} did not answer in {COMMAND_SECONDS:g} s") from None
    if done.returncode:
        raise NoSecret(f"the {ref} exited {done.returncode}")
    return done.stdout[:LONGEST_BYTES].decode("utf-8", "replace")


def readable_once(secret: str) -> int:
    """A file descriptor from which the program that this process becomes can read the secret once, to its end: it
    stands in no argument and in no environment."""
    inner, outer = os.pipe()
    os.write(outer, secret.encode())
    os.close(outer)
    os.set_inheritable(inner, True)
    return inner
