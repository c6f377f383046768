"""Reads one issue from GitHub."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fleetscripts.adapters.github.gh import Gh
from fleetscripts.adapters.github.github_problems import GitHubProblem, ProblemKind
from fleetscripts.adapters.github.github_query import Query
from fleetscripts.dataclass import dataclass
from fleetscripts.pull_request import PullKey

_ISSUE = """
query($owner: String!, $name: String!, $number: Int!) {
  p0: repository(owner: $owner, name: $name) { issue(number: $number) {
    title body url state labels(first: 50) { nodes { name } }
  } }
}
"""


@dataclass(frozen=True, slots=True)
class Issue:
    """Title and text are by whoever may file one."""

    title: str
    body: str
    url: str
    is_open: bool
    labels: tuple[str, ...]


def read_issue(gh: Gh, key: PullKey) -> Issue:
    """The issue of that number; raises GitHubProblem, also for a pull request's number."""
    asked = {"owner": key.owner, "name": key.name, "number": key.number}
    answer = gh.ask(key.host, Query(_ISSUE, asked))
    for problem in answer.problems.values():
        raise problem.about(key)
    try:
        return _issue(answer.data["p0"]["issue"])
    except (TypeError, KeyError, AttributeError) as error:
        text = f"GitHub's answer about the issue {key} was not understood: {error}"
        raise GitHubProblem(ProblemKind.UNEXPECTED, text) from error


def _issue(node: Mapping[str, Any]) -> Issue:
    labels = tuple(str(label["name"]) for label in (node["labels"] or {}).get("nodes", ()))
    return Issue(str(node["title"]), str(node["body"]), str(node["url"]), node["state"] == "OPEN", labels)
