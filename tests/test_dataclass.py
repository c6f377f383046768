"""A frozen class of ours is a dataclass of the standard library in everything but when its methods are written."""

from __future__ import annotations

import copy
import dataclasses
import importlib
import inspect
import pkgutil
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import fleetscripts
from fleetscripts.dataclass import COMPILED_AFTER
from fleetscripts.dataclass import dataclass as ours


def place(decorator: Callable[..., Any]) -> Any:
    """The same class, made by either decorator."""

    @decorator(frozen=True, slots=True)
    class Place:
        """Somewhere."""

        name: str
        row: int = 0
        names: tuple[str, ...] = ()
        more: dict[str, int] = dataclasses.field(default_factory=dict, compare=False)
        secret: str = dataclasses.field(default="", repr=False)

        @property
        def label(self) -> str:
            return f"{self.name}:{self.row}"

    return Place


values = st.fixed_dictionaries(
    {"name": st.text()}, optional={"row": st.integers(), "names": st.tuples(st.text()), "secret": st.text()}
)


@given(values, values)
def test_it_is_made_shown_compared_and_hashed_as_the_standard_librarys(
    one: dict[str, Any], two: dict[str, Any]
) -> None:
    mine, theirs = place(ours), place(dataclasses.dataclass)
    assert repr(mine(**one)) == repr(theirs(**one))
    assert (mine(**one) == mine(**two)) == (theirs(**one) == theirs(**two))
    assert hash(mine(**one)) == hash(mine(**one))
    assert mine(**one) != theirs(**one)
    assert dataclasses.asdict(mine(**one)) == dataclasses.asdict(theirs(**one))
    assert dataclasses.replace(mine(**one), **two) == mine(**{**one, **two})
    assert mine(**one).label == theirs(**one).label


def test_each_instance_has_a_default_of_its_own() -> None:
    kind = place(ours)
    first, second = kind("a"), kind("b", more={"x": 1})
    first.more["y"] = 2
    assert (first.more, second.more, kind("c").more) == ({"y": 2}, {"x": 1}, {})


@pytest.mark.parametrize("wrong", [((), {}), (("a", 1, (), {}, "", 5), {}), (("a",), {"color": 1})])
def test_what_does_not_fit_is_refused(wrong: tuple[tuple[Any, ...], dict[str, Any]]) -> None:
    for kind in (place(ours), place(dataclasses.dataclass)):
        with pytest.raises(TypeError, match="__init__"):
            kind(*wrong[0], **wrong[1])


def test_nothing_of_it_can_be_changed() -> None:
    one = place(ours)("a")
    with pytest.raises(dataclasses.FrozenInstanceError, match="row"):
        one.row = 3
    with pytest.raises(dataclasses.FrozenInstanceError, match="row"):
        del one.row
    assert not hasattr(one, "__dict__")


def test_it_can_be_matched_and_copied() -> None:
    one = place(ours)("a", 3)
    match one:
        case object(name="a", row=row):
            assert row == 3
    assert type(one).__match_args__ == place(dataclasses.dataclass).__match_args__
    assert copy.copy(one) == copy.deepcopy(one) == one


def test_a_class_that_may_change_is_the_standard_librarys() -> None:
    @ours
    class OpenRecord:
        count: int = 0

    one = OpenRecord()
    one.count = 2
    assert one == OpenRecord(2)
    assert OpenRecord.__hash__ is None


def frozen_classes() -> list[type[Any]]:
    """Every class of the product whose methods are written when that pays."""
    infos = pkgutil.walk_packages(fleetscripts.__path__, "fleetscripts.")
    modules = [importlib.import_module(info.name) for info in infos if "__" not in info.name]
    members = [member for module in modules for member in vars(module).values()]
    return list(dict.fromkeys(it for it in members if isinstance(it, type) and hasattr(it, "_as_written")))


def test_every_frozen_class_is_one_by_the_standard_librarys_rules() -> None:
    """A default that instances would share, or a field without one after a field with one, is refused at first use."""
    classes = frozen_classes()
    assert len(classes) > 200
    for kind in classes:
        fields = dataclasses.fields(kind)
        assert [field.name for field in fields] == list(kind.__match_args__), kind
        assert all(field.init and not field.kw_only for field in fields), kind
        needed = {f.name: None for f in fields if f.default is f.default_factory is dataclasses.MISSING}
        assert inspect.isabstract(kind) or kind(**needed) == kind(*needed.values()), kind


def test_many_are_made_as_the_first_was() -> None:
    kind, theirs = place(ours), place(dataclasses.dataclass)
    for number in range(3 * COMPILED_AFTER):
        assert repr(kind("a", number)) == repr(theirs("a", number))
        assert kind("a", number, ("b",)) == kind(name="a", row=number, names=("b",))
        with pytest.raises(TypeError, match="name"):
            kind(row=number)
