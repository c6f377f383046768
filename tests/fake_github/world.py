"""The pull request of a situation, as GitHub's server has it, and what happens to it while it is being read."""

from __future__ import annotations

import base64
import copy
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

TASK_STARTED = 1_700_000_000
"""Times in situations are seconds after this."""

DEFAULTS: Mapping[str, Any] = {
    "title": "Add the parser",
    "body": "What it does, and how it was tested.",
    "state": "OPEN",
    "draft": False,
    "mergeable": "MERGEABLE",
    "head": "head",
    "branch": "feat/x",
    "base": "main",
    "updated": 0,
}


def time_text(seconds: float) -> str:
    """GitHub's way to write a time."""
    return datetime.fromtimestamp(TASK_STARTED + seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _one_of_many(bulk: Mapping[str, Any], number: int) -> dict[str, Any]:
    """A thread of ``many_threads``: by turns asked and answered, as often as ``comments`` says."""
    said = ["Please change this.", *["Why?"] * (bulk.get("comments", 2) - 2), "Fixed in {fix}."]
    path = bulk.get("path", f"src/f{number}.py")
    return {"resolved": number not in bulk.get("unresolved", []), "path": path, "words": said}


def connection(
    items: Sequence[Any], args: Mapping[str, Any], shown: Callable[[Any], Any] = lambda item: item
) -> dict[str, Any]:
    """One page of a list, as GitHub cuts it: at most 100, with cursors for both directions."""
    most = args.get("first") or args.get("last") or 0
    if not 1 <= most <= 100:
        raise ValueError("You must provide a `first` or `last` value between 1 and 100 to properly paginate.")
    start, end = 0, len(items)
    if args.get("after"):
        start = _position(args["after"]) + 1
    if args.get("before"):
        end = _position(args["before"])
    if args.get("first"):
        end = min(end, start + most)
    else:
        start = max(start, end - most)
    return {
        "totalCount": len(items),
        "nodes": [shown(item) for item in items[start:end]],
        "pageInfo": {
            "hasNextPage": end < len(items),
            "hasPreviousPage": start > 0,
            "startCursor": _cursor(start) if end > start else None,
            "endCursor": _cursor(end - 1) if end > start else None,
        },
    }


def _cursor(position: int) -> str:
    return base64.b64encode(f"cursor:{position}".encode()).decode()


def _position(cursor: str) -> int:
    return int(base64.b64decode(cursor).decode().split(":")[1])


class World:
    """One repository with one pull request. ``commits``: name → (oid, message, committed at)."""

    def __init__(self, situation: Mapping[str, Any], commits: Mapping[str, tuple[str, str, float]]) -> None:
        self.situation = copy.deepcopy(dict(situation))
        self.commits = commits
        self.pull = {**DEFAULTS, **self.situation.get("pull", {})}
        self.checks = list(self.situation.get("checks", [{"name": "ci"}]))
        self.threads = list(self.situation.get("threads", []))
        self.reviews = list(self.situation.get("reviews", []))
        bulk = self.situation.get("many_threads")
        if bulk:
            self.threads += [_one_of_many(bulk, number) for number in range(bulk["count"])]
        many = self.situation.get("many_checks")
        if many:
            self.checks += [{"name": f"job {n}"} for n in range(many)]
        self.events = list(self.situation.get("events", []))
        self.headers: dict[str, str] = {}
        """Sent with every answer."""
        self.requests = 0
        self.asked: list[tuple[str, str]] = []
        """Host and path of each request."""

    def repository(self, owner: str, name: str) -> dict[str, Any] | None:
        """``acme/widget`` and no other."""
        if (owner, name) != ("acme", "widget"):
            return None
        return {"nameWithOwner": "acme/widget", "pullRequest": lambda _info, number: self._pull_request(number)}

    def before_request(self) -> None:
        """Let happen what the situation says happens before this request."""
        self.requests += 1
        for event in self.events:
            if event["before_request"] == self.requests:
                self.pull["updated"] += 1
                self.pull |= event.get("pull", {})
                self.reviews += event.get("reviews", [])
                self.threads += event.get("threads", [])
                self.checks = event.get("checks", self.checks)

    def mutations(self) -> Mapping[str, Callable[..., Any]]:
        """By name, what a request can change: nothing in a situation."""
        return {}

    def oid(self, name: str) -> str:
        """A commit's id by its name in the situations; a text that names none is taken as it is."""
        return self.commits[name][0] if name in self.commits else name

    def _pull_request(self, number: int) -> dict[str, Any] | None:
        if number != 12:
            return None
        pull = self.pull
        branch = [self._commit(name) for name in pull.get("commits", ["start", "fix", "head"])]
        return {
            "number": 12,
            "title": pull["title"],
            "body": pull["body"],
            "state": pull["state"],
            "isDraft": pull["draft"],
            "mergeable": pull["mergeable"],
            "headRefOid": self.oid(pull["head"]),
            "headRefName": pull["branch"],
            "baseRefName": pull["base"],
            "mergedAt": time_text(pull["merged"]) if "merged" in pull else None,
            "updatedAt": time_text(time.time() - TASK_STARTED if pull["updated"] == "now" else pull["updated"]),
            "commits": lambda _info, **args: self._commits(branch, args),
            "reviewThreads": lambda _info, **args: connection(range(len(self.threads)), args, self._thread),
            "reviews": lambda _info, **args: connection([self._review(review) for review in self.reviews], args),
            "timelineItems": lambda _info, **args: {
                "nodes": [self._force_push(p) for p in pull.get("force_pushes", [])]
            },
        }

    def _commits(self, branch: list[dict[str, Any]], args: Mapping[str, Any]) -> dict[str, Any]:
        if args.get("last") == 1:
            return connection([{"commit": self._commit(self.pull["head"])}], args)
        return connection([{"commit": commit} for commit in branch], args)

    def _commit(self, name: str) -> dict[str, Any]:
        oid, message, at = self.commits.get(name, (name, "A commit", float(TASK_STARTED)))
        suites = [self._suite(check) for check in self.checks if "context" not in check]
        rollup = {"contexts": lambda _info, **args: connection([self._check(check) for check in self.checks], args)}
        return {
            "oid": oid,
            "message": message,
            "committedDate": time_text(at - TASK_STARTED),
            "checkSuites": {"nodes": suites[:20]},
            "statusCheckRollup": rollup if self.checks else None,
        }

    def _suite(self, check: Mapping[str, Any]) -> dict[str, Any]:
        """The suite of one check: ``created`` when it was pushed, ``attempts`` what a re-run has replaced."""
        created = check.get("created", 200)

        def runs(_info: object, filterBy: Mapping[str, Any] | None = None, **args: Any) -> dict[str, Any]:
            every = (filterBy or {}).get("checkType") == "ALL"
            earlier = [
                {"name": check["name"], "status": "COMPLETED", "conclusion": ended, "startedAt": time_text(created + n)}
                for n, ended in enumerate(check.get("attempts", []))
            ]
            return connection([*(earlier if every else []), self._check(check)], args)

        return {"createdAt": time_text(created), "checkRuns": runs}

    def _check(self, check: Mapping[str, Any]) -> dict[str, Any]:
        if "context" in check:
            created = time_text(check.get("created", 200))
            return {
                "__typename": "StatusContext",
                **check,
                "createdAt": created,
                "state": check.get("state", "SUCCESS"),
            }
        status = check.get("status", "COMPLETED")
        conclusion = check.get("conclusion", "SUCCESS" if status == "COMPLETED" else None)
        return {
            "__typename": "CheckRun",
            "name": check["name"],
            "status": status,
            "conclusion": conclusion,
            "startedAt": time_text(check.get("started", check.get("created", 200) + 30))
            if status != "QUEUED"
            else None,
            "checkSuite": self._suite(check),
        }

    def _thread(self, number: int) -> dict[str, Any]:
        thread = self.threads[number]
        words = thread.get("words", ["Please change this.", "Fixed in {fix}."])
        opened = thread.get("opened", 50)
        listed = [
            {
                "body": self._with_hashes(word),
                "createdAt": time_text(opened + 400 * at),
                "author": {"__typename": "User", "login": "reviewer" if at % 2 == 0 else "agent"},
            }
            for at, word in enumerate(words)
        ]
        resolved = thread.get("resolved", True)
        return {
            "id": thread.get("id", f"T{number}"),
            "isResolved": resolved,
            "isOutdated": thread.get("outdated", False),
            "path": thread.get("path", "src/a.py"),
            "line": thread.get("line", 3),
            "resolvedBy": {"login": thread.get("by", "agent")} if resolved else None,
            "comments": lambda _info, **args: connection(listed, args),
        }

    def _review(self, review: Mapping[str, Any]) -> dict[str, Any]:
        login = review.get("author", "reviewer")
        author = {"__typename": "Bot" if login.endswith("[bot]") or review.get("bot") else "User", "login": login}
        return {
            "state": review.get("state", "CHANGES_REQUESTED"),
            "submittedAt": time_text(review.get("at", 100)),
            "author": author if login != "ghost" else None,
            "commit": self._commit(review.get("commit", "fix")),
        }

    def _force_push(self, push: Mapping[str, Any]) -> dict[str, Any]:
        after = {"afterCommit": self._commit(push["to"]), "createdAt": time_text(push["at"])}
        return {"__typename": "HeadRefForcePushedEvent", **after}

    def _with_hashes(self, words: str) -> str:
        for name, (oid, _, _) in self.commits.items():
            words = words.replace("{" + name + "}", oid[:10])
        return words
