"""Before the first prompt: the shell, login, trust, an update."""

from __future__ import annotations

import re
import time

from tests.recorder.codex import NEW_MODEL, Codex
from tests.recorder.scenario import scenario


@scenario("codex", "shell-fresh", own_start=True, wide=True)
def shell_fresh(s: Codex) -> None:
    s.terminal.fresh_shell()
    s.snap("shell-fresh", "idle")


@scenario("codex", "dialog-login", own_start=True)
def login(s: Codex) -> None:
    s.configure(own_provider=False)
    try:
        s.start()
        s.terminal.await_text(r"Sign in with ChatGPT", 12)
        s.terminal.settle()
        s.snap("dialog-login", "waiting_approval", dialog="login")
    finally:
        s.terminal.kill_client()
        s.configure()


@scenario("codex", "starting-loading", "dialog-trust", own_start=True, wide=True)
def trust(s: Codex) -> None:
    """Newer releases draw their box first and ask some seconds later."""
    s.configure(trusted=False)
    try:
        s.start()
        s.terminal.await_text(r"OpenAI Codex|[Tt]rust|allow Codex to work", 12)
        look = s.take()
        if re.search(r"^  \? for shortcuts\s*$", look.plain, re.MULTILINE):
            s.write("starting-loading", look, state="starting")
        s.terminal.await_text(r"[Tt]rust|allow Codex to work", 12)
        s.terminal.settle()
        s.snap("dialog-trust", "waiting_approval", dialog="trust")
    finally:
        s.terminal.kill_client()
        s.configure()


@scenario("codex", "dialog-update", own_start=True)
def update(s: Codex) -> None:
    s.configure(updates=True)
    try:
        s.start()
        s.terminal.await_text(r"Update available.*(Update now|Skip)", 8)
        s.terminal.settle()
        s.snap("dialog-update", "waiting_approval", dialog="other")
    finally:
        s.terminal.kill_client()
        s.configure()


@scenario("codex", "starting-blank", "prompt-fresh", own_start=True, wide=True)
def starting(s: Codex) -> None:
    s.configure()
    s.start()
    end = time.monotonic() + 15
    while time.monotonic() < end:
        look = s.take()
        if look.facts["command"] not in ("bash", "env"):
            if not any(mark in look.plain for mark in ("›", "╭", "OpenAI")):
                s.write("starting-blank", look, state="starting")
            break
    s.ready()
    s.terminal.settle(1.5, 6)
    s.snap("prompt-fresh", "prompt")


@scenario("codex", "dialog-new-model", own_start=True)
def new_model(s: Codex) -> None:
    if s.terminal.command() != "bash":
        s.terminal.kill_client()
    s.configure()
    s.start()
    s.terminal.await_text(NEW_MODEL, 5)
    s.terminal.settle()
    s.snap("dialog-new-model", "waiting_approval", dialog="new_model")
    s.terminal.kill_client()
