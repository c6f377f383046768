"""Numbers of worktrees: no two that are there have the same one, whatever their folders are called."""

from __future__ import annotations

from pathlib import Path

from fleetscripts.services.worktrees.slots import SlotBook


def test_folders_of_one_name_differ_and_only_the_number_of_one_that_is_gone_is_given_again(tmp_path: Path) -> None:
    book = SlotBook(tmp_path / "state")
    one, other, third = (tmp_path / name / "project" for name in ("one", "other", "third"))
    for folder in (one, other, third):
        folder.mkdir(parents=True)
    assert [book.given(str(folder)) for folder in (one, other, one)] == [1, 2, 1]
    one.rmdir()
    assert [book.given(str(folder)) for folder in (third, other)] == [1, 2]
    one.mkdir()
    assert book.given(str(one)) == 3, "it came back after its number was given away"
