"""A line that a full disk or a power cut left half costs itself, never the one after it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fleetscripts.adapters.records.journal import Journal
from fleetscripts.errors import FleetError


def events(journal: Journal) -> list[object]:
    return [line["event"] for line in journal.read()]


def test_after_half_a_line_the_next_one_is_whole(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "events.jsonl")
    journal.write("first")
    with journal.path.open("a") as stream:
        stream.write('{"at": 1, "event": "intend')
    journal.write("third")
    journal.write("fourth")
    assert events(journal) == ["first", "third", "fourth"]


def test_a_line_that_did_not_fit_on_the_disk_is_an_error_and_spoils_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(tmp_path / "events.jsonl")
    journal.write("first")
    write = os.write
    with monkeypatch.context() as full:
        full.setattr(os, "write", lambda descriptor, line: write(descriptor, line[:9]))
        with pytest.raises(FleetError, match="cannot write the journal"):
            journal.write("second")
    journal.write("third")
    assert events(journal) == ["first", "third"]
