"""Notification channels: one function each, with a deadline and ChannelFailed, which reveals no secret."""

from __future__ import annotations

import ipaddress
import json
import shutil
import subprocess
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from typing import Any

from fleetscripts.errors import FleetError

DISCORD_LIMIT = 2000
"""Characters in one message, by Discord's documentation."""

DISCORD_SECONDS = 10.0
DESKTOP_SECONDS = 5.0
TITLE = "Agent fleet"

_OSASCRIPT = (
    "-e", "on run argv",
    "-e", "display notification (item 2 of argv) with title (item 1 of argv)",
    "-e", "end run",
)  # fmt: skip


class ChannelFailed(FleetError):
    """A message could not be sent on this channel."""


def check_webhook(url: str) -> str:
    """The URL if it may be posted to: https, or http to this machine. The error never contains it."""
    parts = _split(url)
    if not url.isprintable() or " " in url or not parts.hostname or parts.username is not None:
        raise ChannelFailed("the webhook is not a URL like https://discord.com/api/webhooks/…")
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_loopback(parts.hostname)):
        raise ChannelFailed(f"the webhook must be an https URL, found {parts.scheme or 'no scheme'}")
    return url


def _split(url: str) -> urllib.parse.SplitResult:
    try:
        parts = urllib.parse.urlsplit(url)
        _ = parts.port
    except ValueError:
        raise ChannelFailed("the webhook is not a URL like https://discord.com/api/webhooks/…") from None
    return parts


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def discord(webhook: str, message: str, seconds: float = DISCORD_SECONDS) -> None:
    """Post a message that mentions nobody. Takes ``seconds`` at most, name look-up included."""
    check_webhook(webhook)
    text = message if len(message) <= DISCORD_LIMIT else message[: DISCORD_LIMIT - 1] + "…"
    body = json.dumps({"content": text, "allowed_mentions": {"parse": []}}).encode()
    request = urllib.request.Request(
        webhook, body, {"Content-Type": "application/json", "User-Agent": "fleetscripts"}, method="POST"
    )
    outcome: list[str] = []
    posting = threading.Thread(target=lambda: outcome.append(_post(request, seconds)), daemon=True)
    posting.start()
    posting.join(seconds)
    problem = outcome[0] if outcome else f"no answer in {seconds:g} s"
    if problem:
        raise ChannelFailed(f"Discord: {problem}")


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect would carry the message to a place that nobody configured."""

    def redirect_request(self, *_: Any) -> None:
        return None


def _post(request: urllib.request.Request, seconds: float) -> str:
    """The problem, empty on success. Only kinds of errors: their texts may contain the URL."""
    handlers: list[urllib.request.BaseHandler] = [_NoRedirect()]
    if _is_loopback(urllib.parse.urlsplit(request.full_url).hostname or ""):
        handlers.append(urllib.request.ProxyHandler({}))
    try:
        with urllib.request.build_opener(*handlers).open(request, timeout=seconds):
            return ""
    except urllib.error.HTTPError as error:
        return f"answered {error.code}"
    except urllib.error.URLError as error:
        reason = error.reason
        return (reason.strerror or type(reason).__name__) if isinstance(reason, OSError) else "cannot be reached"
    except TimeoutError:
        return f"no answer in {seconds:g} s"
    except Exception as error:  # noqa: BLE001 - whatever a hostile answer provokes; its text may hold the URL
        return f"failed ({type(error).__name__})"


def desktop(message: str, environ: Mapping[str, str]) -> bool:
    """Show a notification on the desktop; False if there is no desktop."""
    path = environ.get("PATH")
    if osascript := shutil.which("osascript", path=path):
        argv = [osascript, *_OSASCRIPT, TITLE, message]
    elif _has_desktop(environ) and (notify_send := shutil.which("notify-send", path=path)):
        argv = [notify_send, "--app-name=fleetscripts", "--", TITLE, _no_markup(message)]
    else:
        return False
    try:
        done = subprocess.run(
            argv, check=False, stdin=subprocess.DEVNULL, capture_output=True, timeout=DESKTOP_SECONDS, env=dict(environ)
        )
    except subprocess.TimeoutExpired:
        raise ChannelFailed(f"desktop: no answer in {DESKTOP_SECONDS:g} s") from None
    except OSError as error:
        raise ChannelFailed(f"desktop: {error.strerror}") from None
    if done.returncode:
        raise ChannelFailed(f"desktop: exit code {done.returncode}")
    return True


def _has_desktop(environ: Mapping[str, str]) -> bool:
    return any(environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "DBUS_SESSION_BUS_ADDRESS"))


def _no_markup(text: str) -> str:
    """Desktop servers read a body as markup."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
