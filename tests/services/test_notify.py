"""Notifications: they go where they can, tell no secret, mention nobody and never fail their caller."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetscripts.adapters.channels import apprise_channel
from fleetscripts.adapters.channels.channels import ChannelFailed
from fleetscripts.core.reports.notice_plan import (
    AGAIN_SECONDS,
    Notice,
    NoticeBacklog,
    NoticeLimits,
    due,
    given_back,
    is_quiet,
    minute_of,
    take,
)
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
    from fleetscripts.adapters.channels import channels

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


# ---- other channels, quiet hours, digests, a voice

MORNING = datetime(2030, 5, 1, 9, 0).astimezone()
NIGHT = NoticeLimits(quiet=(22 * 60, 7 * 60))


def configure(home: Path, text: str) -> None:
    (home / "fleet").mkdir(exist_ok=True)
    (home / "fleet" / "config.toml").write_text(f"notify_desktop = false\n[notify]\n{text}\n", encoding="utf-8")


@pytest.mark.parametrize(
    ("text", "minute"), [("22:00", 1320), ("00:00", 0), ("7:05", 425), ("24:00", None), ("7", None), ("7:60", None)]
)
def test_times_of_the_day(text: str, minute: int | None) -> None:
    assert minute_of(text) == minute


@pytest.mark.parametrize(("hour", "quiet"), [(21, False), (22, True), (3, True), (6, True), (7, False), (12, False)])
def test_quiet_hours_go_over_midnight(hour: int, quiet: bool) -> None:
    moment = MORNING.replace(hour=hour)
    assert is_quiet(NIGHT, moment) is quiet
    assert is_quiet(NoticeLimits(quiet=(9 * 60, 17 * 60)), moment) is (9 <= hour < 17)
    assert not is_quiet(NoticeLimits(), moment)


def test_what_was_held_at_night_comes_as_one_digest_in_the_morning() -> None:
    night = MORNING.replace(hour=3)
    tray, said = take(NoticeBacklog(), "one", False, NIGHT, night)
    tray, urgent = take(tray, "fire", True, NIGHT, night)
    tray, second = take(tray, "two", False, NIGHT, night)
    assert (said, urgent, second) == ("", "fire", "")
    assert due(tray, NIGHT, night)[1] == ""
    after, told = due(tray, NIGHT, MORNING)
    assert told.splitlines() == ["meanwhile, 2 notifications:", "03:00 one", "03:00 two"]
    assert due(after, NIGHT, MORNING)[1] == ""
    assert take(tray, "three", False, NIGHT, MORNING)[1].splitlines()[0] == "three"
    strict = replace(NIGHT, escalations_pass=False)
    assert take(NoticeBacklog(), "fire", True, strict, night)[1] == ""


@given(
    st.lists(st.tuples(st.integers(0, 40), st.booleans(), st.booleans()), max_size=40),
    st.integers(1, 4),
    st.integers(0, 23),
)
def test_a_storm_becomes_a_digest_and_nothing_is_lost(
    steps: list[tuple[int, bool, bool]], most: int, hour: int
) -> None:
    manners = NoticeLimits(quiet=(22 * 60, 7 * 60), most_per_minute=most)
    tray, moment, sent, given_texts = NoticeBacklog(), MORNING.replace(hour=hour), [], []
    for number, (seconds, asks, urgent) in enumerate(steps):
        moment += timedelta(seconds=seconds)
        if asks:
            given_texts.append(f"<{number}>")
            tray, said = take(tray, f"<{number}>", urgent, manners, moment)
        else:
            tray, said = due(tray, manners, moment)
        sent += [(moment, said, urgent)] if said else []
    told = "".join(text for _, text, _ in sent) + "".join(notice.text for notice in tray.held)
    assert all(told.count(text) == 1 or "earlier)" in told for text in given_texts)
    assert all(not is_quiet(manners, at) or urgent for at, _, urgent in sent)


def test_what_no_channel_took_is_kept_and_tried_again_later(
    run_script: RunScript, discord: FakeDiscord, home: Path
) -> None:
    discord.answer = 500
    failed = run_script("notify", "the first", env={"DISCORD_WEBHOOK_URL": discord.url})
    assert (failed.returncode, "500" in failed.stderr) == (0, True), failed.stderr
    discord.answer = 204
    assert run_script("notify", "the second", env={"DISCORD_WEBHOOK_URL": discord.url}).stderr == ""
    assert discord.bodies[-1]["content"].startswith("the second\n\nmeanwhile, 1 notification:")
    assert discord.bodies[-1]["content"].endswith(" the first")
    assert json.loads((home / "fleet" / "notices.json").read_text())["held"] == []


def test_a_digest_that_did_not_go_out_waits_and_loses_nothing() -> None:
    now = datetime(2026, 3, 1, 7, 0).astimezone()
    at = now.timestamp()
    before = NoticeBacklog(held=(Notice(at - 600, "night"),), dropped=3)
    after, text = due(before, NoticeLimits(), now)
    assert "night" in text
    meanwhile = replace(after, held=(Notice(at + 1, "meanwhile"),))
    kept = given_back(meanwhile, before, after, "", at + 2)
    assert [notice.text for notice in kept.held] == ["night", "meanwhile"]
    assert (kept.dropped, kept.failed_at) == (3, at + 2)
    assert due(kept, NoticeLimits(), now + timedelta(seconds=60))[1] == ""
    assert "night" in due(kept, NoticeLimits(), now + timedelta(seconds=AGAIN_SECONDS + 3))[1]


def test_a_digest_is_short_however_much_was_held() -> None:
    tray = NoticeBacklog()
    for number in range(500):
        tray, _ = take(tray, f"{number} " + "x" * 300, False, NIGHT, MORNING.replace(hour=2))
    _, told = due(tray, NIGHT, MORNING)
    assert len(told) < 2000
    assert told.startswith("meanwhile, 500 notifications:\n(")
    assert "499" in told


@pytest.mark.parametrize("length", [10, 300, 890, 1500, 1999])
def test_a_notification_and_its_digest_fit_in_one_message_or_the_digest_waits(length: int) -> None:
    tray = NoticeBacklog()
    for number in range(30):
        tray, _ = take(tray, f"<{number}> " + "x" * 300, False, NIGHT, MORNING.replace(hour=2))
    tray, said = take(tray, "y" * length, False, NIGHT, MORNING)
    assert len(said) <= 2000
    _, later = due(tray, NIGHT, MORNING)
    assert said.startswith("y" * length)
    assert "<29>" in said + later


@pytest.mark.parametrize("at", ["1e300", "NaN", "-5", '"x"', "true", "null"])
def test_a_damaged_tray_does_not_keep_a_notification_back(
    home: Path, run_script: RunScript, discord: FakeDiscord, at: str
) -> None:
    (home / "fleet").mkdir(exist_ok=True)
    (home / "fleet" / "notices.json").write_text(
        f'{{"sent_at": [], "held": [{{"at": {at}, "text": "old"}}], "dropped": 0}}'
    )
    done = run_script("notify", "hello there", env={"DISCORD_WEBHOOK_URL": discord.url})
    assert (done.returncode, done.stderr) == (0, "")
    assert discord.bodies[0]["content"].startswith("hello there")


@pytest.fixture
def channel() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Something that apprise can post JSON to, on loopback; its URL holds a secret."""
    bodies: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(500 if "broken" in self.path else 200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"json://127.0.0.1:{server.server_port}/{SECRET}", bodies
    server.shutdown()
    server.server_close()


def test_other_channels_by_urls_that_are_secrets(
    home: Path, run_script: RunScript, channel: tuple[str, list[dict[str, Any]]]
) -> None:
    url, bodies = channel
    file = home / "channel-url"
    file.write_text(f"{url}/broken\n")
    configure(home, f'urls = [{{ env = "MY_CHANNEL" }}, {{ file = "{file}" }}, {{ env = "NOT_SET" }}]')
    done = run_script("notify", "s:1 is done", env={"MY_CHANNEL": url})
    assert done.returncode == 0
    assert [body["message"] for body in bodies] == ["s:1 is done"] * 2
    assert f"json (from the file {file}): was not accepted" in done.stderr
    assert "the variable NOT_SET is not set here" in done.stderr
    everything = done.stdout + done.stderr + "".join(p.read_text() for p in (home / "fleet").rglob("*.json*"))
    assert SECRET not in everything


def test_without_the_library_one_line_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apprise_channel, "LIBRARY", "no_such_library")
    with pytest.raises(ChannelFailed, match=r"pip install 'fleetscripts\[notify\]'") as problem:
        apprise_channel.send(f"json://127.0.0.1/{SECRET}", "text", "variable X")
    assert SECRET not in str(problem.value)


