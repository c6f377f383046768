"""What was said to the author outside review threads: the conversation, and the texts of reviews."""

from __future__ import annotations

from fleetscripts.pull_request import Comment, PullRequest


def remarks(pull: PullRequest) -> list[Comment]:
    """What others than the author said, oldest first."""
    reviews = [Comment(review.author, review.body, review.at, review.is_bot) for review in pull.reviews]
    said = sorted([*pull.conversation, *reviews], key=lambda remark: remark.at)
    return [remark for remark in said if remark.body.strip() and remark.author != pull.author]


def remarks_since(pull: PullRequest) -> list[Comment]:
    """Those made since the head was pushed; all of them where nothing tells when that was."""
    return [remark for remark in remarks(pull) if remark.at >= pull.pushed_at]
