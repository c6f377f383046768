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


APPS: Mapping[str, int] = {"github-actions": 15368, "other-ci": 42}
"""GitHub's numbers of apps."""


def time_text(seconds: float | str) -> str:
    """GitHub's way to write a time; ``"now"``, or ``"now-60"`` for a minute ago."""
    if isinstance(seconds, str):
        seconds = time.time() - TASK_STARTED + float(seconds.removeprefix("now") or 0)
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


def _actor(login: str) -> dict[str, Any] | None:
    """A bot by its name; nobody for a deleted account."""
    if login == "ghost":
        return None
    is_bot = login.endswith("[bot]")
    return {"__typename": "Bot" if is_bot else "User", "login": login.removesuffix("[bot]")}


def _queue_entry(told: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return None if told is None else {"enqueuedAt": time_text(300), "position": 1, **told}


def _remark(comment: Mapping[str, Any]) -> dict[str, Any]:
    """A comment of the conversation."""
    return {
        "body": comment.get("body", "Please look again."),
        "createdAt": time_text(comment.get("at", 300)),
        "author": _actor(comment.get("author", "reviewer")),
        "isMinimized": comment.get("minimized", False),
        "minimizedReason": None,
    }


def _soon_after(created: float | str) -> float | str:
    return created if isinstance(created, str) else created + 30


def _suite_key(check: Mapping[str, Any]) -> str:
    """Runs of one workflow for one event at one time are one suite."""
    names = ("app", "workflow", "event", "created", "suite")
    return "/".join(str(check.get(name, "")) for name in names)


def suite_of(suite: Mapping[str, Any], number: object) -> dict[str, Any]:
    """A check suite; GitHub Actions' unless it names another app."""
    app = suite.get("app", "github-actions")
    created = suite.get("created", 200)
    run = {
        "id": f"WR{number}", "createdAt": time_text(created), "event": suite.get("event", "pull_request"),
        "runNumber": 1, "workflow": {"id": "W", "name": suite.get("workflow", "CI")},
    }  # fmt: skip
    return {
        "id": f"S{number}",
        "app": {"id": app, "name": app, "slug": app, "databaseId": APPS.get(app, 99)},
        "status": suite["status"],
        "conclusion": suite.get("conclusion"),
        "createdAt": time_text(created),
        "updatedAt": time_text(suite.get("updated", created)),
        "workflowRun": run if app == "github-actions" else None,
        "checkRuns": {"totalCount": suite.get("runs", 0), "nodes": []},
    }


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
        self.suites = list(self.situation.get("suites", []))
        idle = {"app": "some-app", "status": "QUEUED"}
        self.suites = [*[idle] * self.situation.get("many_suites", 0), *self.suites]
        self.conversation = list(self.situation.get("conversation", []))
        many = self.situation.get("many_checks")
        if many:
            self.checks += [{"name": f"job {n}"} for n in range(many)]
        self.events = list(self.situation.get("events", []))
        self.headers: dict[str, str] = {}
        """Sent with every answer."""
        self.run = time.time_ns() % 10**12
        """The number of the workflow's run; gh keeps the logs of each, so that every world has its own."""
        self.requests = 0
        self.asked: list[tuple[str, str]] = []
        """Host and path of each request."""

    def repository(self, owner: str, name: str) -> dict[str, Any] | None:
        """``acme/widget``, also by the name that it had before, and no other."""
        if f"{owner}/{name}" not in ("acme/widget", self.situation.get("once_named")):
            return None
        return {
            "nameWithOwner": "acme/widget",
            "pullRequest": lambda _info, number: self._pull_request(number),
            "issue": lambda _info, number: self._issue(number),
        }

    def _issue(self, number: int) -> dict[str, Any] | None:
        """One of the situation's ``issues``, by its number as text."""
        issue = self.situation.get("issues", {}).get(str(number))
        if issue is None:
            return None
        labels = {"nodes": [{"name": name} for name in issue.get("labels", [])]}
        known = {"body": "", "state": "OPEN", "url": f"https://github.com/acme/widget/issues/{number}"}
        return known | issue | {"labels": lambda _info, **_page: labels}

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
                self.suites = event.get("suites", self.suites)

    def job_number(self, check: Mapping[str, Any]) -> int:
        """Of the job that a check is; one that is run again is another."""
        return int(
            check.get("job", 1000 + [known["name"] for known in self.checks if "name" in known].index(check["name"]))
        )

    def job(self, number: int) -> Mapping[str, Any] | None:
        """The check with that number; its ``log`` holds each failed step with what it printed."""
        return next((c for c in self.checks if "name" in c and self.job_number(c) == number), None)

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
            "headRef": self._branch(),
            "reviewDecision": pull.get("decision"),
            "mergeStateStatus": pull.get("merge_state", "CLEAN"),
            "autoMergeRequest": {"enabledAt": time_text(200)} if pull.get("auto_merge") else None,
            "mergeQueueEntry": _queue_entry(pull.get("queue")),
            "baseRefName": pull["base"],
            "baseRef": self._base(),
            "mergedAt": time_text(pull["merged"]) if "merged" in pull else None,
            "mergedBy": _actor(pull.get("merged_by", "maintainer")) if "merged" in pull else None,
            "author": _actor(pull.get("author", "agent")),
            "comments": lambda _info, **args: connection([_remark(c) for c in self.conversation], args),
            "updatedAt": time_text(pull["updated"]),
            "commits": lambda _info, **args: self._commits(branch, args),
            "reviewThreads": lambda _info, **args: connection(range(len(self.threads)), args, self._thread),
            "reviews": lambda _info, **args: connection([self._review(review) for review in self.reviews], args),
            "timelineItems": lambda _info, **args: {"nodes": self._timeline(args["itemTypes"])[-args["last"] :]},
        }

    def _branch(self) -> dict[str, Any] | None:
        """The pull request's branch, which may be before what the pull request shows; None once it is deleted."""
        tip = self.pull.get("tip", self.pull["head"])
        return {"name": self.pull["branch"], "target": self._commit(tip) | {"__typename": "Commit"}} if tip else None

    def _timeline(self, wanted: Sequence[str]) -> list[dict[str, Any]]:
        """What happened of these kinds, oldest first. ``queued``: the times at which it was put into the merge queue,
        ``dequeued``: when and why it was taken out."""
        if "HEAD_REF_FORCE_PUSHED_EVENT" in wanted:
            return [self._force_push(push) for push in self.pull.get("force_pushes", [])]
        added = [{"__typename": "AddedToMergeQueueEvent", "at": at} for at in self.pull.get("queued", [])]
        removed = [{"__typename": "RemovedFromMergeQueueEvent", **one} for one in self.pull.get("dequeued", [])]
        return [
            {**one, "createdAt": time_text(one["at"])} for one in sorted(added + removed, key=lambda one: one["at"])
        ]

    def _commits(self, branch: list[dict[str, Any]], args: Mapping[str, Any]) -> dict[str, Any]:
        if args.get("last") == 1:
            return connection([{"commit": self._commit(self.pull["head"])}], args)
        return connection([{"commit": commit} for commit in branch], args)

    def _commit(self, name: str) -> dict[str, Any]:
        oid, message, at = self.commits.get(name, (name, "A commit", float(TASK_STARTED)))
        rollup = {"contexts": lambda _info, **args: connection([self._check(check) for check in self.checks], args)}
        return {
            "oid": oid,
            "message": message,
            "committedDate": time_text(at - TASK_STARTED),
            "checkSuites": lambda _info, **args: connection(self._suites(), args),
            "statusCheckRollup": rollup if self.checks else None,
        }

    def _suites(self) -> list[dict[str, Any]]:
        """Those of the checks, one for each workflow's run or app; those that a situation names beside them."""
        keys = dict.fromkeys(_suite_key(check) for check in self.checks if "context" not in check)
        alone = [suite_of({"runs": 0, "status": "QUEUED", **suite}, n) for n, suite in enumerate(self.suites)]
        return [*map(self._suite, keys), *alone]

    def _suite(self, key: str) -> dict[str, Any]:
        """``created`` when it was pushed; ``attempts`` of a check are what a re-run has replaced."""
        mine = [check for check in self.checks if "context" not in check and _suite_key(check) == key]
        ended = all(check.get("status", "COMPLETED") == "COMPLETED" for check in mine)
        outcomes = {check.get("conclusion", "SUCCESS") for check in {c["name"]: c for c in mine if ended}.values()}
        worst = next(iter(sorted(outcomes - {"SUCCESS", "NEUTRAL", "SKIPPED"})), "SUCCESS")
        created = mine[0].get("created", 200)

        def runs(_info: object, filterBy: Mapping[str, Any] | None = None, **args: Any) -> dict[str, Any]:
            every = (filterBy or {}).get("checkType") == "ALL"
            earlier = [
                {
                    "name": c["name"],
                    "status": "COMPLETED",
                    "conclusion": ended,
                    "startedAt": time_text(float(created) + n),
                }
                for c in mine
                for n, ended in enumerate(c.get("attempts", []))
            ]
            return connection([*(earlier if every else []), *map(self._check, mine)], args)

        own = {"status": "COMPLETED" if ended else "IN_PROGRESS", "conclusion": worst if ended else None}
        fields = {name: mine[0][name] for name in ("app", "workflow", "event") if name in mine[0]}
        return {**suite_of({**own, **fields, "created": created}, key), "checkRuns": runs}

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
            "databaseId": self.job_number(check),
            "name": check["name"],
            "status": status,
            "conclusion": conclusion,
            "startedAt": time_text(check.get("started", _soon_after(check.get("created", 200))))
            if status != "QUEUED"
            else None,
            "completedAt": time_text(check["completed"]) if "completed" in check else None,
            "checkSuite": self._suite(_suite_key(check)),
        }

    def _thread(self, number: int) -> dict[str, Any]:
        thread = self.threads[number]
        words = thread.get("words", ["Please change this.", "Fixed in {fix}."])
        opened = thread.get("opened", 50)
        listed = [
            {
                "body": self._with_hashes(word),
                "createdAt": time_text(opened + 400 * at),
                "author": _actor(author),
                "originalCommit": {"oid": self.oid(thread["reviewed"])} if "reviewed" in thread else None,
            }
            for at, (word, author) in enumerate(zip(words, self._authors(thread, len(words)), strict=True))
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

    def _authors(self, thread: Mapping[str, Any], count: int) -> list[str]:
        """Of the comments: by turns the reviewer and the agent, unless the situation names them."""
        named = thread.get("authors", [])
        return [named[at] if at < len(named) else ("reviewer", "agent")[at % 2] for at in range(count)]

    def _base(self) -> dict[str, Any] | None:
        """The base branch: what its protection requires, and what a ruleset does; None once it is deleted."""
        if self.situation.get("base_deleted"):
            return None
        named = [{"context": one} if isinstance(one, str) else one for one in self.situation.get("ruleset", [])]
        by_ruleset = [{"integrationId": None, **one} for one in named]
        approvals = {"__typename": "PullRequestParameters", "requiredApprovingReviewCount": 1}
        checks = {"__typename": "RequiredStatusChecksParameters", "requiredStatusChecks": by_ruleset}
        rules = [("NON_FAST_FORWARD", None), ("PULL_REQUEST", approvals)]
        rules += [("REQUIRED_STATUS_CHECKS", checks)] if by_ruleset else []
        return {
            "name": self.pull["base"],
            "refUpdateRule": {"requiredStatusCheckContexts": self.situation.get("protection", [])},
            "rules": lambda _info, **args: {"nodes": [{"type": kind, "parameters": given} for kind, given in rules]},
        }

    def _review(self, review: Mapping[str, Any]) -> dict[str, Any]:
        login = review.get("author", "reviewer")
        author = {"__typename": "Bot" if login.endswith("[bot]") or review.get("bot") else "User", "login": login}
        return {
            "state": review.get("state", "CHANGES_REQUESTED"),
            "body": review.get("body", ""),
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
