"""Changed files are told: new, changed, removed, in folders that come and go, with the system's events and without."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fleetscripts.adapters.system.file_events import FileEvents
from tests.waiting import wait_until


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture(params=[False, True], ids=["events", "looking"])
def watch(request: pytest.FixtureRequest, told: list[str]) -> Iterator[FileEvents]:
    made = FileEvents(lambda paths: told.extend(sorted(paths)), looking=request.param)
    yield made
    made.close()


def heard(told: list[str], path: Path) -> Callable[[], bool]:
    return lambda: str(path) in told


def test_what_is_written_changed_and_removed_is_told(watch: FileEvents, told: list[str], tmp_path: Path) -> None:
    assert watch.watch([tmp_path]) == ""
    path = tmp_path / "a.jsonl"
    for change in (lambda: path.write_text("1\n"), lambda: path.write_text("1\n2\n"), path.unlink):
        told.clear()
        change()
        wait_until(heard(told, path), 20, "the change")


def test_a_file_that_is_replaced_is_told(watch: FileEvents, told: list[str], tmp_path: Path) -> None:
    (tmp_path / "state.json").write_text("old")
    watch.watch([tmp_path])
    (tmp_path / "new").write_text("the new one")
    (tmp_path / "new").replace(tmp_path / "state.json")
    wait_until(heard(told, tmp_path / "state.json"), 20, "the replacement")


def test_a_folder_that_comes_later_is_told_of_and_then_watched(
    watch: FileEvents, told: list[str], tmp_path: Path
) -> None:
    later = tmp_path / "later"
    watch.watch([tmp_path, later])
    later.mkdir()
    wait_until(heard(told, later), 20, "the new folder")
    watch.watch([tmp_path, later])
    (later / "x").write_text("1")
    wait_until(heard(told, later / "x"), 20, "a file in it")


def test_a_folder_that_went_and_came_again_is_watched_again(watch: FileEvents, told: list[str], tmp_path: Path) -> None:
    folder = tmp_path / "sessions"
    folder.mkdir()
    watch.watch([tmp_path, folder])
    shutil.rmtree(folder)
    wait_until(heard(told, folder), 20, "its end")
    folder.mkdir()
    watch.watch([tmp_path, folder])
    told.clear()
    (folder / "1.json").write_text("{}")
    wait_until(heard(told, folder / "1.json"), 20, "a file in the new one")


def test_a_link_that_leads_nowhere_hides_nothing_beside_it(watch: FileEvents, told: list[str], tmp_path: Path) -> None:
    for name in ("a", "m", "z"):
        (tmp_path / name).symlink_to(tmp_path / "nowhere")
    watch.watch([tmp_path])
    for number in range(20):
        (tmp_path / f"{number}.json").write_text("{}")
    wait_until(lambda: {str(tmp_path / f"{number}.json") for number in range(20)} <= set(told), 20, "every file")


def test_a_folder_whose_name_no_system_takes_is_left_out(watch: FileEvents, told: list[str], tmp_path: Path) -> None:
    watch.watch([tmp_path, tmp_path / ("x" * 300)])
    (tmp_path / "a").write_text("1")
    wait_until(heard(told, tmp_path / "a"), 20, "the change")


def test_after_the_end_nothing_is_told(watch: FileEvents, told: list[str], tmp_path: Path) -> None:
    watch.watch([tmp_path])
    watch.close()
    told.clear()
    (tmp_path / "x").write_text("1")
    assert told == []
