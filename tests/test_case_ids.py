"""A case of a table says in its id what it is, in every process alike."""

from __future__ import annotations

import signal
from dataclasses import dataclass

import pytest

from tests.case_ids import LONGEST, case_id


@dataclass(frozen=True)
class _Thing:
    name: str
    count: int = 0


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        pytest.param("a text of some words", None, id="a text that speaks for itself is pytest's own"),
        pytest.param("x", "it='x'", id="a short text is named and quoted"),
        pytest.param("", "it=''", id="an empty text is named and quoted"),
        pytest.param(3, "it=3", id="a number is named"),
        pytest.param(None, "it=None", id="none is named"),
        pytest.param(["--all", "x\n"], "it=[--all, 'x\\n']", id="a list shows its members"),
        pytest.param({"b", "a"}, "it={'a', 'b'}", id="a set is in order"),
        pytest.param({"key": b"\0"}, "it={key: b'\\x00'}", id="a mapping shows keys and values"),
        pytest.param(_Thing("left", 2), "it=_Thing(name=left, count=2)", id="an object shows its fields"),
        pytest.param(_Thing("left"), "it=_Thing(name=left)", id="a field at its default is left out"),
        pytest.param(signal.SIGTERM, "SIGTERM", id="a signal has its name"),
    ],
)
def test_each_value_says_what_it_is(value: object, shown: str | None) -> None:
    assert case_id(value, "it") == shown


def test_an_id_stays_short_and_holds_no_address() -> None:
    assert len(case_id("word " * 100, "it") or "") <= LONGEST + len("it=")
    assert " at 0x" not in str(case_id(object(), "it"))
