"""What lets a short command start quickly: libraries that others import are executed when they are really used, and
memory is collected seldom.

click, dataclasses and pathlib import these at their top, for one function or for what we never call. That function is
given here, as short as we need it; whoever looks up anything else gets the library, whole.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Mapping
from importlib import util
from threading import RLock
from types import ModuleType
from typing import Any

ALLOCATIONS = 50_000
"""Objects that are made before memory is collected; with Python's 700 that happens 40 times during the imports."""

_alone = RLock()


class _DeferredModule(ModuleType):
    """A module that is executed when a name is looked up that it does not have yet."""

    def __getattr__(self, name: str) -> Any:
        if name != "__path__":  # which the import statement asks for
            with _alone:
                spec = self.__dict__.pop("_to_execute", None)
                if spec is not None:
                    spec.loader.exec_module(self)
        try:
            return self.__dict__[name]
        except KeyError:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}") from None


def _cleandoc(text: str) -> str:
    """A docstring without the blanks that its place in the code gives it."""
    first, *others = text.expandtabs().split("\n")
    margin = min((len(line) - len(line.lstrip()) for line in others if line.strip()), default=0)
    return "\n".join([first.lstrip(), *(line[margin:] for line in others)]).strip("\n")


def _quote_from_bytes(*words: Any) -> str:
    parse = sys.modules["urllib.parse"]
    parse.quote  # noqa: B018 - executes it
    return str(parse.__dict__["quote_from_bytes"](*words))


INSTEAD: Mapping[str, Mapping[str, Callable[..., Any]]] = {
    "inspect": {"cleandoc": _cleandoc},
    "gettext": {"gettext": lambda text: text, "ngettext": lambda one, many, count: one if count == 1 else many},
    "platform": {"system": lambda: os.uname().sysname},
    "urllib.parse": {"quote_from_bytes": _quote_from_bytes},
    **{name: {} for name in ("glob", "hashlib", "json", "locale", "shlex", "uuid")},
}
"""The libraries, and what is called of each in every command."""


def start_quickly() -> None:
    """For a process that runs one command. Modules already imported are left as they are."""
    gc.set_threshold(ALLOCATIONS)
    gc.enable()
    for name, functions in INSTEAD.items():
        spec = None if name in sys.modules else util.find_spec(name)
        if spec is not None:
            module = util.module_from_spec(spec)
            module.__class__ = _DeferredModule
            module.__dict__.update(functions, _to_execute=spec)
            sys.modules[name] = module
            package, _, last = name.rpartition(".")
            if package:
                setattr(sys.modules[package], last, module)
