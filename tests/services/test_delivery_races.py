"""2,000 texts to agents that are killed, asked, set to work and typed into while the texts are on their way."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import sys
import tempfile
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path

import pytest

from fleetscripts.config import load_settings
from fleetscripts.core.records.message import same_message
from fleetscripts.errors import FleetError, Refusal
from fleetscripts.practice.install import install
from fleetscripts.services.typing.deliver import deliver
from fleetscripts.services.typing.pane_io import open_pane_io
from tests.chaos import PERSONS_KEYS, PERSONS_TEXT, ChaosPane
from tests.places import TmuxServer
from tests.waiting import wait_until

pytestmark = pytest.mark.stress

SENDS = int(os.environ.get("FLEET_RACE_SENDS", "2000"))
PANES = 12
PROCESSES = 2
SENDERS_PER_PANE = 2
NOT_SENT = re.compile("not submitted|before it took|nothing was typed")
LONG = "\n".join(f"line {number} of a long text" for number in range(8))


@dataclass
class Tally:
    """What one process saw. ``delivered``: token → pane's session."""

    delivered: dict[str, str] = field(default_factory=dict)
    refused: Counter[str] = field(default_factory=Counter)
    failed: dict[str, str] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    violations: list[str] = field(default_factory=list)
    events: Counter[str] = field(default_factory=Counter)
    typed_at: list[float] = field(default_factory=list)


def send_all(panes: list[ChaosPane], sends: int, seed: int) -> Tally:
    """Two senders a pane, one disturber a pane, until every text has been tried."""
    pane_io = open_pane_io(load_settings(os.environ), None)
    tally, stop = Tally(), threading.Event()

    def one(pane: ChaosPane, sender: int, count: int) -> None:
        rng = random.Random(f"{seed} {pane.pane} {sender}")
        for number in range(count):
            token = f"m{pane.pane.removeprefix('%')}x{sender}x{number}x"
            script = rng.choice(["[[say ok]]", "[[think 0.2]]", "[[ask Now?|A|B]]" if rng.random() < 0.1 else ""])
            text = f"{token} {LONG if rng.random() < 0.3 else 'a short text'} {script}"
            tally.texts[token] = text
            for _ in range(2):
                try:
                    deliver(pane_io, pane.pane, text, queue=rng.random() < 0.3)
                    tally.delivered[token] = pane.session_id
                    tally.failed.pop(token, None)
                    break
                except Refusal as error:
                    tally.refused[str(error).partition(": ")[2].partition(" (")[0][:50]] += 1
                    stop.wait(rng.uniform(0.05, 0.3))
                    break
                except FleetError as error:
                    tally.failed[token] = str(error)

    with ThreadPoolExecutor(len(panes) * (SENDERS_PER_PANE + 1)) as pool:
        disturbing = [pool.submit(pane.disturb, random.Random(f"{seed} {pane.pane}"), stop) for pane in panes]
        count = -(-sends // (len(panes) * SENDERS_PER_PANE))
        jobs = [pool.submit(one, pane, sender, count) for pane in panes for sender in range(SENDERS_PER_PANE)]
        try:
            for job in jobs:
                job.result()
        finally:
            stop.set()
        for job in disturbing:
            job.result()
    for pane in panes:
        tally.violations += pane.violations
        tally.typed_at += pane.typed_at
        tally.events.update(pane.counts)
    return tally


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[TmuxServer]:
    folder = tempfile.mkdtemp(prefix="fr", dir="/tmp")
    monkeypatch.setenv("TMUX_TMPDIR", folder)
    server = TmuxServer(f"r{uuid.uuid4().hex[:8]}")
    for name, value in {
        "FLEET_TMUX_SOCKET": server.socket,
        "CLAUDE_CONFIG_DIR": str(tmp_path / "config"),
        "PRACTICE_CONTROL": str(tmp_path / "config"),
        "PRACTICE_TRUSTED": "1",
    }.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "config").mkdir()
    server.new_session("chaos")
    yield server
    server.kill()
    shutil.rmtree(folder, ignore_errors=True)


