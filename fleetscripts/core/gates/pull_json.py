"""A pull request as JSON, for another machine that is told of it."""

from __future__ import annotations

import dataclasses
from typing import Any

from fleetscripts.core.records.typed_json import typed
from fleetscripts.pull_request import PullRequest


def pull_members(pull: PullRequest) -> dict[str, Any]:
    """The object that tells it whole."""
    return dataclasses.asdict(pull)


def pull_from(members: object) -> PullRequest:
    """The pull request in such an object; raises WrongShape for anything else."""
    return typed("pull request", PullRequest, members)
