"""A pull request that another machine is told of is the very same there, and nothing else is taken for one."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetscripts.core.hosts.packed_json import MOST_PACKED, in_messages, packed_json, unpacked_json
from fleetscripts.errors import FleetError
from fleetscripts.pull_request import (
    Check,
    Comment,
    Commit,
    Merge,
    PullKey,
    PullRequest,
    PullState,
    RequiredCheck,
    Review,
    Suite,
    Thread,
)
from fleetscripts.schema import WrongShape
from fleetscripts.services.central.pulls_told import pull_from, pull_members

COMMENT = Comment("ann", "Fixed in 1234567 \x1b[2J\u202e", 5.5, is_bot=True)
PULL = PullRequest(
    PullKey("ghe.example", "acme", "widget", 12), "Title", "Body", PullState.MERGED, True, "MERGEABLE", "a" * 40,
    "feat/x", "main", 10, 20.5, None,
    checks=(Check("ci", True, "SUCCESS", 1.0, job=7), Check("old", False, is_status=True)),
    threads=(Thread("T1", True, False, "src/a.py", None, "bob", 3.0, (COMMENT, COMMENT), "ann", "c" * 40),),
    reviews=(Review("bob", "APPROVED", 4, "a" * 40),),
    commits=(Commit("a" * 40, "Finish", 2),), commits_total=1, read_at=30.25, suites=(Suite("S", True),),
    conversation=(COMMENT,), required=(RequiredCheck("ci", 3),), merge=Merge("APPROVED", removed_at=8.0),
    branch_tip="b" * 40, clock_ahead=-600.0,
)  # fmt: skip


def test_it_is_the_same_on_the_other_side_of_the_wire() -> None:
    told = unpacked_json(packed_json(pull_members(PULL)))
    assert pull_from(told) == PULL
    assert pull_from({**told, "of_a_newer_release": 1}) == PULL


@given(st.text(), st.floats(allow_nan=False, allow_infinity=False), st.integers(0, 10**12), st.booleans())
def test_whatever_its_values_are(text: str, number: float, count: int, flag: bool) -> None:
    pull = replace(
        PULL, title=text, body=text, merged_at=number, commits_total=count, draft=flag,
        conversation=(replace(COMMENT, body=text, at=number),),
    )  # fmt: skip
    assert pull_from(json.loads(json.dumps(pull_members(pull)))) == pull


@pytest.mark.parametrize("name", [one.name for one in fields(PullRequest)])
@pytest.mark.parametrize("value", [[{"x": 1}], {"decision": 1}, [1], [None]], ids=repr)
def test_a_field_of_another_shape_is_refused_by_its_name(name: str, value: object) -> None:
    with pytest.raises(WrongShape, match=f"pull request.{name}"):
        pull_from({**pull_members(PULL), name: value})


@pytest.mark.parametrize("value", [None, 1, "x", [], {}, {"key": None}])
def test_what_is_no_pull_request_is_none(value: Any) -> None:
    with pytest.raises(WrongShape):
        pull_from(value)


@given(st.binary(max_size=200))
def test_what_is_not_packed_is_refused(content: bytes) -> None:
    with pytest.raises(FleetError):
        unpacked_json(content)


def test_what_unpacks_to_too_much_is_refused() -> None:
    with pytest.raises(FleetError, match="or less"):
        unpacked_json(packed_json("x" * (40 << 20)))


@given(st.lists(st.integers(0, 200_000), max_size=8))
def test_no_message_is_too_long_and_nothing_is_left_out(sizes: list[int]) -> None:
    import random

    letters = random.Random(0)
    entries = [{"n": n, "text": letters.randbytes(size // 2).hex()} for n, size in enumerate(sizes)]
    messages = list(in_messages(entries))
    assert [one for message in messages for one in message] == entries
    assert all(len(packed_json(message)) <= MOST_PACKED + 1000 for message in messages)
