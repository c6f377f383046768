"""Telling the person: Discord and the desktop. A channel that fails is a warning, never an error of the caller."""

from __future__ import annotations

from collections.abc import Mapping

from fleetscripts.adapters import channels
from fleetscripts.adapters.store import StateMissing, Store
from fleetscripts.config import Settings
from fleetscripts.core.visible import visible_lines
from fleetscripts.errors import FleetError


def notify(message: str, settings: Settings, environ: Mapping[str, str]) -> list[str]:
    """Send ``message`` everywhere that is configured; return one warning for each channel that failed."""
    text = visible_lines(message)
    warnings: list[str] = []
    try:
        if webhook := webhook_of(settings, environ):
            channels.discord(webhook, text)
    except FleetError as error:
        warnings.append(str(error))
    try:
        if settings.notify_desktop:
            channels.desktop(text, environ)
    except FleetError as error:
        warnings.append(str(error))
    return warnings


def webhook_of(settings: Settings, environ: Mapping[str, str]) -> str:
    """The Discord webhook: the environment's, else the state file's, else empty."""
    if webhook := environ.get("DISCORD_WEBHOOK_URL", "").strip():
        return webhook
    try:
        return Store(settings.state_file).read().discord_webhook
    except StateMissing:
        return ""
