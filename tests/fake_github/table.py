"""Every situation with its verdict: as the files expect it (the page beside them), and as it comes out now."""

from __future__ import annotations

import contextlib
import io
import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from fleetscripts.commands import verify_complete
from tests.fake_github.scene import EXIT, FOLDER, SITUATIONS, WINDOW, Work, build, prepare, situation_in
from tests.fake_github.server import World, serve

PAGE = FOLDER / "README.md"
INTRODUCTION = """\
# Situations on GitHub, and the verdicts on them

Each file here is one pull request as GitHub's server has it, and what `verify-complete` must say of it.
`tests/run tests/commands/test_github_situations.py` holds every row through the real `gh`; `tests/situations` prints
what comes out now, `tests/situations --write` writes this page anew.
"""
_PASSED = re.compile(r"^pass +|^verified$|^(?:not complete|pending|unknown)$")


def page() -> str:
    """The page, as the files have it."""
    situations = [(file.stem, situation_in(file)) for file in SITUATIONS]
    verdicts = [situation["verdict"] for _, situation in situations]
    counts = ", ".join(f"{verdicts.count(name)} {name.replace('_', ' ')}" for name in EXIT)
    rows = [
        (name, said["verdict"].replace("_", " "), EXIT[said["verdict"]], said.get("requests", 1), said["says"])
        for name, said in situations
    ]
    head = ("situation", "verdict", "exit code", "requests", "it says, among other things")
    lines = [_row(head), _row(["---"] * len(head)), *map(_row, rows)]
    return f"{INTRODUCTION}\n{len(rows)} situations: {counts}.\n\n" + "\n".join(lines) + "\n"


def _row(cells: Iterable[object]) -> str:
    return f"| {' | '.join(str(cell).replace('|', chr(92) + '|') for cell in cells)} |"


def outcome(home: Path, work: Work, situation: Mapping[str, Any]) -> tuple[int, int, str]:
    """Exit code, requests and what was printed, of one situation now. The environment points at ``home``."""
    socket = home / "gh.sock"
    os.environ.update(prepare(home, work, situation, socket))
    said = io.StringIO()
    with (
        serve(World(situation, work.commits), socket) as world,
        work.branch_deleted("branch_deleted" in situation),
        contextlib.redirect_stdout(said),
        contextlib.redirect_stderr(said),
    ):
        code = verify_complete.main([WINDOW])
    return code, world.requests, said.getvalue()


def own_environment(root: Path) -> None:
    """Nothing of the machine's own: a home, a state file, a fleet home and a git identity of ours."""
    for name in [name for name in os.environ if name.startswith(("FLEET_", "ORCHESTRATOR_", "GH_", "GITHUB_", "GIT_"))]:
        del os.environ[name]
    for role in ("AUTHOR", "COMMITTER"):
        os.environ |= {f"GIT_{role}_NAME": "Tester", f"GIT_{role}_EMAIL": "tester@localhost"}
    os.environ["GIT_CONFIG_NOSYSTEM"] = "1"
    new_home(root)


def new_home(root: Path) -> Path:
    """An empty home for one situation."""
    home = Path(tempfile.mkdtemp(dir=root))
    names = {"HOME": home, "FLEET_HOME": home / "fleet", "ORCHESTRATOR_STATE_FILE": home / "state.json"}
    os.environ.update({name: str(value) for name, value in names.items()})
    return home


def main(argv: Sequence[str]) -> int:
    """Print what comes out now, one row a situation; 1 when any is not as its file says. ``--write``: the page."""
    if "--write" in argv:
        PAGE.write_text(page(), encoding="utf-8")
        return 0
    with tempfile.TemporaryDirectory(prefix="fg", dir="/tmp") as folder:
        root = Path(folder)
        own_environment(root)
        work = build(root / "git")
        wrong = [
            file for file in SITUATIONS if not _print_row(file, lambda found: outcome(new_home(root), work, found))
        ]
    print(f"{len(SITUATIONS) - len(wrong)} of {len(SITUATIONS)} as expected")
    return 1 if wrong else 0


def _print_row(file: Path, run: Callable[[Mapping[str, Any]], tuple[int, int, str]]) -> bool:
    situation = situation_in(file)
    began = time.perf_counter()
    code, requests, said = run(situation)
    taken = (time.perf_counter() - began) * 1000
    fine = (code, requests) == (EXIT[situation["verdict"]], situation.get("requests", 1)) and situation["says"] in said
    decided = [" ".join(line.split()) for line in said.splitlines() if not _PASSED.search(line)]
    shown = decided or [" ".join(line.split()) for line in said.splitlines() if situation["says"] in line]
    print(f"{'ok  ' if fine else 'BAD '} {file.stem:50} exit {code}  {requests:2} requests {taken:6.0f} ms", flush=True)
    for line in shown:
        print(f"       {line[: shutil.get_terminal_size().columns - 8]}", flush=True)
    return fine


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
