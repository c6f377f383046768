"""``tests/record``: what to record, where, and what came of it."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.recorder import namespace
from tests.recorder.namespace import ROOT
from tests.recorder.releases import installed, published
from tests.recorder.stage import Options, Report
from tests.recorder.verdicts import report

NEWEST_MODES = {"claude": ("oauth", "api"), "codex": ("key",)}


def parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="tests/record",
        description="Record labelled screens of a real client on a scripted model, with no account and no network.",
    )
    parser.add_argument("--agent", choices=("claude", "codex"), help="default: claude; with --new: both")
    parser.add_argument("--release", help="an npm release, such as 2.1.329")
    parser.add_argument("--mode", help="how the client is logged in: oauth (default) or api; codex: key")
    parser.add_argument("--permission-mode", default="default", help="default, acceptEdits, plan, bypassPermissions, …")
    parser.add_argument("--size", default="140x45", help="WIDTHxHEIGHT of the pane")
    parser.add_argument("--theme", choices=("dark", "light"), default="dark")
    parser.add_argument("--status-line", action="store_true", help="with a user's own status line of several lines")
    parser.add_argument("--name", default="", help="start the client with this name for its session (Claude Code)")
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="only cases whose name matches")
    parser.add_argument(
        "--usual", action="store_true", help="only the cases that every mode and theme is recorded with"
    )
    parser.add_argument("--missing", action="store_true", help="only the cases that are not there yet")
    parser.add_argument("--screens", type=Path, default=ROOT / "tests" / "screens", help="folder to record into")
    parser.add_argument("--new", action="store_true", help="record the newest releases aside and report differences")
    parser.add_argument(
        "--check", type=Path, metavar="DIR", help="report which recorded cases are classified differently"
    )
    parser.add_argument("--missed", type=Path, help="folder for the screens of scenarios that did not come about")
    return parser


def record(chosen: argparse.Namespace, commands: Path) -> Report:
    """Play the scenarios here, inside the namespace."""
    namespace.prepare()
    width, height = chosen.size.split("x")
    options = Options(
        agent=chosen.agent,
        release=chosen.release,
        mode=chosen.mode or ("oauth" if chosen.agent == "claude" else "key"),
        size=(int(width), int(height)),
        permission_mode=chosen.permission_mode,
        theme=chosen.theme,
        status_line=chosen.status_line,
        name=chosen.name,
        only=tuple(chosen.only),
        missing=chosen.missing,
        screens=chosen.screens.resolve(),
        missed=chosen.missed.resolve() if chosen.missed else None,
    )
    from tests.recorder.player import play_client

    return play_client(options, commands, usual=chosen.usual)


def record_newest(arguments: Sequence[str], agents: Sequence[str]) -> int:
    """Record the newest releases into a temporary folder, and report what is classified differently there."""
    screens = Path(tempfile.mkdtemp(prefix="fleet-recordings-"))
    for agent in agents:
        newest = published(agent)[-1]
        installed(agent, newest)
        for mode in NEWEST_MODES[agent]:
            what = ["--agent", agent, "--release", newest, "--mode", mode, "--screens", str(screens)]
            namespace.enter(str(ROOT), [*what, *arguments])
    print(f"recorded into {screens}")
    return report(screens)


def main(argv: Sequence[str] | None = None) -> int:
    """Exit 0 when something was recorded (``--new``, ``--check``: and all is classified as it is), 3 when not."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    chosen = parser().parse_args(arguments)
    if chosen.check:
        return report(chosen.check.resolve())
    if chosen.new:
        passed = [f"--size={chosen.size}", *(f"--only={name}" for name in chosen.only)]
        return record_newest(
            passed + ["--usual"] * chosen.usual, [chosen.agent] if chosen.agent else list(NEWEST_MODES)
        )
    if not chosen.release:
        parser().error("one of --release, --new and --check is wanted")
    chosen.agent = chosen.agent or "claude"
    commands = installed(chosen.agent, chosen.release)
    if os.environ.get(namespace.INSIDE) != "1":
        return namespace.enter(str(ROOT), arguments)
    played = record(chosen, commands)
    print(f"{chosen.release}: {len(played.recorded)} recorded, {len(played.missed)} missed")
    return 0 if played.recorded else 3
