"""A call that names an agent on another host, as it is made there."""

from __future__ import annotations

import pytest

from fleetscripts.commands import names
from fleetscripts.commands.elsewhere import HERE_ALONE
from fleetscripts.core.hosts.forwarding import ForwardedCall, forwarded
from fleetscripts.core.hosts.remote_calls import CALLABLE
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


def test_every_command_is_called_on_another_machine_or_stays_here() -> None:
    assert set(names()) - CALLABLE == HERE_ALONE
