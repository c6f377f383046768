"""Notifications: they go where they can, tell no secret, mention nobody and never fail their caller."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import RunScript

SECRET = "s3cr3t-token"


@dataclass
class FakeDiscord:
    """A webhook on loopback. ``answer``: status code; 0 says nothing at all."""

    answer: int = 204
    bodies: list[dict[str, Any]] = field(default_factory=list)
    url: str = ""
    release: threading.Event = field(default_factory=threading.Event)


@pytest.fixture
def discord() -> Iterator[FakeDiscord]:
    fake = FakeDiscord()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            fake.bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            if fake.answer == 0:
                fake.release.wait(30)
                return
            self.send_response(fake.answer)
            if fake.answer == 302:
                self.send_header("Location", fake.url + "/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    fake.url = f"http://127.0.0.1:{server.server_port}/api/webhooks/1/{SECRET}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield fake
    fake.release.set()
    server.shutdown()
    server.server_close()


def test_it_posts_prints_and_mentions_nobody(run_script: RunScript, discord: FakeDiscord) -> None:
    done = run_script("notify", "@everyone", "agent s:3 is done", env={"DISCORD_WEBHOOK_URL": discord.url})
    assert (done.returncode, done.stdout, done.stderr) == (0, "@everyone agent s:3 is done\n", "")
    assert discord.bodies == [{"content": "@everyone agent s:3 is done", "allowed_mentions": {"parse": []}}]


def test_a_long_message_is_cut_to_what_discord_takes(run_script: RunScript, discord: FakeDiscord) -> None:
    run_script("notify", "x" * 5000, env={"DISCORD_WEBHOOK_URL": discord.url})
    assert len(discord.bodies[0]["content"]) == 2000


def test_the_kept_webhook_is_used_and_never_shown(run_script: RunScript, discord: FakeDiscord, home: Path) -> None:
    kept = run_script("notify", "--set-webhook", input=discord.url + "\n")
    sent = run_script("notify", "hello")
    shown = run_script("status"), run_script("status", "--json"), run_script("update-agent", "--top", "active=true")
    assert discord.bodies[0]["content"] == "hello"
    assert all(SECRET not in done.stdout + done.stderr for done in (kept, sent, *shown))
    assert SECRET in (home / "state.json").read_text()
    assert (home / "state.json").stat().st_mode & 0o777 == 0o600
    run_script("notify", "--forget-webhook")
    run_script("notify", "again")
    assert len(discord.bodies) == 1


@pytest.mark.parametrize("answer", [400, 404, 429, 500, 302])
def test_a_failing_channel_is_one_warning_and_exit_0(run_script: RunScript, discord: FakeDiscord, answer: int) -> None:
    discord.answer = answer
    done = run_script("notify", "hello", env={"DISCORD_WEBHOOK_URL": discord.url})
    assert (done.returncode, done.stdout) == (0, "hello\n")
    assert done.stderr == f"notify: not sent everywhere: Discord: answered {answer}\n"
    assert len(discord.bodies) == 1


@pytest.mark.parametrize(
    "url",
    [
        f"http://example.invalid/{SECRET}",
        f"https://127.0.0.1:1/{SECRET}",
        f"file:///{SECRET}",
        f"https://user:{SECRET}@host/x",
        f"https://[{SECRET}",
        f"http://127.0.0.1:1/{SECRET}",
        f"https://a b/{SECRET}",
        f"http://127.0.0.1:99999/{SECRET}",
        f"http://localhost.{SECRET}.example/",
    ],
)
def test_a_webhook_that_cannot_work_is_told_without_being_shown(run_script: RunScript, url: str) -> None:
    done = run_script("notify", "hello", env={"DISCORD_WEBHOOK_URL": url})
    assert (done.returncode, done.stdout) == (0, "hello\n")
    assert done.stderr.startswith("notify: not sent everywhere: ")
    assert len(done.stderr.splitlines()) == 1
    assert SECRET not in done.stderr


def test_a_wrong_webhook_is_not_kept(run_script: RunScript, home: Path) -> None:
    for text in ("", "\n", f"http://example.com/{SECRET}", "nonsense"):
        done = run_script("notify", "--set-webhook", input=text)
        assert done.returncode in (1, 2)
        assert SECRET not in done.stderr
    assert not (home / "state.json").exists()


def test_a_server_that_never_answers_holds_nobody_up(discord: FakeDiscord) -> None:
    from fleetscripts.adapters import channels

    discord.answer = 0
    with pytest.raises(channels.ChannelFailed, match=r"Discord: no answer in 0\.3 s"):
        channels.discord(discord.url, "hello", seconds=0.3)


def test_a_damaged_state_file_does_not_fail_the_caller(run_script: RunScript, home: Path) -> None:
    (home / "state.json").write_text("{")
    done = run_script("notify", "hello")
    assert (done.returncode, done.stdout) == (0, "hello\n")
    assert "damaged" in done.stderr


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    folder = tmp_path / "programs"
    folder.mkdir()
    return folder


def fake_program(folder: Path, name: str) -> Path:
    """A program that keeps its arguments, a line each."""
    told = folder / f"{name}.told"
    program = folder / name
    program.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {told}\n')
    program.chmod(0o755)
    return told


HOSTILE = 'x" & (do shell script "touch /tmp/pwned") & "<b>'


def test_osascript_gets_the_text_as_an_argument(run_script: RunScript, programs: Path) -> None:
    told = fake_program(programs, "osascript")
    run_script("notify", HOSTILE, env={"PATH": f"{programs}:/usr/bin:/bin"})
    *script, title, message = told.read_text().splitlines()
    assert (title, message) == ("Agent fleet", HOSTILE)
    assert all("touch" not in line for line in script)


def test_notify_send_gets_no_markup_and_only_where_there_is_a_desktop(run_script: RunScript, programs: Path) -> None:
    told = fake_program(programs, "notify-send")
    path = f"{programs}:/usr/bin:/bin"
    run_script("notify", "quiet", env={"PATH": path, "DISPLAY": None, "DBUS_SESSION_BUS_ADDRESS": None})
    assert not told.exists()
    run_script("notify", "--", "-t <b>", env={"PATH": path, "DISPLAY": ":0"})
    assert told.read_text().splitlines() == ["--app-name=fleetscripts", "--", "Agent fleet", "-t &lt;b&gt;"]


def test_control_characters_do_not_reach_the_terminal(run_script: RunScript) -> None:
    assert run_script("notify", "a\x1b]0;title\x07b\x1b[2Jc\u202ed\r").stdout == "abcd\n"


def test_an_empty_message_is_wrong_usage(run_script: RunScript) -> None:
    assert run_script("notify").returncode == 2
    assert run_script("notify", " ").returncode == 2
