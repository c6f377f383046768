"""How long one verification takes, beside asking GitHub in six calls of gh, one after the other, in the same run.

A local server answers at once; a real one takes a while, so both are measured: with no wait, and with one before each
answer. Ratios hold; milliseconds drift with the machine.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from fleetscripts.adapters.github.github_query import pulls_query
from tests.fake_github.scene import KEY, WINDOW, build, prepare
from tests.fake_github.server import World, serve
from tests.fake_github.table import new_home, own_environment
from tests.places import BUNDLE

ROUNDS = 11
WAITS_SECONDS = (0.0, 0.2)
"""Before each answer: none, and about what GitHub's GraphQL takes."""

_PULL = (
    "query($o: String!, $n: String!, $p: Int!) { repository(owner: $o, name: $n) { pullRequest(number: $p) { %s } } }"
)
SIX = {
    "state and head": "state isDraft headRefOid headRefName",
    "checks": "commits(last: 1) { nodes { commit { statusCheckRollup { contexts(first: 100) { nodes { __typename"
    " ... on CheckRun { name status conclusion } ... on StatusContext { context state } } } } } } }",
    "times of the runs": "commits(last: 1) { nodes { commit { checkSuites(first: 20) { nodes { createdAt } } } } }",
    "threads": "reviewThreads(first: 100) { nodes { isResolved comments(last: 1) { nodes { body } } } }",
    "reviews": "reviews(last: 100) { nodes { state submittedAt author { login } } }",
    "date of the last commit": "commits(last: 1) { nodes { commit { committedDate } } }",
}


def ask(query: str, names: Mapping[str, object]) -> None:
    """One call of gh."""
    given = [word for name, value in names.items() for word in ("-F", f"{name}={value}")]
    subprocess.run(["gh", "api", "graphql", "-f", f"query={query}", *given], capture_output=True, check=True)


def six_calls() -> None:
    """What a script does that asks for one thing at a time."""
    for fields in SIX.values():
        ask(_PULL % fields, {"o": KEY.owner, "n": KEY.name, "p": KEY.number})


def one_call() -> None:
    """Everything in one query, as verify-complete asks."""
    query = pulls_query([KEY])
    ask(query.text, query.variables)


def verify() -> None:
    """The whole command: Python's start, GitHub, git, the gates, the record."""
    main = [sys.executable, "-I", str(BUNDLE / "fleetscripts" / "__main__.py"), "verify-complete", WINDOW]
    subprocess.run(main, capture_output=True, check=True)


WAYS: Mapping[str, Callable[[], None]] = {
    "six calls of gh": six_calls,
    "one call of gh": one_call,
    "verify-complete, whole": verify,
}


def main() -> int:
    """Print medians and minima, in turns, so that a busy moment of the machine meets all."""
    with tempfile.TemporaryDirectory(prefix="fg", dir="/tmp") as folder:
        root = Path(folder)
        own_environment(root)
        work = build(root / "git")
        home = new_home(root)
        os.environ.update(prepare(home, work, {}, home / "gh.sock"))
        for wait_seconds in WAITS_SECONDS:
            world = World({"threads": [{}] * 12, "http": {"wait": wait_seconds}}, work.commits)
            with serve(world, home / "gh.sock"):
                measure(f"{wait_seconds * 1000:.0f} ms before each answer", world)
    return 0


def measure(title: str, world: World) -> None:
    """One table."""
    taken: dict[str, list[float]] = {name: [] for name in WAYS}
    requests = dict.fromkeys(WAYS, 0)
    for _ in range(ROUNDS):
        for name, way in WAYS.items():
            before, asked = time.perf_counter(), world.requests
            way()
            taken[name].append((time.perf_counter() - before) * 1000)
            requests[name] = world.requests - asked
    print(f"\n{title:30} {'median':>10} {'least':>10} {'ratio':>6} {'requests':>9}")
    unit = statistics.median(taken["six calls of gh"])
    for name, times in taken.items():
        middle = statistics.median(times)
        print(f"{name:30} {middle:7.0f} ms {min(times):7.0f} ms {middle / unit:6.2f} {requests[name]:9}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
