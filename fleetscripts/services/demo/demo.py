"""The demo: three agents on three tasks, from spare worktree back to spare worktree, on a stage of their own."""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from fleetscripts.adapters.records.files import private_folder, replace_file
from fleetscripts.core.reports.table import table
from fleetscripts.errors import EXIT_DONE, FleetError
from fleetscripts.practice.playground import Playground
from fleetscripts.practice.stage import SESSION, Stage
from fleetscripts.services.demo.demo_scripts import Scripts
from fleetscripts.services.demo.demo_tasks import LASTING, STEPS, TASKS, Task

SPARES = 4
WATCH_SECONDS = 0.5
LONGEST_SECONDS = 180.0
"""A longer time from spawn to the last verdict is a failure; 20 s is usual."""

CONFIG = """\
# The demo's settings: thresholds of minutes, shortened to seconds.
idle_threshold_seconds = 3
nudge_cooldown_seconds = 3
notify_desktop = false
verify_command = "test -s README.md"
"""

Show = Callable[[str], None]


@dataclass(slots=True)
class TaskCourse:
    """One task's course."""

    task: Task
    window: str = ""
    session_id: str = ""
    path: str = ""
    spare: str = ""
    state: str = ""
    events: list[str] = field(default_factory=list)
    died: bool = False
    asked: bool = False
    finished_seconds: float = 0.0


