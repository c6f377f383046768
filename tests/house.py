"""Draws the house: which room imports which, from the imports themselves. ``python -m tests.house`` writes the page."""

from __future__ import annotations

from collections import defaultdict

from tests.places import BUNDLE
from tests.test_layering import MODULES, PACKAGE, SERVICES, imports, room_of

PAGE = BUNDLE / "docs" / "house.md"
TEXT = """# The house

Which room of `services/` imports which. Arrows point down: a floor imports only what stands below it. Commands stand
above all of them; `agents/`, `core/` and `adapters/` below. Drawn from the imports by `python -m tests.house`; a test
fails when the page differs.

```mermaid
flowchart TD
{lines}
```
"""


def page() -> str:
    """The page as it should be now."""
    reached: dict[str, set[str]] = defaultdict(set)
    for path in MODULES:
        here = room_of(path.relative_to(PACKAGE).parts)
        for name, _ in imports(path):
            there = room_of(name.split(".")[1:3]) if name.startswith("fleetscripts.services.") else None
            if here and there and here != there:
                reached[here].add(there)
    lines = []
    for number, rooms in enumerate(SERVICES):
        lines += [f'    subgraph floor{number} [" "]', *(f"        {room}" for room in rooms), "    end"]
    lines += [
        f"    {here} --> {' & '.join(sorted(reached[here]))}" for floor in SERVICES for here in floor if reached[here]
    ]
    return TEXT.format(lines="\n".join(lines))


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
