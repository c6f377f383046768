"""Every case from the field names tests and recordings that are there."""

from __future__ import annotations

import re
import tomllib
from functools import cache

import pytest

from tests.places import BUNDLE

TABLE = "field_cases.toml"
TESTS = BUNDLE / "tests"
CASES = tomllib.loads((TESTS / TABLE).read_text(encoding="utf-8"))


@cache
def functions() -> frozenset[str]:
    texts = (path.read_text(encoding="utf-8") for path in TESTS.rglob("test_*.py"))
    return frozenset(name for text in texts for name in re.findall(r"^ *def (test_\w+)\(", text, re.MULTILINE))


def is_there(named: str) -> bool:
    sidecar = TESTS / "screens" / f"{named}.json"
    return named in functions() or (sidecar.is_file() and sidecar.with_suffix(".ansi").is_file())


@pytest.mark.parametrize(("area", "case"), [(area, case) for area, cases in CASES.items() for case in cases])
def test_a_case_is_held_by_what_is_there(area: str, case: str) -> None:
    held_by = CASES[area][case]
    assert held_by
    assert [named for named in held_by if not is_there(named)] == []
