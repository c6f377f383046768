"""The package's own TOML: parsed once, and read anew whenever its source is another."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from fleetscripts.adapters.records import data_file
from fleetscripts.adapters.records.data_file import read_data_file


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("sys.dont_write_bytecode", False)
    monkeypatch.setattr("sys.pycache_prefix", None)
    made = tmp_path / "rules.toml"
    made.write_text('[a]\nx = ["one", "two"]\n', encoding="utf-8")
    return made


def read_as_another_process(file: Path) -> dict[str, object]:
    data_file._read.cache_clear()
    return read_data_file(file)


def kept(file: Path) -> Path:
    [found] = (file.parent / "__pycache__").iterdir()
    return found


def test_what_was_parsed_is_kept_for_the_user_alone(file: Path) -> None:
    assert read_as_another_process(file) == {"a": {"x": ["one", "two"]}}
    assert kept(file).stat().st_mode & 0o777 == 0o600
    before = kept(file).stat().st_ino
    assert read_as_another_process(file) == {"a": {"x": ["one", "two"]}}
    assert kept(file).stat().st_ino == before


@pytest.mark.parametrize("same_size", [True, False])
def test_a_source_that_was_changed_is_read_anew(file: Path, same_size: bool) -> None:
    read_as_another_process(file)
    file.write_text(f'[a]\nx = ["one", "{"TWO" if same_size else "three"}"]\n', encoding="utf-8")
    os.utime(file, ns=(1, 1))
    read = read_as_another_process(file)
    assert read == {"a": {"x": ["one", "TWO" if same_size else "three"]}} == read_as_another_process(file)


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b"3", b"[1, 2, 3]", b"\xff\x00", b'[[1, 2], {"a": {"x": "no"}}]'])
def test_a_damaged_copy_is_written_anew(file: Path, damage: bytes) -> None:
    read_as_another_process(file)
    kept(file).write_bytes(damage)
    assert read_as_another_process(file) == {"a": {"x": ["one", "two"]}}
    assert json.loads(kept(file).read_bytes())[1] == {"a": {"x": ["one", "two"]}}


def test_where_nothing_can_be_written_the_source_is_read_each_time(file: Path) -> None:
    (file.parent / "__pycache__").write_text("no folder")
    assert read_as_another_process(file) == read_as_another_process(file) == {"a": {"x": ["one", "two"]}}


def test_no_copy_is_left_half_written_and_none_is_written_where_python_writes_none(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.dont_write_bytecode", True)
    assert read_as_another_process(file) == {"a": {"x": ["one", "two"]}}
    assert not (file.parent / "__pycache__").exists()
