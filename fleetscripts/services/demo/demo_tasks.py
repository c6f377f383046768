"""The demo's three tasks. ``[[…]]`` scripts the practice agent, or the scripted model."""

from __future__ import annotations

from collections.abc import Sequence

from fleetscripts.dataclass import dataclass

STEPS = ("implement", "test")


@dataclass(frozen=True, slots=True)
class Task:
    """One agent's task. ``crashes``: its client dies once, after the file ``{all_begun}`` exists. ``answer``: a
    person's answer to its question."""

    branch: str
    objective: str
    file: str
    crashes: bool = False
    answer: str = ""


LASTING: Sequence[tuple[str, str]] = (
    ("feat/long-work", "Work on and on, so that there is something to see. [[think 36000]]"),
    ("feat/next-banner", "Ask which colour the next banner should have. [[ask Which colour is next?|Red|Grey]]"),
)
"""Branch and objective of the agents that stay if the demo is kept: one at work, one with an open question."""

TASKS: Sequence[Task] = (
    Task(
        "feat/greeting",
        "Add a greeting to the repository and check that it is there.\n"
        "[[think 2]] [[write greeting.txt Hello from the fleet]] [[commit Add a greeting]] [[push]]\n"
        "[[checkpoint implement]] [[bash test -s greeting.txt]] [[checkpoint test]] [[done]]",
        "greeting.txt",
    ),
    Task(
        "feat/word-list",
        "Add a word list and check it. The client dies in the middle of this task.\n"
        "[[write words.txt fleet agent worktree]] [[commit Add a word list]] [[checkpoint implement]]\n"
        "[[bash until test -e {all_begun}; do sleep 0.2; done]] [[crash]] [[push]]\n"
        "[[bash grep -q agent words.txt]] [[checkpoint test]] [[done]]",
        "words.txt",
        crashes=True,
    ),
    Task(
        "feat/banner",
        "Add a banner. Ask which colour it should have.\n"
        "[[ask Which colour should the banner have?|Blue|Green]] [[write banner.txt A blue banner]]\n"
        "[[commit Add a banner]] [[push]] [[checkpoint implement]]\n"
        "[[bash test -s banner.txt]] [[checkpoint test]] [[done]]",
        "banner.txt",
        answer="Blue",
    ),
)