@dataclass(slots=True)
class Demo:
    """One run of the demo."""

    stage: Stage
    show: Show
    courses: list[TaskCourse] = field(default_factory=lambda: [TaskCourse(task) for task in TASKS])
    began: float = field(default_factory=time.monotonic)

    @property
    def playground(self) -> Playground:
        return Playground(self.stage.folder / "git")

    @property
    def scripts(self) -> Scripts:
        return Scripts(self.stage.environment(), self.playground.repository)

    def play(self) -> None:
        """Builds, spawns, watches, recycles, checks; raises FleetError if a step fails."""
        self._build()
        self._spawn()
        self._watch()
        self._recycle()
        self._check()

    def linger(self) -> None:
        """Leaves agents at work, one of them with an open question, and a loop that watches them."""
        self.scripts.must("update-agent", "--top", "active=true")
        common = ["--session", SESSION, "--repo", str(self.playground.repository), "--agent", self.stage.kind]
        self.scripts.all([["spawn-agent", *common, "--branch", name, "--objective", text] for name, text in LASTING])
        self.scripts.must("run-loop", "--window")
        for agent in self.scripts.status()["agents"]:
            if agent["state"] != "recycled":
                self._tell(f"{agent['window']}  {agent['branch']} stays, to be looked at")

    def _tell(self, text: str) -> None:
        self.show(f"{time.monotonic() - self.began:5.1f} s  {text}")

    def _build(self) -> None:
        fleet_home = self.stage.folder / "fleet"
        for folder in (self.stage.home, fleet_home):
            private_folder(folder)
        replace_file(fleet_home / "config.toml", (CONFIG + self._places()).encode())
        self.playground.build(SPARES, self.stage.environment())
        self.stage.start()
        self._tell(f"a repository with {SPARES} spare worktrees in {self.stage.folder}")
        for line in self.scripts.must("find-spare", str(self.playground.repository)).splitlines():
            self.show(f"         {line}")

    def _places(self) -> str:
        """The client and the tasks' folder, for calls from a shell that has neither this PATH nor this HOME."""
        places = {f"{self.stage.kind}_path": self.stage.program, "tasks_folder": self.stage.folder / "tasks"}
        return "".join(f"{name} = {json.dumps(str(place))}\n" for name, place in places.items())

    def _spawn(self) -> None:
        common = ["--session", SESSION, "--repo", str(self.playground.repository), "--agent", self.stage.kind]
        common += [word for step in STEPS for word in ("--step", step)]
        begun = self.stage.folder / "all-begun"
        objectives = {task.branch: task.objective.replace("{all_begun}", str(begun)) for task in TASKS}
        windows = self.scripts.all(
            [["spawn-agent", *common, "--branch", name, "--objective", text] for name, text in objectives.items()]
        )
        begun.touch()
        for course, window in zip(self.courses, windows, strict=True):
            course.window = window.strip()
            self._tell(f"{course.window}  an agent begins {course.task.branch}")
        for agent in self.scripts.status()["agents"]:
            course = next(course for course in self.courses if course.window == agent["window"])
            course.session_id, course.path = agent["session_id"], agent["worktree_path"]
            course.spare = agent["spare_branch"]

    def _watch(self) -> None:
        """Lets the loop run, shows what changes, and answers what only a person may decide."""
        loop = shlex.join(self.scripts.argv("run-loop"))
        settings = "POLL_INTERVAL=1 POLL_IDLE_MAX=1"
        made = self.stage.tmux(
            "new-window", "-d", "-t", f"={SESSION}:", "-n", "loop", "-c", str(self.playground.repository),
            f"env {settings} {loop} 2>&1 | tee {shlex.quote(str(self.stage.folder / 'loop.out'))}",
        )  # fmt: skip
        if made is None:
            raise FleetError("the window for run-loop could not be opened")
        self._tell("run-loop watches them, in a window of its own")
        deadline = time.monotonic() + LONGEST_SECONDS
        while not all(course.finished_seconds for course in self.courses):
            if time.monotonic() > deadline:
                slow = ", ".join(f"{course.task.branch} is {course.state}" for course in self.courses)
                raise FleetError(f"not finished within {LONGEST_SECONDS:.0f} s: {slow}")
            for agent in self.scripts.status()["agents"]:
                course = next((course for course in self.courses if course.session_id == agent["session_id"]), None)
                if course is None:
                    raise FleetError(f"an agent changed its conversation: {agent['window']} has {agent['session_id']}")
                self._look(course, agent)
            time.sleep(WATCH_SECONDS)

    def _look(self, course: TaskCourse, agent: Mapping[str, Any]) -> None:
        if (agent.get("attempts", {}).get("restarted_at")) and not course.died:
            course.died = True
            course.events.append("died, resumed in its conversation")
            self._tell(f"{course.window}  its client died; the loop resumed session {course.session_id[:8]}…")
        state = agent.get("state", "")
        steps = " ".join(f"✓ {step}" for step in agent.get("checkpoints", []))
        if (told := f"{state:19} {steps}".rstrip()) != course.state:
            course.state = told
            self._tell(f"{course.window}  {course.task.branch:15} {told}")
        if state == "waiting_approval" and agent.get("seen", {}).get("dialog") == "question":
            self._answer(course)
        if state in ("pending_evaluation", "done") and not course.finished_seconds:
            course.finished_seconds = time.monotonic() - self.began
        if state == "escalated":
            why = agent.get("escalation", {}).get("reason") or "no reason was recorded"
            raise FleetError(f"{course.task.branch} was escalated: {why}")

    def _answer(self, course: TaskCourse) -> None:
        """Shows a decision and answers it as a person would; again while the question is open."""
        if not course.asked:
            shown = self.scripts.ask("answer-dialog", course.window, "--show")
            self._tell(f"{course.window}  a question that only a person may answer:")
            for line in shown.stdout.splitlines():
                self.show(f"           {line}")
            course.asked = True
            course.events.append(f"asked, answered “{course.task.answer}”")
            self._tell(f"{course.window}  you would choose; the demo chooses “{course.task.answer}”")
        outcome = self.scripts.ask("answer-dialog", course.window, "--choose", course.task.answer)
        if outcome.code != EXIT_DONE:
            self._tell(f"{course.window}  {outcome.stderr.strip() or 'not answered'}")

    def _recycle(self) -> None:
        why = "the demo's own word: the file is there"
        self.scripts.all([["evaluate", course.window, "--pass", why] for course in self.courses])
        for course in self.courses:
            course.events.append("verified")
        self.scripts.all([["recycle-agent", course.window, course.path, course.spare] for course in self.courses])
        for course in self.courses:
            self._tell(f"{course.window}  {course.task.branch} judged good; its worktree is {course.spare} again")
        self.scripts.must("update-agent", "--top", "active=false")

    def _check(self) -> None:
        """Checks the final state."""
        free = self.scripts.must("find-spare", str(self.playground.repository)).splitlines()
        if len(free) != SPARES:
            raise FleetError(f"expected {SPARES} spare worktrees in the end, found {len(free)}")
        for course in self.courses:
            if course.task.crashes and not course.died:
                raise FleetError(f"expected the client of {course.task.branch} to be resumed, it never was")
            if course.task.answer and not course.asked:
                raise FleetError(f"expected {course.task.branch} to ask its question, it never did")
            if not self.playground.holds(course.task.branch, course.task.file, self.stage.environment()):
                raise FleetError(f"expected {course.task.file} on {course.task.branch} at origin, it is not there")

    def summary(self) -> list[str]:
        """The table at the end."""
        head = ("BRANCH", "FINISHED", "ON THE WAY", "WORKTREE", "PUSHED")
        rows = [
            (course.task.branch, f"{course.finished_seconds:.1f} s", ", ".join(course.events), course.spare, "yes")
            for course in self.courses
        ]
        return table([head, *rows])
