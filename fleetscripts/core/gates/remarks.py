"""Comments to the author outside review threads: the conversation, and the texts of reviews."""

from __future__ import annotations

from fleetscripts.core.gates.resolutions import is_same_account
from fleetscripts.pull_request import GHOST, Comment, PullRequest


def remarks(pull: PullRequest) -> list[Comment]:
    """Comments by others than the author, oldest first."""
    reviews = [Comment(review.author, review.body, review.at, review.is_bot) for review in pull.reviews]
    said = sorted([*pull.conversation, *reviews], key=lambda remark: remark.at)
    return [remark for remark in said if remark.body.strip() and not _is_by_author(remark, pull)]


def _is_by_author(remark: Comment, pull: PullRequest) -> bool:
    """Two deleted accounts are not one."""
    return remark.author != GHOST and is_same_account(remark.author, pull.author)


def remarks_since(pull: PullRequest) -> list[Comment]:
    """Those made since the head was pushed; all of them if that time is unknown."""
    return [remark for remark in remarks(pull) if remark.at >= pull.pushed_at]
