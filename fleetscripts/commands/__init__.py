"""One module per entry point: parse, call, print. Nothing else imports click."""

from __future__ import annotations

import os

from fleetscripts.deferred import start_quickly

start_quickly()

SHARED = frozenset({"elsewhere", "entry", "examples", "named_agent", "options", "output", "patience", "text_source"})
"""Modules of this package that are no commands of their own."""


def names() -> list[str]:
    """Command names as users type them, discovered from the modules of this package."""
    modules = (name[:-3] for name in os.listdir(os.path.dirname(__file__)) if name.endswith(".py"))
    return sorted(stem.replace("_", "-") for stem in modules if stem not in SHARED and not stem.startswith("_"))
