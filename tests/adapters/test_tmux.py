"""The tmux adapter on a real server: hostile names, renumbered windows, vanishing panes, exact targets."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fleetscripts.adapters.tmux.pane_marks import mark_mine, marked_mine
from fleetscripts.adapters.tmux.pane_reading import FEW_PANES, begin_listing
from fleetscripts.adapters.tmux.tmux import NoServer, Tmux
from fleetscripts.adapters.tmux.tmux_client import ServerUnreachable, TmuxClient
from fleetscripts.adapters.tmux.tmux_words import line, quoted
from fleetscripts.errors import FleetError
from fleetscripts.models import ServerId
from tests.places import TmuxProcesses, TmuxServer
from tests.waiting import wait_until

HOSTILE = [
    "plain",
    "two words",
    "a.b",
    "x#{pid}y",
    "#(touch owned)",
    "#[fg=red]z",
    "semi;",
    "-d",
    "per%cent",
    "$HOME ~",
]


@pytest.fixture
def tmux(tmux_server: TmuxServer) -> Tmux:
    return Tmux(tmux_server.socket)


@pytest.fixture
def pane(tmux_server: TmuxServer) -> str:
    return tmux_server.new_session("fleet", ["cat"])


def test_without_a_server_there_are_no_panes_and_a_change_says_so(tmux: Tmux) -> None:
    assert tmux.server() is None
    assert tmux.panes() == []
    assert tmux.panes_and_server() == ([], None)
    assert tmux.read_all() == []
    assert tmux.read("%0") is None
    assert tmux.resolve("fleet:0") is None
    with pytest.raises(NoServer, match=f"no tmux server at socket {tmux.client}"):
        tmux.require_server()
    with pytest.raises(NoServer):
        tmux.new_window("fleet", "w", Path("/"))
    assert tmux.kill_pane("%0", ServerId("", 1, 1)) is False


def test_the_server_is_known_by_pid_start_and_socket(tmux: Tmux, pane: str) -> None:
    server = tmux.require_server()
    assert server.pid > 1
    assert server.start_time > 0
    assert Path(server.socket).is_socket()
    assert Tmux(server.socket).server() == server


def test_the_panes_and_their_server_are_told_by_one_process(
    tmux: Tmux, tmux_server: TmuxServer, pane: str, tmux_processes: TmuxProcesses
) -> None:
    tmux_server.run("new-window", "-d", "-t", "fleet:", "-n", "two\twords", "cat")
    wait_until(lambda: all(pane.command == "sh" and pane.path for pane in tmux.panes()))
    tmux_processes.forget()
    panes, server = tmux.panes_and_server()
    assert len(tmux_processes.started()) == 1
    assert (panes, server) == (tmux.panes(), tmux.require_server())
    assert len(panes) == 2


def test_a_few_panes_are_listed_without_the_others(tmux: Tmux, tmux_server: TmuxServer, pane: str) -> None:
    tmux_server.run("source-file", "-", input="new-window -d -t fleet: cat\n" * 11)
    wait_until(lambda: all(pane.command == "sh" and pane.path for pane in tmux.panes()))
    all_panes, server = tmux.panes_and_server()
    wanted = ["%1", "%10", "%404", "%1 %2", ""]
    found = begin_listing(tmux.client, wanted)()
    assert found == ([pane for pane in all_panes if pane.pane_id in wanted], server)
    assert begin_listing(tmux.client, [])() == ([], server)
    assert begin_listing(tmux.client, [f"%{n}" for n in range(FEW_PANES + 1)])() == (all_panes, server)


def test_a_server_that_does_not_say_which_it_is_is_none_that_was_asked(
    tmux: Tmux, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other_release = tmp_path / "tmux"
    other_release.write_text("#!/bin/sh\necho 'protocol version mismatch (client 8, server 7)' >&2\nexit 1\n")
    other_release.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    for ask in (tmux.require_server, tmux.panes_and_server):
        with pytest.raises(ServerUnreachable, match="does not say which it is: protocol version mismatch"):
            ask()


@pytest.mark.parametrize("count", [3, 40])
def test_everything_is_read_in_two_processes_whatever_the_number_of_panes(
    tmux: Tmux, tmux_server: TmuxServer, pane: str, count: int, tmux_processes: TmuxProcesses
) -> None:
    tmux_server.run("source-file", "-", input="new-window -d -t fleet: cat\n" * (count - 1))
    tmux_processes.forget()
    frames = tmux.read_all()
    assert len(frames) == count
    assert len(tmux_processes.started()) == 2
    assert all(len(frame.lines) == frame.facts.height for frame in frames)
    tmux_processes.forget()
    assert tmux.read_all([frame.facts.pane_id for frame in frames[1:]])
    assert len(tmux_processes.started()) == 1


def test_facts_say_what_runs_where(tmux: Tmux, tmux_server: TmuxServer, tmp_path: Path) -> None:
    pane_id = tmux_server.run(
        "new-session",
        "-d",
        "-P",
        "-F",
        "#{pane_id}",
        "-s",
        "fleet",
        "-x",
        "90",
        "-y",
        "20",
        "-c",
        str(tmp_path),
        "sleep",
        "900",
    )
    (facts,) = wait_until(lambda: [f for f in tmux.panes() if f.command == "sleep" and f.path])
    assert facts.pane_id == pane_id
    assert facts.window == "fleet:0"
    assert (facts.width, facts.height) == (90, 20)
    assert facts.path == str(tmp_path)
    assert facts.pid > 1
    flags = (facts.dead, facts.in_mode, facts.input_off, facts.synchronized, facts.alternate)
    assert not any(flags)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_window_of_any_name_opens_in_its_folder_and_nothing_in_the_name_runs(
    tmux: Tmux, pane: str, tmp_path: Path, name: str
) -> None:
    folder = tmp_path / f"dir {name}\ttab\nline"
    folder.mkdir()
    facts = tmux.new_window(
        "fleet", name, folder, ["/bin/sh", "-c", 'printf "%s" "$SECRET"; exec cat'], {"SECRET": name}
    )
    assert facts.window_name == name
    assert wait_until(lambda: tmux.read(facts.pane_id).lines[0] == name)  # type: ignore[union-attr]
    seen = wait_until(lambda: tmux.resolve(facts.pane_id))
    assert (seen.path, seen.window_name) == (str(folder), name)
    assert tmux.resolve(f"fleet:{name}") is not None
    assert not list(tmp_path.rglob("owned"))


def test_the_environment_of_a_new_window_never_stands_in_argv(
    tmux: Tmux, pane: str, tmp_path: Path, tmux_processes: TmuxProcesses
) -> None:
    tmux.new_window("fleet", "w", tmp_path, ["cat"], {"TOKEN": "hush-hush"})
    assert tmux_processes.started()
    assert "hush-hush" not in str(tmux_processes.started())


@pytest.mark.parametrize("session", ["a b", "flee", "x#{pid}", "$(touch owned)", "=fleet", "*"])
def test_sessions_are_meant_exactly(
    tmux: Tmux, tmux_server: TmuxServer, pane: str, session: str, tmp_path: Path
) -> None:
    with pytest.raises(FleetError, match="no tmux session named"):
        tmux.new_window(session, "w", tmp_path)
    assert tmux.resolve(f"{session}:0") is None
    made = tmux_server.new_session(session.replace("#", "##"), ["cat"])
    facts = tmux.resolve(f"{session}:0")
    assert facts is not None
    assert facts.pane_id == made
    assert tmux.new_window(session, "w", tmp_path, ["cat"]).session == session


def test_ids_outlast_renumbering_moving_and_base_index(tmux: Tmux, tmux_server: TmuxServer, tmp_path: Path) -> None:
    tmux_server.new_session("fleet", ["cat"])
    tmux_server.run("set-option", "-g", "base-index", "1")
    tmux_server.run("set-option", "-g", "renumber-windows", "on")
    made = [tmux.new_window("fleet", f"w{n}", tmp_path, ["cat"]) for n in range(3)]
    assert [facts.window for facts in made] == ["fleet:1", "fleet:2", "fleet:3"]
    server = tmux.require_server()
    assert tmux.kill_pane(made[0].pane_id, server)
    tmux_server.run("move-window", "-s", made[2].window_id, "-t", "fleet:9")
    tmux_server.run("move-window", "-r", "-t", "fleet:")
    assert tmux.resolve(made[0].pane_id) is None
    assert tmux.resolve(made[0].window_id) is None
    for facts in made[1:]:
        seen = tmux.resolve(facts.window_id)
        assert seen is not None
        assert seen.pane_id == facts.pane_id
        again = tmux.resolve(seen.window)
        assert again is not None
        assert again.pane_id == facts.pane_id


def test_a_window_means_its_active_pane_and_a_linked_window_is_one(
    tmux: Tmux, tmux_server: TmuxServer, pane: str
) -> None:
    second = tmux_server.run("split-window", "-P", "-F", "#{pane_id}", "-t", pane, "cat")
    tmux_server.new_session("other", ["cat"])
    tmux_server.run("link-window", "-s", "fleet:0", "-t", "other:7")
    assert sorted(facts.pane_id for facts in tmux.panes()).count(second) == 1
    for target in ("fleet:0", "other:7"):
        facts = tmux.resolve(target)
        assert facts is not None
        assert facts.pane_id == second
    assert [frame.facts.pane_id for frame in tmux.read_all()].count(second) == 1


def test_a_pane_that_is_gone_costs_only_itself(tmux: Tmux, tmux_server: TmuxServer, pane: str) -> None:
    others = [tmux_server.new_window("fleet", ["cat"]) for _ in range(3)]
    tmux_server.run("kill-pane", "-t", others[1])
    frames = tmux.read_all([pane, *others, "%9999"])
    assert [frame.facts.pane_id for frame in frames] == [pane, others[0], others[2]]
    assert tmux.read("%9999") is None


def test_hostile_screens_titles_and_folders_come_back_as_they_are(
    tmux: Tmux, tmux_server: TmuxServer, pane: str, tmp_path: Path
) -> None:
    folder = tmp_path / "a\tb\nc #{pid}"
    folder.mkdir()
    text = "TAB\there #{pid} %Y %%0 \033[2mdim\033[0m ✳ ❯ ─"
    facts = tmux.new_window("fleet", "w", folder, ["/bin/sh", "-c", 'printf %s "$1"; exec cat', "sh", text])
    tmux_server.run("select-pane", "-t", facts.pane_id, "-T", "title ✳ #{pid} %H")
    styled = wait_until(lambda: next((f for f in [tmux.read(facts.pane_id)] if f and "─" in f.lines[0]), None))
    plain = tmux.read(facts.pane_id, styled=False)
    assert plain is not None
    assert plain.lines[0] == "TAB     here #{pid} %Y %%0 dim ✳ ❯ ─"
    assert "\x1b[2mdim" in styled.lines[0]
    assert plain.facts.title == f"title ✳ {tmux.require_server().pid} %H"
    assert plain.facts.path == str(folder)
    assert plain.facts.width == 120


@pytest.mark.parametrize(
    ("socket", "variables", "typed"),
    [
        (None, {}, "tmux new-session"),
        ("work", {}, "tmux -L work new-session"),
        ("/run/x y/tmux", {}, "tmux -S '/run/x y/tmux' new-session"),
        (None, {"TMUX": "/tmp/tmux-{uid}/work,1,0"}, "tmux -L work new-session"),
        (None, {"TMUX": "/srv/tmux/socket,1,0"}, "tmux -S /srv/tmux/socket new-session"),
        ("work", {"TMUX_TMPDIR": "/var/tmp"}, "TMUX_TMPDIR=/var/tmp tmux -L work new-session"),
    ],
)
def test_the_line_for_a_person_reaches_the_same_server(
    monkeypatch: pytest.MonkeyPatch, socket: str | None, variables: dict[str, str], typed: str
) -> None:
    for name in ("TMUX", "TMUX_TMPDIR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value.format(uid=os.getuid()))
    assert TmuxClient(socket).line("new-session") == typed


def test_tabs_are_blanks_up_to_the_next_stop(tmux: Tmux, pane: str) -> None:
    text = "a\tb\n日本\tx\n\033[2mdim\tq\033[0m\t\tz\n"
    facts = tmux.new_window("fleet", "w", Path("/"), ["/bin/sh", "-c", 'printf %s "$1"; exec cat', "sh", text])
    styled = wait_until(lambda: next((f for f in [tmux.read(facts.pane_id)] if f and "z" in f.lines[2]), None))
    plain = tmux.read(facts.pane_id, styled=False)
    assert plain is not None
    assert plain.lines[:3] == ("a       b", "日本    x", "dim     q               z")
    assert not any("\t" in line for line in styled.lines)


def test_a_locale_without_utf8_changes_nothing(tmux: Tmux, pane: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "C")
    monkeypatch.delenv("LANG", raising=False)
    facts = tmux.new_window("fleet", "✳ é", Path("/"), ["/bin/sh", "-c", "printf '✳ é'; exec cat"])
    assert wait_until(lambda: tmux.read(facts.pane_id).lines[0] == "✳ é")  # type: ignore[union-attr]
    assert facts.window_name == "✳ é"


def test_a_pane_is_closed_only_on_the_server_it_came_from(tmux: Tmux, tmux_server: TmuxServer, pane: str) -> None:
    server = tmux.require_server()
    facts = tmux.resolve(pane)
    assert facts is not None
    earlier = ServerId(server.socket, server.pid, server.start_time - 1)
    assert not tmux.kill_pane(facts.pane_id, earlier)
    assert tmux.resolve(pane) is not None
    assert not tmux.kill_pane("%999", server)
    tmux_server.new_session("keep", ["cat"])
    assert tmux.kill_pane(facts.pane_id, server)
    assert tmux.resolve(pane) is None
    with pytest.raises(ValueError, match="not a pane id"):
        tmux.kill_pane("fleet:0", server)


def test_a_dead_pane_is_told_and_a_respawn_takes_only_the_pane_that_was_seen(
    tmux: Tmux, tmux_server: TmuxServer, tmp_path: Path
) -> None:
    from fleetscripts.adapters.tmux.guard import Guard

    pane_id = tmux_server.new_session("fleet", ["/bin/sh"])
    facts = wait_until(lambda: next((f for f in tmux.panes() if f.command == "sh"), None))
    server = tmux.require_server()
    nasty = 'it\'s #{pid} ; "q" \\ $HOME ~\n  # not a comment\n{ }'
    there = tmp_path / "a#[b #{pid} c"
    there.mkdir()
    show = ["/bin/sh", "-c", 'printf "%s" "$1$2"; exec cat', "sh", nasty]
    assert not tmux.respawn(Guard.of(server, facts, ("zsh",)), show)
    assert not tmux.respawn(Guard(server, facts.pane_id, facts.pid + 1, ("sh",)), show)
    assert tmux.respawn(Guard.of(server, facts), show, cwd=there, env={"A": nasty})
    frame = wait_until(lambda: next((f for f in [tmux.read(pane_id)] if f and "not a comment" in str(f.lines)), None))
    assert "\n".join(frame.lines).startswith(nasty)
    assert frame.facts.path == str(there)
    tmux_server.run("set-option", "-g", "remain-on-exit", "on")
    os.kill(frame.facts.pid, 9)
    assert wait_until(lambda: [f for f in tmux.panes() if f.dead])


@pytest.mark.parametrize(
    "text", ["", "a", "#{x}", "'", '"', "\n", "  ", ";", "\\", "~", "$A", "{", "}", "é✳", "-t", "%if"]
)
def test_a_quoted_word_reaches_tmux_whole(tmux: Tmux, tmux_server: TmuxServer, pane: str, text: str) -> None:
    nested = line("if-shell", "-F", "1", line("set-option", "-g", "@word", text))
    tmux.client.script(nested)
    assert tmux_server.run("display-message", "-p", "#{@word}") == text


def test_a_nul_cannot_be_quoted() -> None:
    with pytest.raises(ValueError, match="NUL"):
        quoted("a\0b")


def test_tmux_missing_or_a_folder_missing_is_one_clear_line(
    tmux: Tmux, pane: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(FleetError, match="no such folder"):
        tmux.new_window("fleet", "w", tmp_path / "nowhere")
    with monkeypatch.context() as nowhere:
        nowhere.setenv("PATH", str(tmp_path))
        with pytest.raises(FleetError, match="tmux is not installed"):
            tmux.panes()


def test_a_pane_is_shown_and_marked_by_its_id_in_a_session_of_any_name(
    tmux: Tmux, tmux_server: TmuxServer, pane: str
) -> None:
    first = tmux.resolve("fleet:0")
    tmux_server.run("rename-session", "-t", "fleet", "a #[b c")
    other = tmux_server.run("new-window", "-P", "-F", "#{pane_id}", "-t", "=a #[b c:", "cat")
    beside = tmux_server.run("split-window", "-P", "-F", "#{pane_id}", "-t", other, "cat")
    assert first is not None
    assert tmux.show_pane(first)
    assert tmux_server.run("display-message", "-p", "-t", "=a #[b c:", "#{pane_id}") == first.pane_id
    shown = next(facts for facts in tmux.panes() if facts.pane_id == other)
    assert tmux.show_pane(shown)
    assert tmux_server.run("display-message", "-p", "-t", "=a #[b c:", "#{pane_id}") == other
    mark_mine(tmux, beside)
    assert marked_mine(tmux) == {beside}
    tmux_server.run("kill-pane", "-t", beside)
    gone = next(facts for facts in tmux.panes() if facts.pane_id == other)
    tmux_server.run("kill-window", "-t", other)
    assert not tmux.show_pane(gone)
    with pytest.raises(FleetError, match=f"tmux did not mark pane {beside}: "):
        mark_mine(tmux, beside)
    assert tmux.switch_here(first) == "no current client"
