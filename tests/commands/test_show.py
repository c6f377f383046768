"""``show``: the last answer whole, from the conversation's own file, and the branch's diff."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import RunScript
from tests.places import GitRepo

SESSION = "0f5e8c1a-7c0e-4f7b-9d6e-1a2b3c4d5e6f"
CODEX = "01a2b3c4-7c0e-4f7b-9d6e-1a2b3c4d5e6f"


def says(text: str, message: str = "m1", **more: Any) -> dict[str, Any]:
    content = [{"type": "text", "text": text}]
    return {"type": "assistant", "message": {"role": "assistant", "id": message, "content": content}, **more}


def asks(text: str) -> dict[str, Any]:
    return {"type": "user", "promptSource": "typed", "message": {"role": "user", "content": text}}


def record(home: Path, worktree: Path, *conversation: dict[str, Any], **fields: Any) -> None:
    agent = {
        "window": "fleet:1", "worktree": worktree.name, "worktree_path": str(worktree), "session_id": SESSION,
        "branch": "feat/a", "spare_branch": "spare/1", **fields,
    }  # fmt: skip
    (home / "state.json").write_text(json.dumps({"agents": [agent]}), encoding="utf-8")
    folder = home / ".claude" / "projects" / re.sub(r"[^a-zA-Z0-9]", "-", str(worktree))
    folder.mkdir(parents=True, exist_ok=True)
    lines = "".join(f"{json.dumps(one)}\n" for one in conversation)
    (folder / f"{SESSION}.jsonl").write_text(lines, encoding="utf-8")


def test_the_last_answer_is_shown_whole_under_one_line(home: Path, tmp_path: Path, run_script: RunScript) -> None:
    tail = [f"line {number}" for number in range(3000)]
    answer = "\n".join(["It is done. ✓", "```", *tail])
    steps = {"steps": ["one", "two"], "checkpoints": ["one"], "pr_number": "12"}
    record(home, tmp_path / "w", asks("do it"), says("first"), says(answer, "m2"), **steps)
    done = run_script("show", "w")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith("fleet:1 (w): running for ")
    assert "feat/a, #12, steps 1/2; now missing: " in lines[0]
    assert lines[1] == lines[-1] == "````", "a fence that the text cannot close"
    assert lines[2:-1] == answer.splitlines()


def test_pieces_of_one_message_belong_together_and_what_came_since_is_told(
    home: Path, tmp_path: Path, run_script: RunScript
) -> None:
    pieces = (says("one", "m2"), says("two", "m2"), says("aside", "m3", isSidechain=True))
    record(home, tmp_path / "w", says("old"), *pieces)
    told = json.loads(run_script("show", "w", "--json").stdout)
    assert (told["answer"], told["sent_since"], told["window"]) == ("one\n\ntwo", False, "fleet:1")
    record(home, tmp_path / "w", says("old"), *pieces, asks("go on"))
    assert json.loads(run_script("show", "w", "--json").stdout)["sent_since"]
    assert "it was sent a text after this answer" in run_script("show", "w").stdout.splitlines()[0]


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("a\x1b[31mred\x1b]0;title\x07", "ared"),
        ("a\u202eb\u200bc", "abc"),
        ("token=ghp_" + "a1B2" * 9, "token=[masked]"),
        ("half of it: \ud83d", "half of it:"),
    ],
    ids=["escapes", "direction", "secret", "half a pair"],
)
def test_nothing_in_an_answer_reaches_the_terminal(
    written: str, shown: str, home: Path, tmp_path: Path, run_script: RunScript
) -> None:
    record(home, tmp_path / "w", says(written))
    done = run_script("show", "w", env={"PYTHONIOENCODING": "utf-8"})
    assert (done.returncode, done.stdout.splitlines()[2]) == (0, shown)
    assert json.loads(run_script("show", "w", "--json").stdout)["answer"] == shown


def test_an_agent_of_codex_is_shown_from_its_rollout(home: Path, tmp_path: Path, run_script: RunScript) -> None:
    record(home, tmp_path / "w", agent="codex", session_id=CODEX)
    folder = home / ".codex" / "sessions" / "2026" / "11" / "27"
    folder.mkdir(parents=True)
    content = [{"type": "output_text", "text": "All green."}]
    message = {"type": "message", "role": "assistant", "content": content}
    line = json.dumps({"type": "response_item", "timestamp": "2026-11-27T04:00:00Z", "payload": message})
    (folder / f"rollout-2026-11-27T04-00-00-{CODEX}.jsonl").write_text(f"{line}\n", encoding="utf-8")
    assert json.loads(run_script("show", "w", "--json").stdout)["answer"] == "All green."


@pytest.mark.parametrize(
    ("conversation", "fields", "why"),
    [
        ((), {}, "has said nothing yet"),
        ((asks("do it"),), {}, "has said nothing yet"),
        ((says("x"),), {"session_id": ""}, "no conversation of it is found"),
        ((says("x"),), {"session_id": "../../x"}, "no conversation of it is found"),
        ((says("x"),), {"agent": "vim"}, "no conversation of it is found"),
    ],
    ids=["empty", "unanswered", "no id", "a path for an id", "unknown kind"],
)
def test_without_an_answer_the_reason_is_told(
    conversation: tuple[dict[str, Any], ...],
    fields: dict[str, Any],
    why: str,
    home: Path,
    tmp_path: Path,
    run_script: RunScript,
) -> None:
    record(home, tmp_path / "w", *conversation, **fields)
    done = run_script("show", "w")
    assert (done.returncode, done.stderr.count("\n"), why in done.stderr) == (1, 1, True), done.stderr
    assert done.stdout.startswith("fleet:1 (w): ")
    told = json.loads(run_script("show", "w", "--json").stdout)
    assert (told["answer"], why in told["problem"]) == ("", True)


def test_the_diff_is_of_the_branch_against_its_base(home: Path, git_repo: GitRepo, run_script: RunScript) -> None:
    (spare,) = git_repo.add_spares(1)
    git_repo.git("checkout", "-q", "-b", "feat/a", cwd=spare)
    record(home, spare, says("done"))
    assert "no change against its base" in run_script("show", spare.name, "--diff").stdout
    (spare / "new.txt").write_text("\x1b[31mnew\n", encoding="utf-8")
    git_repo.commit("Add it", cwd=spare)
    git_repo.commit("Elsewhere")
    git_repo.git("push", "-q", "origin", "HEAD:main")
    shown = run_script("show", spare.name, "--diff").stdout
    assert "+new\n" in shown
    assert "\x1b" not in shown
    assert "+\x1b[31mnew" in json.loads(run_script("show", spare.name, "--diff", "--json").stdout)["diff"]
    git_repo.git("checkout", "-q", "spare/1", cwd=spare)
    assert "+new\n" in run_script("show", spare.name, "--diff").stdout, "the branch counts, not what stands there now"


def test_without_a_remote_the_diff_begins_where_the_spare_stands(
    home: Path, git_repo: GitRepo, run_script: RunScript
) -> None:
    git_repo.commit("Second")
    (spare,) = git_repo.add_spares(1)
    git_repo.git("remote", "remove", "origin")
    git_repo.git("checkout", "-q", "-b", "feat/a", cwd=spare)
    (spare / "new.txt").write_text("new\n", encoding="utf-8")
    git_repo.commit("Add it", cwd=spare)
    record(home, spare, says("done"))
    shown = run_script("show", spare.name, "--diff").stdout
    assert ("+new" in shown, "README" in shown) == (True, False)


def test_a_worktree_that_is_gone_takes_only_the_diff(home: Path, tmp_path: Path, run_script: RunScript) -> None:
    record(home, tmp_path / "w", says("done"))
    done = run_script("show", "w", "--diff")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "done" in done.stdout.splitlines()


def test_a_diff_is_an_answer_of_its_own(home: Path, git_repo: GitRepo, run_script: RunScript) -> None:
    (spare,) = git_repo.add_spares(1)
    git_repo.git("checkout", "-q", "-b", "feat/a", cwd=spare)
    record(home, spare, asks("do it"))
    done = run_script("show", spare.name, "--diff")
    assert (done.returncode, "has said nothing yet" in done.stderr) == (0, True)
    assert run_script("show", spare.name).returncode == 1
