"""send-agent while the machine has four times as much to do as it can: no answer is wrong, in either direction."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from tests.e2e.conftest import SPARES
from tests.e2e.crew import Crew
from tests.waiting import wait_until

SENDS = int(os.environ.get("FLEET_LOAD_SENDS", "30"))
"""500 are the measure; a few of them are enough to see that the measure works."""

BUSY_PROCESSES = 8
DENIED = re.compile("not submitted|nothing was typed|before it took|was not sent")
"""What a call says only when the client has not got the text."""


@contextmanager
def busy_machine() -> Iterator[None]:
    processes = [subprocess.Popen([sys.executable, "-I", "-c", "while True: pass"]) for _ in range(BUSY_PROCESSES)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


def times_got(crew: Crew, window: str, token: str) -> int:
    """How often a text stands in a conversation as something that was said to the agent."""
    return sum(token in text for text in crew.said(window, "user"))


def send(crew: Crew, window: str, number: int) -> tuple[str, int, str]:
    """A token, the exit code, and what was said."""
    token = f"m{window.replace(':', 'x')}x{number}x"
    lines = (
        [f"{token} a short text [[say ok {number}]]"] if number % 3 else [token, *"abcdefgh", f"[[say ok {number}]]"]
    )
    wait_until(lambda: crew.resting(window), 120, f"the end of its turn\n{token}")
    done = crew.run("send-agent", window, "\n".join(lines), seconds=180)
    return token, done.returncode, done.stdout + done.stderr


def judge(crew: Crew, window: str, token: str, code: int, said: str) -> str:
    """``sent``, ``refused`` or ``unsure``; ``wrong`` with why."""
    got = times_got(crew, window, token)
    if code == 0:
        return "sent" if got == 1 else f"wrong: {token} was said to be sent, and is there {got} times"
    if got and (code == 3 or DENIED.search(said)):
        return f"wrong: {token} is there, and the answer was {code}: {said}"
    return "refused" if code == 3 else "unsure" if got else f"failed: {said.splitlines()[-1][:120]}"


@pytest.mark.stress
def test_no_answer_of_send_agent_is_wrong_on_a_busy_machine(crew: Crew) -> None:
    windows = [crew.spawn(f"feat/{number}", "Say it. [[say Ready.]]") for number in range(SPARES)]
    for window in windows:
        crew.wait_for_words(window, "Ready.", 60)

    def send_all(window: str) -> list[tuple[str, int, str]]:
        return [send(crew, window, number) for number in range(-(-SENDS // len(windows)))]

    with busy_machine(), ThreadPoolExecutor(len(windows)) as pool:
        answers = list(pool.map(send_all, windows))
        load = os.getloadavg()[0]
    for window in windows:
        wait_until(lambda window=window: crew.resting(window), 60, "the end of the last turn")
    verdicts = [judge(crew, window, *one) for window, own in zip(windows, answers, strict=True) for one in own]
    tally = Counter(verdict.partition(":")[0] for verdict in verdicts)
    print(f"\n{crew.stage.kind}: {len(verdicts)} texts at load {load:.1f}: {json.dumps(tally)}")
    assert [verdict for verdict in verdicts if verdict.startswith("wrong")] == []
    assert tally["sent"] >= 0.9 * len(verdicts), [verdict for verdict in verdicts if verdict != "sent"][:5]
