"""A repository in which pull requests can be opened: what ``gh pr create`` asks and changes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from tests.fake_github.world import World

FIRST = 101


class OpeningWorld(World):
    """``acme/widget`` with none open. ``made``: the inputs of those made by requests."""

    def __init__(self, situation: Mapping[str, Any], commits: Mapping[str, tuple[str, str, float]]) -> None:
        super().__init__(situation, commits)
        self.made: list[Mapping[str, Any]] = []
        self.pulls: list[dict[str, Any]] = []
        self.refuses = ""
        self.lose_answer = False
        self.hold_at = ""
        """Where a request waits for ``release``: ``offers``, before one is made (``create``), after (``answer``)."""
        self.held, self.release = threading.Event(), threading.Event()

    def opened(self, branch: str, owner: str = "acme", base: str = "main") -> int:
        """One more open pull request; its number."""
        number = FIRST + len(self.pulls)
        self.pulls.append({
            "id": f"PR{number}", "number": number, "state": "OPEN", "headRefName": branch, "baseRefName": base,
            "url": f"https://github.com/acme/widget/pull/{number}", "isCrossRepository": owner != "acme",
            "headRepositoryOwner": {"__typename": "User", "id": owner, "login": owner, "name": owner},
        })  # fmt: skip
        return number

    def repository(self, owner: str, name: str) -> dict[str, Any] | None:
        """With what gh wants to know before it makes one."""
        found = super().repository(owner, name)
        if found is None:
            return None
        own = {"id": "R1", "name": name, "owner": {"__typename": "User", "login": owner}, "description": "",
               "hasIssuesEnabled": True, "hasWikiEnabled": True, "viewerPermission": "ADMIN", "parent": None,
               "mergeCommitAllowed": True, "rebaseMergeAllowed": True, "squashMergeAllowed": True}  # fmt: skip
        return {**found, **own, "defaultBranchRef": {"name": "main"}, "pullRequests": self._offers}

    def mutations(self) -> Mapping[str, Callable[..., Any]]:
        """What ``gh pr create`` does."""
        return {"createPullRequest": self._create}

    def _offers(self, _info: object, headRefName: str = "", **_args: object) -> dict[str, Any]:
        self._wait("offers")
        found = [pull for pull in reversed(self.pulls) if pull["headRefName"] == headRefName]
        return {"totalCount": len(found), "nodes": found}

    def _create(self, _info: object, input: Mapping[str, Any]) -> dict[str, Any]:
        self._wait("create")
        if self.refuses:
            raise ValueError(self.refuses)
        if input["baseRefName"] == input["headRefName"]:
            raise ValueError("head and base are the same")
        owner, _, branch = input["headRefName"].rpartition(":")
        if any(pull["headRefName"] == branch for pull in self.pulls):
            raise ValueError(f"A pull request already exists for {owner or 'acme'}:{branch}.")
        number = self.opened(branch, owner or "acme", input["baseRefName"])
        self.made.append(dict(input))
        self._wait("answer")
        if self.lose_answer:
            raise ValueError("Something went wrong while executing your query.")
        return {"pullRequest": self.pulls[number - FIRST]}

    def _wait(self, place: str) -> None:
        if self.hold_at == place:
            self.held.set()
            self.release.wait(30)
