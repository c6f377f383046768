"""Before the first prompt: the shell, onboarding, the dialogs that stand before a start."""

from __future__ import annotations

import json
import re
import time

from tests.recorder.claude import Claude
from tests.recorder.maker import stand_in
from tests.recorder.namespace import HOME, PROJECT
from tests.recorder.scenario import scenario
from tests.recorder.terminal import NotReached

THEMES = r"Choose the text style|Choose a theme|text style that looks best|Dark mode"
LOGIN = r"Select login method|Claude account with subscription|How would you like to"
BOXED = re.compile(r"[─━]{8,}|❯|Enter to|╭|✳|Welcome|>")


@scenario("claude", "shell-fresh", own_start=True, wide=True)
def shell_fresh(s: Claude) -> None:
    s.terminal.fresh_shell()
    s.snap("shell-fresh", "idle")


@scenario(
    "claude",
    "dialog-theme",
    "dialog-login-method",
    "dialog-login-code",
    "dialog-api-key-onboarding",
    own_start=True,
)
def onboarding(s: Claude) -> None:
    s.configure(onboarded=False, trusted=False, key_approved=False)
    try:
        s.start(login=s.options.mode == "api", extra={"NODE_EXTRA_CA_CERTS": str(stand_in(HOME))})
        s.terminal.await_text(THEMES, 15)
        s.terminal.settle()
        s.snap("dialog-theme", "waiting_approval", dialog="menu")
        s.terminal.keys("Enter")
        if s.options.mode == "api":
            s.terminal.await_text(r"custom API key", 8)
            s.terminal.settle()
            s.snap("dialog-api-key-onboarding", "waiting_approval", dialog="api_key")
        else:
            _login(s, "dialog-login-method", "dialog-login-code")
    finally:
        if s.terminal.command() != "bash":
            s.terminal.kill_client()
        s.configure()


def _login(s: Claude, method: str, code: str) -> None:
    s.terminal.await_text(LOGIN, 8)
    s.terminal.settle()
    s.snap(method, "waiting_approval", dialog="login")
    s.terminal.keys("Enter")
    s.terminal.await_text(r"Paste code here", 8)
    s.terminal.settle()
    s.snap(code, "waiting_approval", dialog="login")


@scenario("claude", "dialog-api-key", own_start=True, wide=True, modes=("api",))
def api_key_question(s: Claude) -> None:
    s.configure(key_approved=False)
    s.start()
    try:
        s.terminal.await_text(r"custom API key", 15)
        s.terminal.settle()
        s.snap("dialog-api-key", "waiting_approval", dialog="api_key")
    finally:
        s.configure()


@scenario("claude", "dialog-trust", own_start=True, wide=True)
def trust(s: Claude) -> None:
    s.configure(trusted=False)
    s.start()
    s.terminal.await_text(r"Do you trust|Quick safety check|trust this folder|Is this a project you", 15)
    s.terminal.settle()
    s.snap("dialog-trust", "waiting_approval", dialog="trust")
    s.configure()


@scenario("claude", "dialog-bypass", own_start=True, wide=True)
def bypass(s: Claude) -> None:
    if s.options.permission_mode != "bypassPermissions":
        raise NotReached("only asked in the bypassPermissions mode")
    s.configure()
    s.start()
    s.terminal.await_text(r"Bypass Permissions mode.*accept", 15)
    s.terminal.settle()
    s.snap("dialog-bypass", "waiting_approval", dialog="bypass")


@scenario("claude", "starting-blank", "starting-last", "prompt-fresh", own_start=True, wide=True)
def starting(s: Claude) -> None:
    s.configure()
    s.start()
    looks = []
    end = time.monotonic() + 20
    while time.monotonic() < end:
        look = s.take()
        if look.facts["command"] not in ("bash", "env"):
            looks.append(look)
            if BOXED.search(look.plain.split("claude --permission-mode", 1)[-1]):
                break
    before = looks[:-1]
    if before:
        s.write("starting-blank", before[0], state="starting")
    if len(before) > 3:
        s.write("starting-last", before[-1], state="starting")
    s.ready()
    s.terminal.settle(1.0)
    s.snap("prompt-fresh", "prompt")


@scenario("claude", "dialog-settings-error", own_start=True)
def settings_error(s: Claude) -> None:
    s.configure()
    folder = PROJECT / ".claude"
    folder.mkdir(exist_ok=True)
    path = folder / "settings.json"
    try:
        path.write_text(json.dumps({"permissions": {"defaultMode": "no-such-mode", "allow": "Bash"}, "hooks": 3}))
        s.start()
        s.terminal.await_text(r"Settings Error|Continue without these settings|settings files? with errors|Invalid", 15)
        s.terminal.settle()
        if s.terminal.shows(r"Continue without"):
            s.snap("dialog-settings-error", "waiting_approval", dialog="settings")
    finally:
        path.unlink()


@scenario("claude", "dialog-mcp", "dialog-mcp-several", own_start=True)
def mcp_servers(s: Claude) -> None:
    s.configure()
    path = PROJECT / ".mcp.json"
    server = {"command": "cat", "args": []}
    try:
        for name, servers in (("dialog-mcp", ["store"]), ("dialog-mcp-several", ["store", "letters", "maps"])):
            path.write_text(json.dumps({"mcpServers": dict.fromkeys(servers, server)}))
            s.start()
            s.terminal.await_text(r"MCP servers? found|new MCP server", 15)
            s.terminal.settle()
            s.snap(name, "waiting_approval", dialog="mcp")
    finally:
        path.unlink()


@scenario("claude", "prompt-not-logged-in", "not-logged-in", own_start=True)
def not_logged_in(s: Claude) -> None:
    s.configure()
    s.launch(login=False)
    s.terminal.settle()
    s.snap("prompt-not-logged-in", "prompt")
    s.type("look at the basket")
    s.terminal.keys("Enter")
    s.terminal.await_text(r"[Nn]ot logged in|Invalid API key|Please run /login", 12)
    s.turn_over()
    if s.script.in_flight == 0:
        s.snap("not-logged-in", "api_error", error="auth")


@scenario("claude", "dialog-login")
def login_menu(s: Claude) -> None:
    s.type("/login")
    s.terminal.keys("Enter")
    s.terminal.await_text(LOGIN, 8)
    s.terminal.settle()
    s.snap("dialog-login", "waiting_approval", dialog="login")
    s.terminal.keys("Escape")
