"""A call that names an agent on another host, as it is made there."""

from __future__ import annotations

import pytest

from fleetscripts.core.hosts.forwarding import ForwardedCall, forwarded, prefixed
from fleetscripts.errors import UsageProblem

TARGETS = {"alpha/fleet:1": "fleet:1"}


@pytest.mark.parametrize(
    ("given", "there"),
    [
        (["alpha/fleet:1"], ForwardedCall(("fleet:1",))),
        (["alpha/fleet:1", "see alpha/fleet:1"], ForwardedCall(("fleet:1", "see alpha/fleet:1"))),
        (["--state-file", "/here", "alpha/fleet:1", "--json"], ForwardedCall(("fleet:1", "--json"))),
        (["--fleet-home=/here", "alpha/fleet:1"], ForwardedCall(("fleet:1",))),
        (["alpha/fleet:1", "-"], ForwardedCall(("fleet:1", "-"), "-")),
        (["alpha/fleet:1", "--file", "notes.txt"], ForwardedCall(("fleet:1", "--file", "-"), "notes.txt")),
        (["alpha/fleet:1", "--task-file=-"], ForwardedCall(("fleet:1", "--task-file", "-"), "-")),
        (["--host", "alpha", "--branch", "x"], ForwardedCall(("--branch", "x"))),
    ],
)
def test_only_what_belongs_there_goes_there(given: list[str], there: ForwardedCall) -> None:
    assert forwarded(given, TARGETS) == there


def test_a_file_that_a_client_there_would_have_to_open_is_refused() -> None:
    with pytest.raises(UsageProblem, match="--image"):
        forwarded(["alpha/fleet:1", "--image", "/here/picture.png"], TARGETS)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("fleet:1 has it", "alpha/fleet:1 has it"),
        ("(fleet:1)", "(alpha/fleet:1)"),
        ("fleet:11 and fleet:1", "alpha/fleet:11 and alpha/fleet:1"),
        ("my-fleet:1 fleet:1.2 fleet:1/x alpha/fleet:1", "my-fleet:1 fleet:1.2 fleet:1/x alpha/fleet:1"),
        ("send-agent fleet:1: refused", "send-agent alpha/fleet:1: refused"),
    ],
)
def test_windows_there_are_told_with_their_host(text: str, shown: str) -> None:
    assert prefixed(text, "alpha", {"fleet:1", "fleet:11"}) == shown
