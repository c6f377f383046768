"""The nearest rule among those that did not match, for debugging."""

from __future__ import annotations

import re

from fleetscripts.core.screen.rules import Rule, RuleSet
from fleetscripts.core.screen.screen import STATELESS, Layout
from fleetscripts.dataclass import dataclass

# Words in a pattern, without what is syntax: escapes, group openers, repeats.
_SYNTAX = re.compile(r"\\.|\(\?\w{0,3}[:)=!]?|\{[\d,]{1,8}\}|\[[^\]]{0,80}\]")
_WORD = re.compile(r"[A-Za-z]{4,40}")
"""Shorter ones, such as ``for``, are in most texts."""


@dataclass(frozen=True, slots=True)
class NearMiss:
    """A rule that did not match, and how many of its words are in its region."""

    rule: Rule
    found: int
    words: int

    def __str__(self) -> str:
        return f"{self.rule.name} (asked of {self.rule.region})"


def nearest(rules: RuleSet, layout: Layout, matched: str | None) -> NearMiss | None:
    """The nearest rule for the regions that the screen has; None if half of no rule's words are there."""
    best: NearMiss | None = None
    for rule in rules.rules:
        text = layout.region(rule.region).flat.lower()
        if rule.name == matched or rule.region in STATELESS or not text:
            continue
        words = {
            word.lower() for pattern in (*rule.all, rule.line) for word in _WORD.findall(_SYNTAX.sub(" ", pattern))
        }
        found = sum(word in text for word in words)
        if words and found * 2 >= len(words) and (best is None or found / len(words) > best.found / best.words):
            best = NearMiss(rule, found, len(words))
    return best
