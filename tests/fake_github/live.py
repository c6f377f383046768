"""A pull request whose branch is a real one: its head is what was pushed, and its threads can be answered."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tests.fake_github.world import TASK_STARTED, World


class LiveWorld(World):
    """Pull request 12 of ``branch`` in the bare repository ``origin``. Each new head gets a check of its own."""

    def __init__(self, origin: Path, branch: str, situation: Mapping[str, Any]) -> None:
        super().__init__({"checks": [], **situation}, {})
        self.origin, self.branch = origin, branch
        self.check: Mapping[str, Any] = {"name": "ci"}
        """What becomes of the checks of heads pushed from now on."""
        self.heads: list[str] = []

    def before_request(self) -> None:
        """See what was pushed meanwhile."""
        super().before_request()
        listed = self._git("log", "-z", "--format=%H%n%ct%n%B", "-100", self.branch).split("\0")
        rows = [entry.split("\n", 2) for entry in reversed(listed)]
        self.commits = {oid: (oid, message.strip(), float(at)) for oid, at, message in rows}
        head = rows[-1][0]
        if head not in self.heads:
            self.heads.append(head)
            self.run_checks()
        self.pull |= {"head": head, "branch": self.branch, "commits": [oid for oid, *_ in rows]}

    def run_checks(self) -> None:
        """Checks begin on the head now."""
        self.checks = [{**self.check, "created": since_start()}]
        self._happened()

    def finish_checks(self) -> None:
        """Every check ends well."""
        self.check = {"name": "ci"}
        self.checks = [{**check, "status": "COMPLETED"} for check in self.checks]

    def mutations(self) -> Mapping[str, Callable[..., Any]]:
        """What an agent's ``gh api graphql`` may do to the threads."""
        return {"addPullRequestReviewThreadReply": self._reply, "resolveReviewThread": self._resolve}

    def _reply(self, _info: object, input: Mapping[str, str]) -> dict[str, Any]:
        number = self._number(input["pullRequestReviewThreadId"])
        thread = self.threads[number]
        thread["words"] = [*thread["words"], input["body"]]
        self._happened()
        return {"comment": self._thread(number)["comments"](None, last=1)["nodes"][0]}

    def _resolve(self, _info: object, input: Mapping[str, str]) -> dict[str, Any]:
        number = self._number(input["threadId"])
        self.threads[number]["resolved"] = True
        self._happened()
        return {"thread": self._thread(number)}

    def _number(self, thread_id: str) -> int:
        return [thread.get("id", f"T{number}") for number, thread in enumerate(self.threads)].index(thread_id)

    def _happened(self) -> None:
        self.pull["updated"] = since_start()

    def _git(self, *words: str) -> str:
        argv = ["git", "-C", str(self.origin), *words]
        return subprocess.run(argv, capture_output=True, text=True, check=True).stdout.rstrip("\0\n")


def since_start() -> float:
    """Now, as situations count."""
    return time.time() - TASK_STARTED


class LiveHub(World):
    """Several live pull requests of one repository, by number; requests are counted together."""

    def __init__(self, worlds: Mapping[int, LiveWorld]) -> None:
        super().__init__({}, {})
        self.worlds = worlds

    def before_request(self) -> None:
        """See what was pushed meanwhile, on any branch."""
        super().before_request()
        for world in self.worlds.values():
            world.before_request()

    def _pull_request(self, number: int) -> dict[str, Any] | None:
        world = self.worlds.get(number)
        answer = world._pull_request(12) if world is not None else None
        return None if answer is None else {**answer, "number": number}
