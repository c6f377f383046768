"""One recording of a client from an empty home to the last scenario."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

import tests.recorder.claude_scenarios
import tests.recorder.codex_scenarios
import tests.recorder.common_scenarios  # noqa: F401
from fleetscripts.practice.server import Model, listen
from tests.recorder.claude import Claude
from tests.recorder.client import Client
from tests.recorder.codex import Codex
from tests.recorder.model_claude import ClaudeModel
from tests.recorder.model_codex import CodexModel
from tests.recorder.namespace import HOME, PROJECT
from tests.recorder.replies import Script
from tests.recorder.scenario import play, scenarios
from tests.recorder.stage import Options, Report, make_project
from tests.recorder.terminal import Terminal

SCRATCH = HOME / ".scratch"


def play_client(options: Options, commands: Path, *, usual: bool) -> Report:
    """Play what was chosen; ``usual`` leaves out what looks the same in every mode."""
    make_project()
    SCRATCH.mkdir()
    return (_claude if options.agent == "claude" else _codex)(options, commands, usual)


def _claude(options: Options, commands: Path, usual: bool) -> Report:
    model = ClaudeModel(Script())
    url = _served(model)
    environment = {
        "ANTHROPIC_BASE_URL": url,
        "DISABLE_TELEMETRY": "1",
        "DISABLE_AUTOUPDATER": "1",
        "DISABLE_ERROR_REPORTING": "1",
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "IS_SANDBOX": "1",
        "CLAUDE_CODE_TMPDIR": str(SCRATCH),
    }

    def at(terminal: Terminal) -> Client:
        stage = Claude(options, model, terminal)
        stage.configure()
        return stage

    return _played(options, commands, environment, at, usual)


def _codex(options: Options, commands: Path, usual: bool) -> Report:
    model = CodexModel(Script())
    url = _served(model)

    def at(terminal: Terminal) -> Client:
        stage = Codex(options, model, terminal, f"{url}/v1")
        stage.configure()
        return stage

    return _played(options, commands, {"LOCAL_KEY": "x"}, at, usual)


def _served(model: Model) -> str:
    server = listen(model)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}"


def _played(
    options: Options,
    commands: Path,
    environment: Mapping[str, str],
    client_at: Callable[[Terminal], Client],
    usual: bool,
) -> Report:
    shared = {"HOME": str(HOME), "PS1": "$ ", "PATH": f"{commands}:{os.environ['PATH']}"}
    terminal = Terminal(str(PROJECT), str(HOME), options.size, {**shared, **environment})
    try:
        stage = client_at(terminal)
        play(stage, [each for each in scenarios(options.agent) if each.wide or not usual], stage.ready)
        return stage.report
    finally:
        terminal.close()
