"""Asks GitHub through the user's ``gh``: one query at a time for the whole fleet, none while a rate limit is in
force."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from fleetscripts.adapters.github.answers import ApiAnswer, answer_in, problem_in_words
from fleetscripts.adapters.github.github_budget import Budget
from fleetscripts.adapters.github.github_problems import GitHubProblem, ProblemKind
from fleetscripts.adapters.github.github_query import Query
from fleetscripts.adapters.records.locks import LockTaken
from fleetscripts.pull_request import PullKey

TIMEOUT_SECONDS = 60
MOST_BYTES = 64_000_000
"""Of an answer; a longer log is read in full, and only its last part kept."""
SAME_CLOCK_SECONDS = 15
"""Smaller clock differences are ignored: an answer takes time, and names whole seconds."""
HANG_WAIT_SECONDS = 20
"""After a query without any answer nobody else waits for the same silence for this long."""


@dataclass(slots=True)
class Gh:
    """``clock`` gives Unix seconds. ``requests`` counts what was sent."""

    environ: Mapping[str, str]
    budget: Budget
    executable: str = "gh"
    timeout_seconds: float = TIMEOUT_SECONDS
    clock: Callable[[], float] = time.time
    requests: int = 0
    ahead: dict[str, float] = field(default_factory=dict)
    """Seconds that a host's clock is ahead of ours (negative: behind), if known and different."""

    def ask(self, host: str, query: Query) -> ApiAnswer:
        """GitHub's answer; raises GitHubProblem without a valid one."""
        words = ["api", "graphql", "--hostname", host, "--include", "--input", "-"]
        sent = json.dumps({"query": query.text, "variables": dict(query.variables)}).encode()
        with self._turn(host):
            try:
                code, printed, said = self._run(words, sent)
                answer = answer_in(code, printed, said, self.clock())
            except GitHubProblem as unanswered:
                answer = ApiAnswer(problem=unanswered)
            for problem in filter(None, (answer.problem, answer.limit)):
                self.budget.note(host, problem)
        if answer.problem is not None:
            raise answer.problem
        if answer.server_time is not None:
            ahead = answer.server_time - self.clock()
            self.ahead[host] = ahead if abs(ahead) > SAME_CLOCK_SECONDS else 0.0
        return answer

    def failed_log(self, key: PullKey, job: int) -> str:
        """The end of the output of a job's failed steps, in gh's format; raises GitHubProblem."""
        words = ["run", "view", "--job", str(job), "--log-failed", "--repo", f"{key.host}/{key.owner}/{key.name}"]
        return self.perform(key.host, words)

    def perform(self, host: str, words: Sequence[str], sent: bytes = b"") -> str:
        """The output of another gh command; raises GitHubProblem. It runs outside every repository: the arguments must
        name one."""
        with self._turn(host), tempfile.TemporaryDirectory() as nowhere:
            try:
                code, printed, said = self._run(words, sent, nowhere)
                if code:
                    raise problem_in_words(code, said.decode("utf-8", "replace").strip(), self.clock())
            except GitHubProblem as problem:
                self.budget.note(host, problem)
                raise
        return printed.decode("utf-8", "replace")

    @contextmanager
    def _turn(self, host: str) -> Iterator[None]:
        """Exclusive use, while no limit is known."""
        self.budget.require(host, self.clock())
        try:
            with self.budget.turn(host, 2 * self.timeout_seconds):
                self.budget.require(host, self.clock())
                yield
        except LockTaken:
            text = "others of this fleet have been asking GitHub all the while"
            raise GitHubProblem(ProblemKind.NETWORK, text) from None

    def _run(self, words: Sequence[str], sent: bytes = b"", folder: str | None = None) -> tuple[int, bytes, bytes]:
        """gh's exit code, the end of its output, and its standard error."""
        self.requests += 1
        with tempfile.TemporaryFile() as printed:
            try:
                done = subprocess.run(
                    [self.executable, *words],
                    input=sent,
                    cwd=folder,
                    env=self._environment(),
                    stdout=printed,
                    stderr=subprocess.PIPE,
                    check=False,
                    timeout=self.timeout_seconds,
                )
            except FileNotFoundError:
                text = "expected GitHub's gh, found none: install it and log in"
                raise GitHubProblem(ProblemKind.MISSING, text) from None
            except OSError as error:
                text = f"gh could not be started: {os.strerror(error.errno or 0)}"
                raise GitHubProblem(ProblemKind.MISSING, text) from error
            except subprocess.TimeoutExpired:
                text = f"GitHub did not answer within {self.timeout_seconds:g} seconds"
                raise GitHubProblem(ProblemKind.NETWORK, text, self.clock() + HANG_WAIT_SECONDS) from None
            printed.seek(max(0, printed.seek(0, os.SEEK_END) - MOST_BYTES))
            return done.returncode, printed.read(), done.stderr

    def _environment(self) -> dict[str, str]:
        quiet = {"GH_PROMPT_DISABLED": "1", "NO_COLOR": "1", "GH_NO_UPDATE_NOTIFIER": "1"}
        return {name: value for name, value in self.environ.items() if name != "GH_DEBUG"} | quiet
