"""GitHub through the user's own ``gh``: pull requests read whole and consistent, limits shared by the fleet."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from fleetscripts.adapters.github_budget import Budget
from fleetscripts.adapters.github_parse import WrongAnswer, contexts, nodes, pull_request
from fleetscripts.adapters.github_problems import GitHubProblem, ProblemKind, problem_in
from fleetscripts.adapters.github_query import Query, page_query, pulls_query
from fleetscripts.pull_request import PullKey, PullRequest

TIMEOUT_SECONDS = 60
MOST_PAGES = 60
"""5,000 comments in threads of one come to 50 pages; more than this is not read, and said so."""
MOST_TRIES = 3
MOST_AT_ONCE = 10
"""Pull requests in one query: GitHub bounds a query's nodes, and each asks for some 1,300."""

_CONNECTIONS = {"threads": "reviewThreads", "reviews": "reviews", "contexts": ""}


@dataclass(slots=True)
class GitHub:
    """One user's view of GitHub. ``clock`` gives Unix seconds. ``requests`` counts what was sent."""

    environ: Mapping[str, str]
    budget: Budget
    executable: str = "gh"
    timeout_seconds: float = TIMEOUT_SECONDS
    requests: int = 0

    def pull_requests(self, keys: Iterable[PullKey], now: float) -> dict[PullKey, PullRequest | GitHubProblem]:
        """Each pull request, or why it could not be read. One request for up to ten of a host, and one more for each
        further page."""
        found: dict[PullKey, PullRequest | GitHubProblem] = {}
        by_host: dict[str, list[PullKey]] = {}
        for key in dict.fromkeys(keys):
            by_host.setdefault(key.host, []).append(key)
        for host, wanted in by_host.items():
            for start in range(0, len(wanted), MOST_AT_ONCE):
                found |= self._batch(host, wanted[start : start + MOST_AT_ONCE], now)
        return found

    def _batch(self, host: str, keys: list[PullKey], now: float) -> dict[PullKey, PullRequest | GitHubProblem]:
        try:
            data = self._ask(host, pulls_query(keys), now)
        except GitHubProblem as problem:
            if len(keys) > 1 and problem.kind in (ProblemKind.NOT_FOUND, ProblemKind.UNEXPECTED):
                return {key: answer for alone in keys for key, answer in self._batch(host, [alone], now).items()}
            return {key: problem.about(key) for key in keys}
        return {key: self._whole(key, data.get(f"p{at}"), now) for at, key in enumerate(keys)}

    def _whole(self, key: PullKey, answer: object, now: float) -> PullRequest | GitHubProblem:
        """One pull request with all its pages; begun again when it changes between two of them."""
        try:
            node = _pull_node(key, answer)
            for _ in range(MOST_TRIES):
                joined = self._with_pages(key, node, now)
                if joined is not None:
                    return pull_request(key, joined, now)
                node = _pull_node(key, self._ask(key.host, pulls_query([key]), now).get("p0"))
            return GitHubProblem(ProblemKind.CHANGING, f"{key} kept changing while it was read; look again later")
        except WrongAnswer as error:
            return GitHubProblem(ProblemKind.UNEXPECTED, f"GitHub's answer about {key} was not understood: {error}")
        except GitHubProblem as problem:
            return problem.about(key)

    def _with_pages(self, key: PullKey, node: dict[str, Any], now: float) -> dict[str, Any] | None:
        """The node with every page joined in; None when the pull request changed on the way."""
        pages = 0
        for part in _CONNECTIONS:
            connection = _connection(node, part)
            while (cursor := _next(connection)) is not None:
                pages += 1
                if pages > MOST_PAGES:
                    raise GitHubProblem(ProblemKind.UNEXPECTED, f"{key} has more pages than are read ({MOST_PAGES})")
                further = _pull_node(key, self._ask(key.host, page_query(key, part, cursor), now).get("p0"))
                if any(further.get(name) != node.get(name) for name in ("headRefOid", "updatedAt")):
                    return None
                page = _connection(further, part)
                connection["nodes"] = [*nodes(connection), *nodes(page)]
                connection["pageInfo"] = page.get("pageInfo")
        return node

    def _ask(self, host: str, query: Query, now: float) -> dict[str, Any]:
        """The ``data`` of one answer without errors; raises GitHubProblem for anything else."""
        self.budget.require(host, now)
        self.requests += 1
        body = json.dumps({"query": query.text, "variables": dict(query.variables)})
        argv = [self.executable, "api", "graphql", "--hostname", host, "--include", "--input", "-"]
        environment = {**self.environ, "GH_PROMPT_DISABLED": "1", "NO_COLOR": "1", "GH_NO_UPDATE_NOTIFIER": "1"}
        environment.pop("GH_DEBUG", None)
        try:
            done = subprocess.run(
                argv,
                input=body.encode(),
                env=environment,
                capture_output=True,
                check=False,
                timeout=self.timeout_seconds,
            )
        except FileNotFoundError:
            raise GitHubProblem(
                ProblemKind.MISSING, "expected GitHub's gh, found none: install it and log in"
            ) from None
        except OSError as error:
            raise GitHubProblem(
                ProblemKind.MISSING, f"gh could not be started: {os.strerror(error.errno or 0)}"
            ) from error
        except subprocess.TimeoutExpired:
            text = f"GitHub did not answer within {self.timeout_seconds:g} seconds"
            raise GitHubProblem(ProblemKind.NETWORK, text) from None
        problem, data = problem_in(done.returncode, done.stdout, done.stderr, now)
        if problem is not None:
            self.budget.note(host, problem)
            raise problem
        return data


def _pull_node(key: PullKey, answer: object) -> dict[str, Any]:
    node = answer.get("pullRequest") if isinstance(answer, dict) else None
    if not isinstance(node, dict):
        raise WrongAnswer("the pull request is missing")
    return node


def _connection(node: dict[str, Any], part: str) -> dict[str, Any]:
    found = node.get(_CONNECTIONS[part]) if _CONNECTIONS[part] else contexts(node)
    if not isinstance(found, dict):
        raise WrongAnswer(f"{part} are missing")
    return found


def _next(connection: Mapping[str, Any]) -> str | None:
    """The cursor of the next page, in whichever direction this connection is read."""
    info = connection.get("pageInfo")
    if not isinstance(info, dict):
        raise WrongAnswer("a list does not say whether it ends")
    more = info.get("hasNextPage", info.get("hasPreviousPage"))
    cursor = info.get("endCursor") or info.get("startCursor")
    if more and not isinstance(cursor, str):
        raise WrongAnswer("a list goes on without saying where")
    return cursor if more else None
