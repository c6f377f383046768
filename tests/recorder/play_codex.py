"""One recording of Codex from an empty home to the last scenario."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import tests.recorder.codex_scenarios  # noqa: F401
from fleetscripts.practice.server import listen
from tests.recorder.codex import Codex
from tests.recorder.model_codex import CodexModel
from tests.recorder.namespace import HOME, PROJECT
from tests.recorder.replies import Script
from tests.recorder.scenario import play, scenarios
from tests.recorder.stage import Options, Report, make_project
from tests.recorder.terminal import Terminal


def play_codex(options: Options, commands: Path, *, usual: bool) -> Report:
    """Play what was chosen; ``usual`` leaves out what looks the same in every mode."""
    make_project()
    model = CodexModel(Script())
    server = listen(model)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    environment = {"HOME": str(HOME), "PS1": "$ ", "PATH": f"{commands}:{os.environ['PATH']}", "LOCAL_KEY": "x"}
    terminal = Terminal(str(PROJECT), str(HOME), options.size, environment)
    try:
        stage = Codex(options, model, terminal, f"http://127.0.0.1:{server.server_port}/v1")
        stage.configure()
        play(stage, [each for each in scenarios("codex") if each.wide or not usual], stage.ready)
        return stage.report
    finally:
        terminal.close()
