"""``tests/record``: what to record, where, and what came of it."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.recorder import namespace
from tests.recorder.releases import installed
from tests.recorder.stage import Options, Report

ROOT = Path(__file__).resolve().parent.parent.parent


def parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="tests/record",
        description="Record labelled screens of a real client on a scripted model, with no account and no network.",
    )
    parser.add_argument("--agent", choices=("claude", "codex"), default="claude")
    parser.add_argument("--release", help="an npm release, such as 2.1.329")
    parser.add_argument("--mode", help="how the client is logged in: oauth (default) or api; codex: default")
    parser.add_argument("--permission-mode", default="default", help="default, acceptEdits, plan, bypassPermissions, …")
    parser.add_argument("--size", default="140x45", help="WIDTHxHEIGHT of the pane")
    parser.add_argument("--theme", choices=("dark", "light"), default="dark")
    parser.add_argument("--status-line", action="store_true", help="with a user's own status line of several lines")
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="only cases whose name matches")
    parser.add_argument("--usual", action="store_true", help="only the cases that every mode and theme is recorded with")
    parser.add_argument("--screens", type=Path, default=ROOT / "tests" / "screens", help="folder to record into")
    parser.add_argument("--missed", type=Path, help="folder for the screens of scenarios that did not come about")
    return parser


def record(chosen: argparse.Namespace, commands: Path) -> Report:
    """Play the scenarios here, inside the namespace."""
    namespace.prepare()
    width, height = chosen.size.split("x")
    options = Options(
        agent=chosen.agent,
        release=chosen.release,
        mode=chosen.mode or ("oauth" if chosen.agent == "claude" else "default"),
        size=(int(width), int(height)),
        permission_mode=chosen.permission_mode,
        theme=chosen.theme,
        status_line=chosen.status_line,
        only=tuple(chosen.only),
        screens=chosen.screens.resolve(),
        missed=chosen.missed.resolve() if chosen.missed else None,
    )
    if options.agent == "claude":
        from tests.recorder.play_claude import play_claude

        return play_claude(options, commands, usual=chosen.usual)
    raise SystemExit("record: not yet")


def main(argv: Sequence[str] | None = None) -> int:
    """Exit 0 when something was recorded, 3 when nothing was."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    chosen = parser().parse_args(arguments)
    if not chosen.release:
        parser().error("--release is wanted")
    commands = installed(chosen.agent, chosen.release)
    if os.environ.get(namespace.INSIDE) != "1":
        return namespace.enter(str(ROOT), arguments)
    report = record(chosen, commands)
    print(f"{chosen.release}: {len(report.recorded)} recorded, {len(report.missed)} missed")
    return 0 if report.recorded else 3
