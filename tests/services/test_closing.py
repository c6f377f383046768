"""A client whose window has just been closed is ending, and is waited for; one that stays is not."""

from __future__ import annotations

import subprocess

import pytest

from fleetscripts.services.clients.closing import ends_by_itself


@pytest.mark.parametrize(("seconds", "ends"), [("0.4", True), ("60", False)], ids=["ending", "staying"])
def test_only_a_process_that_is_ending_counts_as_such(seconds: str, ends: bool) -> None:
    process = subprocess.Popen(["sleep", seconds])
    try:
        assert ends_by_itself(process.pid) is ends
    finally:
        process.kill()
        process.wait()


def test_a_process_that_has_ended_has_ended_by_itself() -> None:
    process = subprocess.Popen(["true"])
    process.wait()
    assert ends_by_itself(process.pid)
