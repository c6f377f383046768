"""The picture of the house is the house."""

from __future__ import annotations

from tests.house import PAGE, page


def test_the_page_shows_which_room_imports_which() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "python -m tests.house writes it"
