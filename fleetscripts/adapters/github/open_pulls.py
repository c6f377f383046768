"""Lists the open pull requests of one branch, and creates one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from fleetscripts.adapters.github.answer_fields import WrongAnswer, members, nodes, number, text
from fleetscripts.adapters.github.gh import Gh
from fleetscripts.adapters.github.github_problems import GitHubProblem, ProblemKind
from fleetscripts.adapters.github.github_query import offers_query
from fleetscripts.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Place:
    host: str
    owner: str
    name: str

    def __str__(self) -> str:
        return f"{self.host}/{self.owner}/{self.name}"


@dataclass(frozen=True, slots=True)
class Offer:
    number: int
    url: str
    base: str


@dataclass(frozen=True, slots=True)
class Offers:
    """A branch's open pull requests, newest first, and the default branch of their target repository."""

    default_branch: str
    open: tuple[Offer, ...]


@dataclass(frozen=True, slots=True)
class NewPull:
    """A pull request to create. ``head_owner``: the owner of the branch's repository."""

    head_owner: str
    branch: str
    base: str
    title: str
    body: str
    draft: bool = False


def offers(gh: Gh, place: Place, head_owner: str, branch: str) -> Offers:
    """What is open for this branch of that owner; raises GitHubProblem. One request."""
    answer = gh.ask(place.host, offers_query(place.owner, place.name, branch))
    if answer.problems:
        raise next(iter(answer.problems.values()))
    try:
        repository = members(answer.data, "repository")
        found = [node for node in nodes(members(repository, "pullRequests")) if _owner(node) == head_owner.casefold()]
        return Offers(
            text(members(repository, "defaultBranchRef"), "name"),
            tuple(Offer(int(number(node, "number")), text(node, "url"), text(node, "baseRefName")) for node in found),
        )
    except WrongAnswer as error:
        reason = f"GitHub's answer about the pull requests of {place} was not understood: {error}"
        raise GitHubProblem(ProblemKind.UNEXPECTED, reason) from error


def create(gh: Gh, place: Place, pull: NewPull) -> Offer:
    """Create it with ``gh pr create``; raises GitHubProblem."""
    same = pull.head_owner.casefold() == place.owner.casefold()
    head = pull.branch if same else f"{pull.head_owner}:{pull.branch}"
    words = ["pr", "create", "--repo", str(place), "--head", head, "--base", pull.base]
    words += [f"--title={pull.title}", "--body-file", "-", *(["--draft"] if pull.draft else [])]
    printed = gh.perform(place.host, words, pull.body.encode()).strip()
    url = printed.splitlines()[-1] if printed else ""
    named = re.fullmatch(r"https?://[^\s/]+/[^\s/]+/[^\s/]+/pull/(\d+)", url)
    if named is None:
        raise GitHubProblem(
            ProblemKind.UNEXPECTED, f"gh made a pull request and printed no address of it: {url[:200]!a}"
        )
    return Offer(int(named[1]), url, pull.base)


def _owner(node: Mapping[str, Any]) -> str:
    """The owner of the branch's repository; empty if that is gone."""
    owner = node.get("headRepositoryOwner")
    return text(owner, "login").casefold() if isinstance(owner, dict) else ""
