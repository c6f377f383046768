"""One question to GitHub through the user's own ``gh``: one at a time for the whole fleet, none while a limit is on."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from fleetscripts.adapters.github.answers import Answer, answer_in
from fleetscripts.adapters.github.github_budget import Budget
from fleetscripts.adapters.github.github_problems import GitHubProblem, ProblemKind
from fleetscripts.adapters.github.github_query import Query
from fleetscripts.adapters.records.locks import Locked

TIMEOUT_SECONDS = 60
HANG_WAIT_SECONDS = 20
"""After a question without any answer: nobody else waits for the same silence meanwhile."""


@dataclass(slots=True)
class Gh:
    """The user's ``gh``. ``clock`` gives Unix seconds. ``requests`` counts what was sent."""

    environ: Mapping[str, str]
    budget: Budget
    executable: str = "gh"
    timeout_seconds: float = TIMEOUT_SECONDS
    clock: Callable[[], float] = time.time
    requests: int = 0

    def ask(self, host: str, query: Query) -> Answer:
        """GitHub's answer; raises GitHubProblem when there is none, or none that counts."""
        self.budget.require(host, self.clock())
        try:
            with self.budget.turn(host, 2 * self.timeout_seconds):
                self.budget.require(host, self.clock())
                answer = self._answer(host, query)
                for problem in filter(None, (answer.problem, answer.limit)):
                    self.budget.note(host, problem)
        except Locked:
            text = "others of this fleet have been asking GitHub all the while"
            raise GitHubProblem(ProblemKind.NETWORK, text) from None
        if answer.problem is not None:
            raise answer.problem
        return answer

    def _answer(self, host: str, query: Query) -> Answer:
        self.requests += 1
        try:
            done = subprocess.run(
                [self.executable, "api", "graphql", "--hostname", host, "--include", "--input", "-"],
                input=json.dumps({"query": query.text, "variables": dict(query.variables)}).encode(),
                env=self._environment(),
                capture_output=True,
                check=False,
                timeout=self.timeout_seconds,
            )
        except FileNotFoundError:
            text = "expected GitHub's gh, found none: install it and log in"
            return Answer(problem=GitHubProblem(ProblemKind.MISSING, text))
        except OSError as error:
            text = f"gh could not be started: {os.strerror(error.errno or 0)}"
            return Answer(problem=GitHubProblem(ProblemKind.MISSING, text))
        except subprocess.TimeoutExpired:
            text = f"GitHub did not answer within {self.timeout_seconds:g} seconds"
            return Answer(problem=GitHubProblem(ProblemKind.NETWORK, text, self.clock() + HANG_WAIT_SECONDS))
        return answer_in(done.returncode, done.stdout, done.stderr, self.clock())

    def _environment(self) -> dict[str, str]:
        quiet = {"GH_PROMPT_DISABLED": "1", "NO_COLOR": "1", "GH_NO_UPDATE_NOTIFIER": "1"}
        return {name: value for name, value in self.environ.items() if name != "GH_DEBUG"} | quiet
