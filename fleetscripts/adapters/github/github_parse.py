"""Parses GitHub's GraphQL answers. What is missing or of another shape is an error, never a default."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fleetscripts.adapters.github.answer_fields import (
    WrongAnswer,
    flag,
    maybe_number,
    maybe_time,
    members,
    nodes,
    number,
    text,
    time,
)
from fleetscripts.adapters.github.merge_fields import merge_state, required_checks
from fleetscripts.pull_request import (
    GHOST,
    Check,
    Comment,
    Commit,
    PullKey,
    PullRequest,
    PullState,
    Review,
    Suite,
    Thread,
)

LONGEST_BODY = 4000
"""Characters kept of a comment's text: 6,000 threads of long comments then fit into memory."""
LONGEST_TEXT = 20_000
"""Characters kept of the pull request's own text."""


def pull_request(key: PullKey, node: Mapping[str, Any], now: float, clock_ahead: float = 0.0) -> PullRequest:
    """The pull request in one complete answer, all pages joined. ``now`` is by our clock."""
    head = _head(node)
    branch = members(node, "branch")
    return PullRequest(
        key=key,
        title=text(node, "title"),
        body=text(node, "body")[:LONGEST_TEXT],
        state=PullState(text(node, "state")),
        draft=flag(node, "isDraft"),
        mergeable=text(node, "mergeable"),
        head=text(node, "headRefOid"),
        head_ref=text(node, "headRefName"),
        base_ref=text(node, "baseRefName"),
        updated_at=time(node, "updatedAt"),
        merged_at=maybe_time(node.get("mergedAt")),
        head_seen_at=_head_seen_at(node, head),
        checks=tuple(check(item) for item in nodes(contexts(node))),
        threads=tuple(_thread(item) for item in nodes(members(node, "reviewThreads"))),
        reviews=tuple(_review(item) for item in nodes(members(node, "reviews")) if item.get("submittedAt")),
        commits=tuple(_commit(members(item, "commit")) for item in nodes(branch)),
        commits_total=int(number(branch, "totalCount")),
        read_at=now + clock_ahead,
        clock_ahead=clock_ahead,
        author=_login(node.get("author")),
        merged_by=_login(node.get("mergedBy")) if node.get("mergedBy") else "",
        suites=tuple(_suite(item) for item in nodes(suites(node))),
        required=required_checks(node),
        merge=merge_state(node),
        branch_tip=str(((node.get("headRef") or {}).get("target") or {}).get("oid") or ""),
        conversation=tuple(
            _comment(item) for item in nodes(members(node, "conversation")) if item.get("isMinimized") is not True
        ),
    )


def contexts(node: Mapping[str, Any]) -> Mapping[str, Any]:
    """The connection of check contexts on the head commit; empty if there are none."""
    rollup = _head(node).get("statusCheckRollup")
    return {"nodes": [], "pageInfo": {"hasNextPage": False}} if rollup is None else members(rollup, "contexts")


def suites(node: Mapping[str, Any]) -> Mapping[str, Any]:
    """The connection of check suites on the head commit; empty without permission to see them."""
    found = _head(node).get("checkSuites")
    return {"nodes": [], "pageInfo": {"hasNextPage": False}} if found is None else members(_head(node), "checkSuites")


def shortened(part: str, connection: Mapping[str, Any]) -> None:
    """Shortens, in place, unused text in a page of threads."""
    if part != "threads":
        return
    for thread in nodes(connection):
        for comment in nodes(members(thread, "latest")):
            if isinstance(comment, dict) and isinstance(comment.get("body"), str):
                comment["body"] = comment["body"][:LONGEST_BODY]


def check(node: Mapping[str, Any]) -> Check:
    """A CheckRun or a StatusContext; any other kind of context counts as unfinished."""
    match node.get("__typename"):
        case "CheckRun":
            suite = node.get("checkSuite") or {}
            created, started = maybe_time(suite.get("createdAt")), maybe_time(node.get("startedAt"))
            status, (app, workflow, event) = text(node, "status"), _origin(suite)
            return Check(
                name=text(node, "name"),
                finished=status == "COMPLETED",
                outcome=node.get("conclusion") or "",
                created_at=started if created is None else created,
                started_at=started,
                completed_at=maybe_time(node.get("completedAt")),
                suite=str(suite.get("id") or ""),
                app=app,
                app_number=maybe_number(suite.get("app") or {}, "databaseId"),
                workflow=workflow,
                event=event,
                job=maybe_number(node, "databaseId") if workflow else 0,
                needs_approval=status == "WAITING",
            )
        case "StatusContext":
            state = text(node, "state")
            finished = state not in ("PENDING", "EXPECTED")
            created = maybe_time(node.get("createdAt"))
            return Check(text(node, "context"), finished, state if finished else "", created, is_status=True)
        case other:
            return Check(f"a context of kind {other!a}", finished=False)


