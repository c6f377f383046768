"""One module per entry point: parse, call, print. Nothing else imports click."""

from __future__ import annotations

import os

from fleetscripts.deferred import start_quickly

start_quickly()

SHARED = frozenset(
    {"elsewhere", "entry", "examples", "named_agent", "options", "output", "patience", "text_source", "usage_words"}
)
"""Modules of this package that are not commands."""


MODULES = {"test-queue": "pr_test_queue"}
"""Commands whose module has another name: pytest and readers take ``test_*`` for tests."""


def module_of(name: str) -> str:
    """The module of the command with this name."""
    return f"{__name__}.{MODULES.get(name, name.replace('-', '_'))}"


def names() -> list[str]:
    """Command names as users type them, discovered from the modules of this package."""
    modules = (name[:-3] for name in os.listdir(os.path.dirname(__file__)) if name.endswith(".py"))
    stems = {stem for stem in modules if stem not in SHARED and not stem.startswith("_")}
    own = stems - set(MODULES.values())
    return sorted([*(stem.replace("_", "-") for stem in own), *MODULES])
