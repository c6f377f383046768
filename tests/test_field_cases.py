"""Every case from the field names tests and recordings that are there."""

from __future__ import annotations

import ast
import tomllib
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
CASES = tomllib.loads((TESTS / "field_cases.toml").read_text(encoding="utf-8"))


@cache
def functions(file: str) -> frozenset[str]:
    tree = ast.parse((TESTS / file).read_text(encoding="utf-8"))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def is_there(named: str) -> bool:
    file, _, function = named.partition("::")
    if function:
        return function.startswith("test_") and (TESTS / file).is_file() and function in functions(file)
    sidecar = TESTS / "screens" / f"{named}.json"
    return sidecar.is_file() and sidecar.with_suffix(".ansi").is_file()


@pytest.mark.parametrize(("area", "case"), [(area, case) for area, cases in CASES.items() for case in cases])
def test_a_case_is_held_by_what_is_there(area: str, case: str) -> None:
    held_by = CASES[area][case]
    assert held_by
    assert [named for named in held_by if not is_there(named)] == []