GITHUB_ACTIONS = "github-actions"
"""The app's name in GitHub's answers, on Enterprise servers too."""


def _origin(suite: Mapping[str, Any]) -> tuple[str, str, str]:
    """A suite's app, workflow run and event."""
    app, run = suite.get("app") or {}, suite.get("workflowRun") or {}
    slug, workflow = str(app.get("slug") or ""), str((run.get("workflow") or {}).get("name") or "")
    is_workflow = bool(run) or slug == GITHUB_ACTIONS
    return slug, workflow or "(unnamed)" * is_workflow, str(run.get("event") or "")


def _suite(node: Mapping[str, Any]) -> Suite:
    status, outcome = text(node, "status"), node.get("conclusion") or ""
    app, workflow, event = _origin(node)
    runs = int(number(node.get("checkRuns") or {"totalCount": 0}, "totalCount"))
    return Suite(
        id=text(node, "id"),
        finished=status == "COMPLETED",
        outcome=outcome,
        created_at=maybe_time(node.get("createdAt")),
        updated_at=maybe_time(node.get("updatedAt")),
        app=app,
        workflow=workflow,
        event=event,
        needs_approval=status == "WAITING" or (outcome == "ACTION_REQUIRED" and not runs),
    )


def attempts(node: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """Check's name → how its runs on the head ended, oldest first."""
    head = members(nodes(members(node, "commits"))[-1], "commit")
    runs = [run for suite in nodes(members(head, "checkSuites")) for run in nodes(members(suite, "checkRuns"))]
    found: dict[str, tuple[str, ...]] = {}
    for run in sorted(runs, key=lambda run: maybe_time(run.get("startedAt")) or float("inf")):
        name = text(run, "name")
        found[name] = (*found.get(name, ()), str(run.get("conclusion") or run.get("status") or ""))
    return found


def _head(node: Mapping[str, Any]) -> Mapping[str, Any]:
    found = nodes(members(node, "head"))
    if len(found) != 1:
        raise WrongAnswer("the head commit is missing")
    commit = members(found[0], "commit")
    if text(commit, "oid") != text(node, "headRefOid"):
        raise WrongAnswer("the head moved while it was read")
    return commit


def _head_seen_at(node: Mapping[str, Any], head: Mapping[str, Any]) -> float | None:
    """The earliest time at which the server is known to have had the head commit: its first check suite, or its
    push."""
    made = [maybe_time(suite.get("createdAt")) for suite in nodes(suites(node))]
    pushes = [
        maybe_time(event.get("createdAt"))
        for event in nodes(node.get("timelineItems") or {"nodes": []})
        if (event.get("afterCommit") or {}).get("oid") == head.get("oid")
    ]
    runs = [item.created_at for item in map(check, nodes(contexts(node)))]
    known = [time for time in (*made, *pushes) if time is not None] or [time for time in runs if time is not None]
    return min(known, default=None)


def _thread(node: Mapping[str, Any]) -> Thread:
    opening = nodes(members(node, "opening"))
    if not opening:
        raise WrongAnswer("a review thread holds no comment")
    line = node.get("line")
    return Thread(
        id=text(node, "id"),
        resolved=flag(node, "isResolved"),
        outdated=flag(node, "isOutdated"),
        path=text(node, "path"),
        line=line if isinstance(line, int) else None,
        resolved_by=_login(node.get("resolvedBy")) if node.get("resolvedBy") else "",
        opened_at=time(opening[0], "createdAt"),
        comments=tuple(map(_comment, nodes(members(node, "latest")))),
        opened_by=_login(opening[0].get("author")),
        reviewed=str((opening[0].get("originalCommit") or {}).get("oid") or ""),
    )


def _comment(node: Mapping[str, Any]) -> Comment:
    author = node.get("author") or {}
    body = text(node, "body")[:LONGEST_BODY]
    return Comment(_login(author), body, time(node, "createdAt"), is_bot=_is_bot(author))


def _review(node: Mapping[str, Any]) -> Review:
    author = node.get("author") or {}
    return Review(
        author=_login(author),
        state=text(node, "state"),
        at=time(node, "submittedAt"),
        commit=((node.get("commit") or {}).get("oid")) or "",
        is_bot=_is_bot(author),
        body=text(node, "body")[:LONGEST_BODY],
    )


def _commit(node: Mapping[str, Any]) -> Commit:
    return Commit(text(node, "oid"), text(node, "message"), time(node, "committedDate"))


def _is_bot(author: Mapping[str, Any]) -> bool:
    return author.get("__typename") == "Bot" or str(author.get("login") or "").endswith("[bot]")


def _login(author: object) -> str:
    return str(author.get("login") or GHOST) if isinstance(author, Mapping) else GHOST
