"""One recording of Claude Code from an empty home to the last scenario."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import tests.recorder.claude_scenarios  # noqa: F401
from fleetscripts.practice.server import listen
from tests.recorder.claude import Claude
from tests.recorder.model_claude import ClaudeModel
from tests.recorder.namespace import HOME, PROJECT
from tests.recorder.replies import Script
from tests.recorder.scenario import play, scenarios
from tests.recorder.stage import Options, Report, make_project
from tests.recorder.terminal import Terminal


def play_claude(options: Options, commands: Path, *, usual: bool) -> Report:
    """Play what was chosen; ``usual`` leaves out what looks the same in every mode."""
    make_project()
    model = ClaudeModel(Script())
    server = listen(model)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    scratch = HOME / ".scratch"
    scratch.mkdir()
    environment = {
        "HOME": str(HOME),
        "PS1": "$ ",
        "PATH": f"{commands}:{os.environ['PATH']}",
        "ANTHROPIC_BASE_URL": f"http://127.0.0.1:{server.server_port}",
        "DISABLE_TELEMETRY": "1",
        "DISABLE_AUTOUPDATER": "1",
        "DISABLE_ERROR_REPORTING": "1",
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "IS_SANDBOX": "1",
        "CLAUDE_CODE_TMPDIR": str(scratch),
    }
    terminal = Terminal(str(PROJECT), str(HOME), options.size, environment)
    try:
        stage = Claude(options, model, terminal)
        stage.configure()
        play(stage, [each for each in scenarios("claude") if each.wide or not usual], stage.ready)
        return stage.report
    finally:
        terminal.close()
