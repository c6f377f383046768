"""GitHub's pull requests, read completely and consistently, in as few requests as possible."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from fleetscripts.adapters.github.answer_fields import WrongAnswer, nodes
from fleetscripts.adapters.github.answers import ApiAnswer
from fleetscripts.adapters.github.gh import Gh
from fleetscripts.adapters.github.github_parse import attempts, contexts, pull_request, shortened, suites
from fleetscripts.adapters.github.github_problems import GitHubProblem, ProblemKind
from fleetscripts.adapters.github.github_query import attempts_query, page_query, pulls_query
from fleetscripts.pull_request import PullKey, PullRequest

MOST_PAGES = 60
"""5,000 comments in threads of one come to 50 pages; beyond that, reading stops and says so."""
MOST_TRIES = 3
MOST_AT_ONCE = 10
"""Pull requests in one query: GitHub limits a query's nodes, and each needs some 1,300."""
READING_SECONDS = 300
"""For one pull request with all its pages."""

_Connections = Mapping[str, Callable[[Mapping[str, Any]], object]]
_CONNECTIONS: _Connections = {
    "contexts": contexts,
    "suites": suites,
    "threads": lambda node: node.get("reviewThreads"),
    "reviews": lambda node: node.get("reviews"),
}

Found = PullRequest | GitHubProblem


@dataclass(slots=True)
class GitHub:
    """Pull requests as one user sees them. ``clock``: monotonic, in seconds."""

    gh: Gh
    clock: Callable[[], float] = time.monotonic
    older: set[str] = field(default_factory=set)
    """Hosts without rules of branches."""

    def pull_requests(self, keys: Iterable[PullKey]) -> dict[PullKey, Found]:
        """Each pull request, or why it could not be read. One request for up to ten of a host, and one more for each
        further page."""
        found: dict[PullKey, Found] = {}
        by_host: dict[str, list[PullKey]] = {}
        for key in dict.fromkeys(keys):
            by_host.setdefault(key.host, []).append(key)
        for host, wanted in by_host.items():
            for start in range(0, len(wanted), MOST_AT_ONCE):
                found |= self._batch(host, wanted[start : start + MOST_AT_ONCE])
        return found

    def attempts(self, key: PullKey) -> dict[str, tuple[str, ...]]:
        """How every run of every check on the head ended, by the check's name, oldest first. One request."""
        answer = self.gh.ask(key.host, attempts_query(key))
        if answer.problems:
            raise next(iter(answer.problems.values()))
        try:
            return attempts(_pull_node(answer.data.get("p0")))
        except (WrongAnswer, IndexError) as error:
            text = f"GitHub's answer about the runs of {key} was not understood: {error}"
            raise GitHubProblem(ProblemKind.UNEXPECTED, text) from error

    def _batch(self, host: str, keys: list[PullKey]) -> dict[PullKey, Found]:
        try:
            answer = self._ask(host, keys)
        except GitHubProblem as problem:
            if len(keys) > 1 and problem.kind in (ProblemKind.UNEXPECTED, ProblemKind.FAILED):
                return self._singly(host, keys)
            return {key: problem.about(key) for key in keys}
        found: dict[PullKey, Found] = {}
        for at, key in enumerate(keys):
            known = answer.problems.get(f"p{at}")
            found[key] = known.about(key) if known is not None else self._whole(key, answer.data.get(f"p{at}"))
        return found

    def _ask(self, host: str, keys: list[PullKey]) -> ApiAnswer:
        """With the rules of the base branches; without them if the server has none."""
        try:
            return self.gh.ask(host, pulls_query(keys, with_rules=host not in self.older))
        except GitHubProblem as problem:
            if problem.kind is not ProblemKind.UNKNOWN_FIELD or host in self.older:
                raise
            self.older.add(host)
            return self.gh.ask(host, pulls_query(keys, with_rules=False))

    def _singly(self, host: str, keys: list[PullKey]) -> dict[PullKey, Found]:
        """One by one, after the combined query was too much for GitHub; at the next failure the rest is not queried."""
        found: dict[PullKey, Found] = {}
        for key in keys:
            found |= self._batch(host, [key])
            answer = found[key]
            if isinstance(answer, GitHubProblem) and answer.kind is ProblemKind.FAILED:
                return {other: found.get(other, answer) for other in keys}
        return found

    def _whole(self, key: PullKey, answer: object) -> Found:
        """One pull request with all its pages; restarted if it changes between two of them."""
        deadline = self.clock() + READING_SECONDS
        try:
            node = _pull_node(answer)
            for _ in range(MOST_TRIES):
                if self._join_pages(key, node, deadline):
                    return pull_request(key, node, self.gh.clock(), self.gh.ahead.get(key.host, 0.0))
                node = self._again(key)
            return GitHubProblem(ProblemKind.CHANGING, f"{key} kept changing while it was read; look again later")
        except WrongAnswer as error:
            return GitHubProblem(ProblemKind.UNEXPECTED, f"GitHub's answer about {key} was not understood: {error}")
        except GitHubProblem as problem:
            return problem.about(key)

    def _again(self, key: PullKey) -> dict[str, Any]:
        answer = self._ask(key.host, [key])
        if "p0" in answer.problems:
            raise answer.problems["p0"]
        return _pull_node(answer.data.get("p0"))

    def _join_pages(self, key: PullKey, node: dict[str, Any], deadline: float) -> bool:
        """Append every further page to the node; False if the pull request changed meanwhile."""
        pages = 0
        for part in _CONNECTIONS:
            connection = _connection(node, part)
            shortened(part, connection)
            while (cursor := _next(connection)) is not None:
                pages += 1
                if pages > MOST_PAGES:
                    raise GitHubProblem(ProblemKind.UNEXPECTED, f"{key} has more pages than are read ({MOST_PAGES})")
                if self.clock() > deadline:
                    raise GitHubProblem(ProblemKind.NETWORK, f"{key} was not read within {READING_SECONDS} seconds")
                answer = self.gh.ask(key.host, page_query(key, part, cursor))
                if answer.problems:
                    raise next(iter(answer.problems.values()))
                further = _pull_node(answer.data.get("p0"))
                page = _connection(further, part)
                if _mark(further) != _mark(node) or page.get("totalCount") != connection.get("totalCount"):
                    return False
                shortened(part, page)
                connection["nodes"] = [*nodes(connection), *nodes(page)]
                connection["pageInfo"] = page.get("pageInfo")
        return True


def _mark(node: Mapping[str, Any]) -> tuple[object, ...]:
    """Fingerprint that changes whenever something happens to the pull request."""
    return node.get("headRefOid"), node.get("updatedAt")


def _pull_node(answer: object) -> dict[str, Any]:
    node = answer.get("pullRequest") if isinstance(answer, dict) else None
    if not isinstance(node, dict):
        raise WrongAnswer("the pull request is missing")
    return node


def _connection(node: dict[str, Any], part: str) -> dict[str, Any]:
    found = _CONNECTIONS[part](node)
    if not isinstance(found, dict):
        raise WrongAnswer(f"{part} are missing")
    return found


def _next(connection: Mapping[str, Any]) -> str | None:
    """The cursor of the next page, in this connection's direction."""
    info = connection.get("pageInfo")
    if not isinstance(info, dict):
        raise WrongAnswer("a list does not say whether it ends")
    more = info.get("hasNextPage", info.get("hasPreviousPage"))
    cursor = info.get("endCursor") or info.get("startCursor")
    if more and not isinstance(cursor, str):
        raise WrongAnswer("a list continues without a cursor")
    return cursor if more else None
