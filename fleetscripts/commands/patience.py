"""What takes longer than a moment says on standard error that it is at work, and on what."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import click

PATIENCE_SECONDS = 2.0


@contextmanager
def told_when_slow(what: str, seconds: float = PATIENCE_SECONDS) -> Iterator[None]:
    """Say ``COMMAND: what …`` once, when the block is not over by then; only where a terminal shows it."""
    name = click.get_current_context().find_root().info_name or "fleet"
    timer = threading.Timer(seconds, lambda: print(f"{name}: {what} …", file=sys.stderr, flush=True))
    timer.daemon = True
    if sys.stderr is not None and sys.stderr.isatty():
        timer.start()
    try:
        yield
    finally:
        timer.cancel()
