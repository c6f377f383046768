"""What was said to the author outside review threads: the conversation, and the texts of reviews."""

from __future__ import annotations

from fleetscripts.pull_request import Comment, PullRequest


def remarks_since(pull: PullRequest) -> list[Comment]:
    """What others than the author said since the head was pushed, oldest first; without a time for it, everything."""
    reviews = [Comment(review.author, review.body, review.at, review.is_bot) for review in pull.reviews]
    said = sorted([*pull.conversation, *reviews], key=lambda remark: remark.at)
    return [
        remark
        for remark in said
        if remark.body.strip() and remark.author != pull.author and remark.at >= pull.pushed_at
    ]
