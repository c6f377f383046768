"""Libraries and expressions that are put off: the same as ever once they are used."""

from __future__ import annotations

import gettext
import importlib
import inspect
import pkgutil
import platform
import re
import subprocess
import sys
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

import fleetscripts.agents
import fleetscripts.core
from fleetscripts.adapters.system.zone import local_zone
from fleetscripts.deferred import INSTEAD
from fleetscripts.pattern import METHODS, pattern
from tests.places import BUNDLE


@given(st.text("ab\n "))
def test_help_texts_are_cut_as_the_standard_library_cuts_them(text: str) -> None:
    assert INSTEAD["inspect"]["cleandoc"](text) == inspect.cleandoc(text)


def test_what_stands_in_for_a_library_answers_as_it_does() -> None:
    assert INSTEAD["platform"]["system"]() == platform.system()
    for count in (0, 1, 2):
        assert INSTEAD["gettext"]["ngettext"]("row", "rows", count) == gettext.ngettext("row", "rows", count)


def run_python(code: str) -> str:
    """What a fresh Python prints that has begun as our commands do."""
    begin = f"import sys; sys.path.insert(0, {str(BUNDLE)!r}); import fleetscripts.commands\n"
    done = subprocess.run([sys.executable, "-I", "-c", begin + code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_click_and_pathlib_do_not_execute_the_libraries_that_they_import() -> None:
    code = """
import click, pathlib, dataclasses
print({"ast", "tokenize", "ipaddress", "_hashlib", "json.decoder"} & set(sys.modules))
print("setlocale" in vars(sys.modules["locale"]))
"""
    assert run_python(code) == "set()\nFalse"


@pytest.mark.parametrize(
    ("code", "answer"),
    [
        ("import inspect; print(inspect.signature(lambda a, b=1: 0))", "(a, b=1)"),
        ("from inspect import isgenerator; print(isgenerator(0))", "False"),
        ("import urllib.parse; print(urllib.parse.quote('a b'))", "a%20b"),
        ("from urllib.parse import urlsplit; print(urlsplit('http://h/x').netloc)", "h"),
        ("from pathlib import Path; print(Path('/a b').as_uri())", "file:///a%20b"),
        ("import urllib.request, uuid; print(uuid.UUID(int=0).hex[:4])", "0000"),
        ("import platform; print(platform.python_version() == sys.version.split()[0])", "True"),
        ("import inspect; print(hasattr(inspect, 'no_such_name'))", "False"),
    ],
    ids=[
        "module",
        "from",
        "in a package",
        "from in a package",
        "preset function",
        "other importers",
        "platform",
        "none",
    ],
)
def test_whoever_looks_up_another_name_gets_the_library(code: str, answer: str) -> None:
    assert run_python(code) == answer


def test_many_threads_may_be_the_first() -> None:
    code = """
import inspect
from concurrent.futures import ThreadPoolExecutor
with ThreadPoolExecutor(16) as pool:
    print({str(found) for found in pool.map(lambda _: inspect.signature(len), range(64))})
"""
    assert run_python(code) == "{'(obj, /)'}"


def test_an_expression_is_compiled_at_its_first_use() -> None:
    word = pattern("[a-z]+", re.I)
    plain = re.compile("[a-z]+", re.I)
    assert [match[0] for match in word.finditer("Ab 1 c")] == ["Ab", "c"]
    for method in set(METHODS) - {"finditer", "sub", "split", "search", "match", "fullmatch"}:
        assert getattr(word, method)("Ab 1 c") == getattr(plain, method)("Ab 1 c")
    assert (word.sub("-", "Ab 1"), word.split("1Ab1"), word.match("1"), word.pattern) == (
        "- 1",
        ["1", "1"],
        None,
        "[a-z]+",
    )


def patterns() -> dict[str, Any]:
    """Every expression that is put off, of the pure modules and of the kinds of agents."""
    found = {}
    packages = [(package.__path__, f"{package.__name__}.") for package in (fleetscripts.core, fleetscripts.agents)]
    for info in (info for path, prefix in packages for info in pkgutil.walk_packages(path, prefix)):
        module = importlib.import_module(info.name)
        found |= {f"{info.name}.{name}": it for name, it in vars(module).items() if type(it) is type(pattern(""))}
    return found


def test_every_expression_can_be_compiled() -> None:
    assert len(patterns()) > 30
    for name, expression in patterns().items():
        assert re.compile(expression.pattern, expression.flags), name


@pytest.mark.parametrize("name", ["Europe/Berlin", "America/New_York", "UTC", "Asia/Kolkata"])
@given(st.integers(0, 2_000_000_000))
def test_times_in_this_machines_zone(name: str, at: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", name)
        here, there = datetime.fromtimestamp(at, local_zone()), datetime.fromtimestamp(at, ZoneInfo(name))
        assert (here.isoformat(), here.tzname(), here.dst()) == (there.isoformat(), there.tzname(), there.dst())
        assert here.astimezone(UTC) == there.astimezone(UTC)
        assert here.replace(day=1, hour=0).timestamp() == there.replace(day=1, hour=0).timestamp()
