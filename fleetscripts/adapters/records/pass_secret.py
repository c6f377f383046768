"""Passes a secret through a pipe to the program that this process becomes: in no argument and no environment."""

from __future__ import annotations

import os


def readable_once(secret: str) -> int:
    """A file descriptor from which the program can read the secret once, to its end."""
    inner, outer = os.pipe()
    os.write(outer, secret.encode())
    os.close(outer)
    os.set_inheritable(inner, True)
    return inner
