"""What every agent kind must mean by its facts: each kind of the register is held to it."""

from __future__ import annotations

import itertools
import re
from dataclasses import fields, replace
from typing import Any

import pytest

from fleetscripts.adapters.tmux.keyboard import is_key
from fleetscripts.agents.kind_facts import AccountVariables, Home, Shown, problem_in
from fleetscripts.agents.kinds import AgentKind, known_kinds
from fleetscripts.services.typing.end_client import OCCASIONS
from tests.third_kind import parrot

KINDS = known_kinds()
each_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)


def varied(**facts: Any) -> AgentKind:
    given = {fact.name: getattr(parrot.KIND, fact.name) for fact in fields(parrot.KIND)}
    return parrot.Parrot(**given | facts)


@each_kind
def test_its_patterns_can_be_compiled_and_never_fit_nothing(kind: AgentKind) -> None:
    for pattern in filter(None, (kind.folded, kind.resume_hint, kind.queued_row, kind.session_id)):
        assert not re.compile(pattern).search(""), pattern


@each_kind
def test_its_keys_are_names_of_keys(kind: AgentKind) -> None:
    for key in filter(None, (kind.queue_key, *(ending.key for ending in kind.ending))):
        assert is_key(key), key


def test_no_program_at_a_shell_is_two_kinds() -> None:
    for one, other in itertools.combinations(KINDS, 2):
        assert not one.launch_words & other.launch_words, (one.name, other.name)


def test_each_state_that_a_key_may_name_is_known_where_clients_are_ended() -> None:
    assert set(OCCASIONS) == set(Shown)


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"commands": frozenset()}, "commands: expected"),
        ({"commands": frozenset({""})}, "commands: expected"),
        ({"launch_words": frozenset()}, "launch_words: expected"),
        ({"rules": ""}, "rules: expected"),
        ({"title": ""}, "title: expected"),
        ({"name": "par rot"}, "name, home: expected"),
        ({"home": Home("", "PARROT_HOME", "~/.parrot", "talks")}, "name, home: expected"),
        ({"home": Home("parrot_home", "", "~/.parrot", "talks")}, "name, home: expected"),
        ({"home": Home("parrot_home", "PARROT_HOME", "", "talks")}, "home.default: expected"),
        ({"home": Home("parrot_home", "PARROT_HOME", "~/.parrot", "../talks")}, "found '../talks'"),
        ({"resume_hint": "parrot --resume (.*)"}, "resume_hint: expected"),
        ({"queue_key": "Tab", "queued_row": "queued: (.*)"}, "queued_row: expected"),
        ({"queued_row": "queued: (?P<text>.*)"}, "queue_key: expected"),
        ({"session_mark": "PARROT"}, "session_mark: expected"),
        ({"passed_on": ("PARROT-HOME",)}, "names of environment variables"),
        ({"accounts": AccountVariables({"api": ("A B",)}, {}, {}, frozenset())}, "names of environment variables"),
        ({"sub_worktrees": ("",)}, "expected paths inside"),
        ({"runs_code": ("/etc",)}, "expected paths inside"),
    ],
)
def test_what_no_kind_can_mean_is_said_when_the_kind_is_loaded(facts: dict[str, Any], said: str) -> None:
    assert said in problem_in(varied(**facts))


def test_a_kind_may_lack_all_that_its_client_cannot_do() -> None:
    lacks: dict[str, Any] = dict.fromkeys(
        ("queue_key", "queued_row", "folded", "resume_hint", "session_mark", "install"), ""
    )
    lacks |= dict.fromkeys(("ending", "passed_on", "outer_session", "runs_code", "steering", "sub_worktrees"), ())
    assert problem_in(varied(**lacks, home=replace(parrot.KIND.home, conversations=""))) == ""