@pytest.mark.parametrize(
    ("table", "says"),
    [
        (f'urls = ["slack://{SECRET}"]', "expected where the secret is to be had"),
        ('quiet_hours = "late"', "notify.quiet_hours: expected a span like"),
        ("most_per_minute = 0", "notify.most_per_minute"),
        ('speak = "say"', "notify.speak: expected a command's words"),
        ('voice = "x"', "notify.voice in config.toml: expected one of urls"),
    ],
)
def test_a_table_that_cannot_be_used_is_one_warning_and_the_rest_still_goes_out(
    home: Path, run_script: RunScript, discord: FakeDiscord, table: str, says: str
) -> None:
    configure(home, table)
    done = run_script("notify", "hello there", env={"DISCORD_WEBHOOK_URL": discord.url})
    assert done.returncode == 0
    assert says in done.stderr
    assert SECRET not in done.stderr
    assert [body["content"] for body in discord.bodies] == ["hello there"]


def test_quiet_hours_hold_back_and_an_urgent_one_passes(
    home: Path, run_script: RunScript, discord: FakeDiscord
) -> None:
    configure(home, 'quiet_hours = "00:00-23:59"')
    environment = {"DISCORD_WEBHOOK_URL": discord.url, "TZ": "UTC"}
    if datetime.now().strftime("%H:%M") == "23:59":
        configure(home, 'quiet_hours = "12:00-11:59"')
    held = run_script("notify", "first thing", env=environment)
    assert (held.stdout, held.stderr) == ("first thing\n", "notify: held back for a digest\n")
    assert run_script("notify", "--urgent", "house on fire", env=environment).stderr == ""
    assert [body["content"] for body in discord.bodies] == ["house on fire"]
    assert (home / "fleet" / "notices.json").stat().st_mode & 0o777 == 0o600
    configure(home, "")
    run_script("notify", "next thing", env=environment)
    assert discord.bodies[-1]["content"].startswith("next thing\n\nmeanwhile, 1 notification:\n")
    assert discord.bodies[-1]["content"].endswith("first thing")


@pytest.mark.parametrize("way", ["stdin", "argument"])
def test_a_voice_gets_the_text_without_a_shell(home: Path, run_script: RunScript, way: str) -> None:
    voice = home / "say"
    heard = home / "heard"
    voice.write_text(f'#!/bin/sh\n{{ printf "%s|" "$@"; cat; }} >"{heard}"\n')
    voice.chmod(0o755)
    configure(home, f'speak = ["{voice}", "-v", "Anna"]\nspeak_by = "{way}"')
    text = "--help $(touch /tmp/evil) `x` ; it's done"
    done = run_script("notify", "--", text)
    assert (done.returncode, done.stderr) == (0, "")
    spoken = text.lstrip("-")
    assert heard.read_text() == (f"-v|Anna|{spoken}\n" if way == "stdin" else f"-v|Anna|{spoken}|")
    configure(home, f'speak = ["{voice}"]\nquiet_hours = "00:00-23:59"')
    heard.unlink()
    run_script("notify", "held")
    assert not heard.exists()
    configure(home, 'speak = ["no-such-voice"]')
    assert "there is no command 'no-such-voice'" in run_script("notify", "--urgent", "text").stderr