def test_texts_arrive_once_or_are_reported_as_not_sent(server: TmuxServer, tmp_path: Path, home: Path) -> None:
    launcher = install(tmp_path / "bin")
    panes = [
        ChaosPane(server.socket, tmp_path / f"w{number}", tmp_path / "config", str(uuid.uuid4()), launcher)
        for number in range(PANES)
    ]
    for pane in panes:
        pane.start()
    for pane in panes:
        wait_until(pane.client_pid, 30, "every client to be live")
    seed = int(os.environ.get("FLEET_RACE_SEED", str(time.time_ns())))
    began = time.monotonic()
    with ProcessPoolExecutor(PROCESSES, mp_context=get_context("fork")) as pool:
        shares = [panes[number::PROCESSES] for number in range(PROCESSES)]
        jobs = [pool.submit(send_all, share, SENDS // PROCESSES, seed) for share in shares]
        tallies = [job.result() for job in jobs]
    report = judge(panes, tallies, home / "fleet" / "events.jsonl")
    print(f"\nseed {seed}, {time.monotonic() - began:.0f} s\n{report.text}", file=sys.stderr)
    assert not report.wrong, f"seed {seed}\n" + "\n".join(report.wrong[:10])


@dataclass
class Report:
    """What happened, and what must not have."""

    text: str
    wrong: list[str]


def judge(panes: list[ChaosPane], tallies: list[Tally], journal: Path) -> Report:
    """Compare what was reported with what the clients and the canary wrote down."""
    wrong = [violation for tally in tallies for violation in tally.violations]
    delivered = {token: where for tally in tallies for token, where in tally.delivered.items()}
    texts = {token: text for tally in tallies for token, text in tally.texts.items()}
    said = {pane.session_id: pane.said() for pane in panes}
    queued = {pane.session_id: pane.queued() for pane in panes}
    for pane in panes:
        keys = pane.canary_log.read_bytes() if pane.canary_log.exists() else b""
        if strange := keys.translate(None, PERSONS_KEYS):
            wrong.append(f"{pane.pane}: keys in a shell: {strange[:200]!r}")
    once = Counter(token for lines in said.values() for line in lines for token in texts if token in line)
    wrong += [f"{token} arrived {count} times" for token, count in once.items() if count > 1]
    for token, session in delivered.items():
        if not any(same_message(line, texts[token]) for line in [*said[session], *queued[session]]):
            merged = [line for line in said[session] if token in line]
            wrong.append(f"{token} was reported delivered and is nowhere (but {merged})")
    merged = [(token, line) for lines in said.values() for line in lines for token in texts if token in line]
    merged = [(token, line) for token, line in merged if PERSONS_TEXT in line]
    began_before = _merged_before_paste(merged, tallies, journal)
    wrong += [f"a draft begun before the paste was sent with {token}" for token in began_before]
    if len(delivered) < len(texts) // 20:
        wrong.append(f"only {len(delivered)} of {len(texts)} texts were delivered: too few to show anything")
    denied = [(token, error) for tally in tallies for token, error in tally.failed.items() if NOT_SENT.search(error)]
    wrong += [f"{token} was reported as not sent and arrived: {error}" for token, error in denied if once[token]]
    unknown = [token for tally in tallies for token in tally.failed if once[token]]
    failed = Counter(error.partition(": ")[2].partition("; on")[0] for t in tallies for error in t.failed.values())
    refused = sum((tally.refused for tally in tallies), Counter[str]())
    events = sum((tally.events for tally in tallies), Counter[str]())
    lines = [
        f"{len(texts)} texts: {len(delivered)} delivered, {refused.total()} refused, {failed.total()} failed",
        f"disturbed: {dict(events)}",
        f"refused: {dict(refused.most_common())}",
        f"failed: {dict(failed.most_common())}",
        f"failed yet arrived: {len(unknown)}; drafts sent along (begun between paste and Enter): {len(merged)}",
        window(journal),
    ]
    return Report("\n".join(lines), wrong)


def _merged_before_paste(merged: list[tuple[str, str]], tallies: list[Tally], journal: Path) -> list[str]:
    """Tokens whose text went along with a draft of which no key was pressed after the text was on its way."""
    intended: dict[str, float] = {}
    for line in journal.read_text(encoding="utf-8").splitlines():
        event = json.loads(line)
        if event["event"] == "send-intended":
            intended[event["text"].split()[0]] = event["at"]
    typed = sorted(at for tally in tallies for at in tally.typed_at)
    return [token for token, _ in merged if not any(intended[token] - 0.3 <= at <= intended[token] + 3 for at in typed)]


def window(journal: Path) -> str:
    """How long a text stood in the box before Enter, from the journal."""
    pasted: dict[str, float] = {}
    gaps = []
    for line in journal.read_text(encoding="utf-8").splitlines():
        event = json.loads(line)
        if event["event"] == "send-pasted":
            pasted[event["message_id"]] = event["at"]
        elif event["event"] == "send-entered" and event["message_id"] in pasted:
            gaps.append(event["at"] - pasted[event["message_id"]])
    gaps.sort()
    if not gaps:
        return "no text was entered"
    return f"from paste to Enter: median {gaps[len(gaps) // 2] * 1000:.0f} ms, longest {gaps[-1] * 1000:.0f} ms"
