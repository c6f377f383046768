"""The GraphQL queries for one or many pull requests. Values are variables, never part of the text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fleetscripts.dataclass import dataclass
from fleetscripts.pull_request import PullKey

PAGE = 100

_PULL_FIELDS = """
fragment pull on PullRequest {
  number title body state isDraft mergeable headRefOid headRefName baseRefName mergedAt updatedAt
  author { login } mergedBy { login }
  branch: commits(last: 100) { totalCount nodes { commit { oid message committedDate } } }
  head: commits(last: 1) { nodes { commit {
    oid
    checkSuites(first: 100) { ...suites }
    statusCheckRollup { contexts(first: 100) { ...contexts } }
  } } }
  reviewThreads(first: 100) { ...threads }
  reviews(last: 100) { ...reviews }
  conversation: comments(last: 100) { nodes { body createdAt isMinimized author { __typename login } } }
  timelineItems(last: 1, itemTypes: [HEAD_REF_FORCE_PUSHED_EVENT]) { nodes {
    ... on HeadRefForcePushedEvent { createdAt afterCommit { oid } }
  } }
}
"""

_PARTS = """
fragment contexts on StatusCheckRollupContextConnection {
  pageInfo { hasNextPage endCursor }
  nodes {
    __typename
    ... on CheckRun {
      databaseId name status conclusion startedAt completedAt
      checkSuite { id createdAt app { slug databaseId } workflowRun { event workflow { name } } }
    }
    ... on StatusContext { context state createdAt }
  }
}
fragment suites on CheckSuiteConnection {
  totalCount
  pageInfo { hasNextPage endCursor }
  nodes {
    id status conclusion createdAt updatedAt app { slug } workflowRun { event workflow { name } }
    checkRuns(first: 1) { totalCount }
  }
}
fragment threads on PullRequestReviewThreadConnection {
  totalCount
  pageInfo { hasNextPage endCursor }
  nodes {
    id isResolved isOutdated path line
    resolvedBy { login }
    opening: comments(first: 1) { nodes { createdAt author { login } originalCommit { oid } } }
    latest: comments(last: 20) { nodes { body createdAt author { __typename login } } }
  }
}
fragment reviews on PullRequestReviewConnection {
  totalCount
  pageInfo { hasPreviousPage startCursor }
  nodes { state submittedAt body author { __typename login } commit { oid } }
}
"""


@dataclass(frozen=True, slots=True)
class Query:
    """A text and its variables, as GitHub's GraphQL endpoint takes them."""

    text: str
    variables: Mapping[str, object]


_RULES = """
  baseRef {
    refUpdateRule { requiredStatusCheckContexts }
    rules(first: 100) { nodes { parameters {
      ... on RequiredStatusChecksParameters { requiredStatusChecks { context integrationId } }
    } } }
  }
  reviewDecision mergeStateStatus
  autoMergeRequest { enabledAt }
  mergeQueueEntry { state position }
  mergeQueueEvents: timelineItems(last: 1, itemTypes: [ADDED_TO_MERGE_QUEUE_EVENT, REMOVED_FROM_MERGE_QUEUE_EVENT]) {
    nodes { ... on RemovedFromMergeQueueEvent { createdAt reason } }
  }
  headRef { target { oid } }
"""
"""What older Enterprise servers do not know."""
_RULES_FIELDS = ("baseRef", "headRef", "reviewDecision", "mergeStateStatus", "autoMergeRequest")
MAY_BE_REFUSED = frozenset((*_RULES_FIELDS, "mergeQueueEntry", "mergeQueueEvents"))
"""Some logins may not read these; without them a pull request is judged by the rest."""


def pulls_query(keys: Sequence[PullKey], *, with_rules: bool = True) -> Query:
    """All of these pull requests (of one host) in one request, each under the alias ``p0``, ``p1``, … ``with_rules``:
    with the requirements of their base branches."""
    declared: list[str] = []
    asked: list[str] = []
    variables: dict[str, object] = {}
    for at, key in enumerate(keys):
        declared.append(f"$owner{at}: String!, $name{at}: String!, $number{at}: Int!")
        asked.append(
            f"p{at}: repository(owner: $owner{at}, name: $name{at}) {{ "
            f"nameWithOwner pullRequest(number: $number{at}) {{ ...pull }} }}"
        )
        variables |= {f"owner{at}": key.owner, f"name{at}": key.name, f"number{at}": key.number}
    body = "\n  ".join(asked)
    fields = _PULL_FIELDS.replace("\n}\n", f"{_RULES}}}\n") if with_rules else _PULL_FIELDS
    return Query(f"query({', '.join(declared)}) {{\n  {body}\n}}\n{fields}{_PARTS}", variables)


_ATTEMPTS = """
query($owner: String!, $name: String!, $number: Int!) {
  p0: repository(owner: $owner, name: $name) { pullRequest(number: $number) { commits(last: 1) { nodes { commit {
    checkSuites(first: 50) { nodes { checkRuns(first: 100, filterBy: {checkType: ALL}) {
      nodes { name status conclusion startedAt }
    } } }
  } } } } }
}
"""


def attempts_query(key: PullKey) -> Query:
    """Every run of every check on the head, including those that a re-run has replaced."""
    return Query(_ATTEMPTS, {"owner": key.owner, "name": key.name, "number": key.number})


_PAGES = {
    "threads": "reviewThreads(first: 100, after: $cursor) { ...threads }",
    "reviews": "reviews(last: 100, before: $cursor) { ...reviews }",
    "contexts": (
        "head: commits(last: 1) { nodes { commit { oid statusCheckRollup { "
        "contexts(first: 100, after: $cursor) { ...contexts } } } } }"
    ),
    "suites": (
        "head: commits(last: 1) { nodes { commit { oid checkSuites(first: 100, after: $cursor) { ...suites } } } }"
    ),
}


def page_query(key: PullKey, part: str, cursor: str) -> Query:
    """A further page of one part (``threads``, ``reviews``, ``contexts``, ``suites``), with the fingerprint that shows
    whether the pull request has changed since the page before."""
    fragment = _PARTS.split("fragment ")
    needed = next(text for text in fragment if text.startswith(part))
    text = (
        "query($owner: String!, $name: String!, $number: Int!, $cursor: String!) {\n"
        "  p0: repository(owner: $owner, name: $name) { nameWithOwner pullRequest(number: $number) {\n"
        f"    headRefOid updatedAt {_PAGES[part]}\n  }} }}\n}}\nfragment {needed}"
    )
    return Query(text, {"owner": key.owner, "name": key.name, "number": key.number, "cursor": cursor})


_OFFERS = """
query($owner: String!, $name: String!, $branch: String!) {
  repository(owner: $owner, name: $name) {
    defaultBranchRef { name }
    pullRequests(headRefName: $branch, states: [OPEN], first: 100, orderBy: {field: CREATED_AT, direction: DESC}) {
      nodes { number url baseRefName headRepositoryOwner { login } }
    }
  }
}
"""


def offers_query(owner: str, name: str, branch: str) -> Query:
    """The open pull requests of every branch of that name, whoever's it is, and the default branch."""
    return Query(_OFFERS, {"owner": owner, "name": name, "branch": branch})
