"""Whether CI has judged the head, and did so after the task began. Pure; what has not run never passes."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from fleetscripts.core.gates.current_runs import current_checks, current_workflows
from fleetscripts.core.gates.gates import GateResult, GateStatus
from fleetscripts.core.gates.pull_evidence import PullEvidence, some
from fleetscripts.dataclass import dataclass
from fleetscripts.pattern import pattern
from fleetscripts.pull_request import Check, PullRequest, Suite

PASSED_OUTCOMES = frozenset({"SUCCESS", "NEUTRAL", "SKIPPED"})
CI_GRACE_SECONDS = 300
"""How long after a push the required check may take to appear."""
ASKS_FOR_NO_CI = pattern(r"\[(?:skip ci|ci skip|no ci|skip actions|actions skip)\]|^skip-checks: *true$", re.I | re.M)
"""In the head commit's message: it skips the checks."""


@dataclass(frozen=True, slots=True)
class _Runs:
    """What counts on a head: its checks, and the workflows that report something no check reports."""

    checks: Sequence[Check]
    workflows: Sequence[Suite]

    @classmethod
    def of(cls, pull: PullRequest) -> _Runs:
        return cls(current_checks(pull.checks), current_workflows(pull.suites))

    @property
    def total(self) -> int:
        approvals = [suite for suite in self.workflows if suite.needs_approval]
        return sum(map(len, (self.checks, self.waiting_workflows(), self.failed_workflows(), approvals)))

    def approvals(self) -> list[str]:
        named = [_workflow(suite) for suite in self.workflows if suite.needs_approval]
        return named + [check.name for check in self.checks if check.needs_approval]

    def waiting(self) -> list[str]:
        checks = [check.name for check in self.checks if not check.finished and not check.needs_approval]
        return checks + list(map(_workflow, self.waiting_workflows()))

    def waiting_workflows(self) -> list[Suite]:
        """Those that no check reports."""
        told = {check.suite for check in self.checks if not check.finished}
        return [s for s in self.workflows if not s.finished and not s.needs_approval and s.id not in told]

    def failed_workflows(self) -> list[Suite]:
        """Those that no check reports, as one that could not start."""
        told = {check.suite for check in self.checks if check.finished and _has_failed(check.outcome)}
        ended = [s for s in self.workflows if s.finished and not s.needs_approval and s.id not in told]
        return [suite for suite in ended if _has_failed(suite.outcome)]

    def failed_checks(self) -> list[Check]:
        return [check for check in self.checks if check.finished and _has_failed(check.outcome)]

    def failed(self) -> list[str]:
        named = [f"{check.name} ({_words(check.outcome)})" for check in self.failed_checks()]
        return named + [f"{_workflow(suite)} ({_words(suite.outcome)})" for suite in self.failed_workflows()]

    def only_foreign(self) -> bool:
        """Whether no workflow has run here: only statuses, other apps' checks, skipped ones."""
        return not any(check.workflow and not check.is_skipped for check in self.checks)


def failed_checks(pull: PullRequest) -> list[Check]:
    """Those on the head that count and have failed."""
    return _Runs.of(pull).failed_checks()


def checks(evidence: PullEvidence) -> GateResult:
    """Every check and every workflow on the head has finished, and none failed."""
    pull = evidence.pull
    runs = _Runs.of(pull)
    approvals, waiting, failed = runs.approvals(), runs.waiting(), runs.failed()
    total = runs.total
    if approvals and not failed:
        more = f"; not finished: {some(waiting)}" if waiting else ""
        text = f"{len(approvals)} of {total} wait until a person approves them: {some(approvals)}{more}"
        return GateResult("checks", GateStatus.PENDING, text, by_person=True)
    if waiting and not (failed and evidence.stands_still):
        return GateResult.pending("checks", f"{len(waiting)} of {total} not finished: {some(waiting)}")
    if failed:
        more = f"; not finished: {some([*waiting, *approvals])}" if waiting or approvals else ""
        return GateResult.failed("checks", f"{len(failed)} of {total} failed: {some(failed)}{more}")
    if not runs.checks and not runs.workflows:
        return _no_checks(evidence)
    if missing := [one.name for one in pull.required if not any(map(one.is_met_by, runs.checks))]:
        text = (
            f"{len(missing)} of {len(pull.required)} that {pull.base_ref} requires have not reported: {some(missing)}"
        )
        return GateResult("checks", GateStatus.PENDING, text, by_person=evidence.stands_still)
    is_young = pull.read_at - pull.pushed_at < CI_GRACE_SECONDS
    if is_young and runs.only_foreign() and evidence.ci_required is not False:
        seen = some([check.name for check in runs.checks]) or "nothing"
        return GateResult.pending("checks", f"the head is new, and no workflow has run on it yet, only: {seen}")
    return GateResult.passed("checks", f"{len(runs.checks)} finished, none failed")


def fresh_run(evidence: PullEvidence) -> GateResult:
    """Some run was created after the present task began: an old green one proves nothing about it, nor a skipped one. A
    status, which anyone with push access can set, counts only if there is nothing else."""
    if not evidence.fresh_run:
        return GateResult.passed("fresh_run", "not asked for: the task needs no push")
    judged = checks(evidence)
    if not evidence.pull.checks:
        return GateResult("fresh_run", judged.status, "there is no check to be fresh", by_person=judged.by_person)
    found = current_checks(evidence.pull.checks)
    runs = [check for check in found if not check.is_status] or found
    began = math.floor(evidence.task_started_at)  # GitHub's times are whole seconds
    fresh = [check for check in runs if check.created_at is not None and check.created_at >= began]
    if any(not check.is_skipped for check in fresh):
        return GateResult.passed("fresh_run", "a run was created after the task began")
    if judged.status is GateStatus.PENDING and not evidence.stands_still:
        return GateResult.pending("fresh_run", "no check has run since the task began, but some may be on their way")
    if fresh and evidence.ci_required is False:
        return GateResult.passed("fresh_run", "only skipped since the task began: the settings say none is required")
    if fresh:
        return GateResult.failed(
            "fresh_run", "since the task began every check was skipped, so that nothing was tested: have one run"
        )
    return GateResult.failed(
        "fresh_run", "every check is older than the task, and running an old one again is no new run: push the work"
    )


def _no_checks(evidence: PullEvidence) -> GateResult:
    pull = evidence.pull
    if pull.required and evidence.ci_required is not False:
        text = f"no check on this head, and {pull.base_ref} requires: {some([one.name for one in pull.required])}"
        return GateResult("checks", GateStatus.PENDING, text, by_person=evidence.stands_still)
    if evidence.ci_required is False:
        return GateResult.passed("checks", "none configured: the settings say that none is required")
    head = next((commit for commit in pull.commits if commit.oid == pull.head), None)
    if head is not None and ASKS_FOR_NO_CI.search(head.message):
        return GateResult.failed("checks", "none, because the head commit's message tells CI to skip it: push without")
    if pull.read_at - max(pull.updated_at, pull.pushed_at) < CI_GRACE_SECONDS:
        return GateResult.pending("checks", "no check on this head yet")
    if evidence.ci_required:
        return GateResult.failed("checks", "no check on this head, and checks are required: have them run")
    return GateResult.passed("checks", "none configured")


def _has_failed(outcome: str) -> bool:
    return outcome not in PASSED_OUTCOMES


def _workflow(suite: Suite) -> str:
    return f"workflow {suite.workflow}"


def _words(outcome: str) -> str:
    return outcome.lower().replace("_", " ") or "no outcome"
