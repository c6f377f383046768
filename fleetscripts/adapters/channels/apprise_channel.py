"""Slack, Telegram, ntfy, e-mail and others, through the apprise library if it is installed. URLs are secrets."""

from __future__ import annotations

import importlib
import logging
import sys
import threading
from typing import Any

from fleetscripts.adapters.channels.channels import TITLE, ChannelFailed

SECONDS = 15.0
LIBRARY = "apprise"


def send(url: str, message: str, place: str, seconds: float = SECONDS) -> None:
    """Send to one URL. ``place`` says in words where the URL came from; errors never contain the URL."""
    library = _library()
    target = library.Apprise()
    if not target.add(url):
        raise ChannelFailed(f"the {place} holds no URL that apprise knows")
    outcome: list[str] = []
    sending = threading.Thread(target=lambda: outcome.append(_sent(target, message)), daemon=True)
    sending.start()
    sending.join(seconds)
    problem = outcome[0] if outcome else f"no answer in {seconds:g} s"
    if problem:
        raise ChannelFailed(f"{_kind(url)} (from the {place}): {problem}")


def _sent(target: Any, message: str) -> str:
    """The problem, without the library's own words: they may contain the URL."""
    try:
        return "" if target.notify(body=message, title=TITLE, body_format="text") else "was not accepted"
    except Exception as error:  # noqa: BLE001 - whatever a plugin provokes; its text may hold the URL
        return f"failed ({type(error).__name__})"


def _library() -> Any:
    try:
        found = importlib.import_module(LIBRARY)
    except ModuleNotFoundError:
        raise ChannelFailed(
            "notify.urls needs the apprise library: pip install 'fleetscripts[notify]', or for these scripts "
            f"uv pip install --python {sys.executable} apprise"
        ) from None
    log = logging.getLogger(LIBRARY)
    if not log.handlers:
        log.addHandler(logging.NullHandler())
    log.propagate = False  # its lines hold URLs
    return found


def _kind(url: str) -> str:
    """The URL's scheme, which is not secret."""
    scheme = url.partition("://")[0]
    return scheme if scheme.isalnum() and len(scheme) <= 20 else "a channel"
