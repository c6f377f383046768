"""Whatever an agent writes into its repository: no program of its runs for us, and unfinished work is not verified."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from fleetscripts.adapters.git.place import repository_at
from tests.adapters.test_git_classes import WINDOW, Work
from tests.conftest import RunScript
from tests.places import GitRepo

PROGRAMS = (
    *("core.fsmonitor", "core.pager", "core.editor", "core.askPass", "core.alternateRefsCommand", "sequence.editor"),
    *("diff.external", "diff.x.command", "diff.x.textconv", "merge.x.driver", "gpg.program", "gpg.ssh.program"),
    *("gpg.x509.program", "pager.status", "pager.log", "pager.diff", "pager.branch", "interactive.diffFilter"),
    *("uploadpack.packObjectsHook", "receive.procReceiveRefs", "trailer.x.command", "trailer.x.cmd", "browser.x.cmd"),
    *("difftool.x.cmd", "mergetool.x.cmd", "tar.tar.command", "gc.recentObjectsHook", "sendemail.smtpServer"),
    *("man.x.cmd", "instaweb.httpd", "core.gitProxy", "credential.helper", "gui.editor", "guitool.x.cmd"),
)
"""Settings that name a program; what still runs from a repository's own settings is told in SECURITY.md."""
ALIASES = ("status", "log", "diff", "checkout", "ls-files", "rev-parse", "rev-list", "ls-remote", "cat-file", "add")
SWITCHES = {
    "commit.gpgSign": "true",
    "tag.gpgSign": "true",
    "push.gpgSign": "true",
    "log.showSignature": "true",
    "merge.verifySignatures": "true",
    "protocol.ext.allow": "always",
    "submodule.recurse": "true",
    "diff.ignoreSubmodules": "none",
    "gc.auto": "1",
    "maintenance.auto": "true",
    "fetch.recurseSubmodules": "true",
    "core.untrackedCache": "true",
    "help.autoCorrect": "immediate",
}
HOOKS = (
    *("pre-commit", "post-commit", "prepare-commit-msg", "commit-msg", "post-checkout", "post-merge", "pre-push"),
    *("reference-transaction", "post-index-change", "pre-auto-gc", "post-rewrite", "update", "fsmonitor-watchman"),
)


@pytest.fixture
def work(git_repo: GitRepo, home: Path) -> Work:
    return Work(git_repo, home)


def program(tmp_path: Path) -> Path:
    """One that leaves a trace, as every one of the agent's would."""
    made = tmp_path / "evil.sh"
    made.write_text(f'#!/bin/sh\necho "$0 $*" >> {tmp_path}/ran\ncat\n')
    made.chmod(0o755)
    return made


def settings_text(evil: Path, hooks: Path) -> str:
    lines = [f'[alias]\n\t{name} = "!{evil}"' for name in ALIASES]
    for name, value in {**dict.fromkeys(PROGRAMS, str(evil)), **SWITCHES, "core.hooksPath": str(hooks)}.items():
        section, _, key = name.rpartition(".")
        head, _, sub = section.partition(".")
        lines.append(f'[{head} "{sub}"]\n\t{key} = {value}' if sub else f"[{head}]\n\t{key} = {value}")
    return "\n".join(lines) + f'\n[submodule "x"]\n\tupdate = !{evil}\n\tactive = true\n\turl = ext::{evil}\n'


def in_the_settings(work: Work, text: Path) -> None:
    own = Path(repository_at(work.path).common_dir) / "config"
    own.write_text(own.read_text() + text.read_text())


def by_an_include(work: Work, text: Path) -> None:
    """A file of the worktree itself, named in the repository's settings."""
    (work.path / "settings.txt").write_bytes(text.read_bytes())
    work.git("config", "include.path", str(work.path / "settings.txt"))


def by_a_condition(work: Work, text: Path) -> None:
    (work.path / "settings.txt").write_bytes(text.read_bytes())
    work.git("config", "includeIf.onbranch:feat/**.path", str(work.path / "settings.txt"))


def of_the_worktree(work: Work, text: Path) -> None:
    work.git("config", "extensions.worktreeConfig", "true")
    (Path(repository_at(work.path).git_dir) / "config.worktree").write_bytes(text.read_bytes())


RARE_WAYS = (by_an_include, by_a_condition, of_the_worktree)
WAYS = [in_the_settings, *(pytest.param(way, marks=pytest.mark.stress) for way in RARE_WAYS)]


@pytest.mark.parametrize("how", WAYS)
def test_no_program_that_a_repository_names_is_run(
    run_script: RunScript, work: Work, tmp_path: Path, how: Callable[[Work, Path], None]
) -> None:
    evil, hooks = program(tmp_path), tmp_path / "hooks"
    for folder in (hooks, Path(repository_at(work.path).common_dir) / "hooks"):
        folder.mkdir(exist_ok=True)
        for name in HOOKS:
            (folder / name).unlink(missing_ok=True)
            (folder / name).symlink_to(evil)
    (work.path / ".gitattributes").write_text("* diff=x merge=x\n")
    text = tmp_path / "settings"
    text.write_text(settings_text(evil, hooks))
    how(work, text)
    (tmp_path / "ran").unlink(missing_ok=True)
    (work.path / "a.txt").write_text("changed\n")
    assert run_script("verify-complete", WINDOW).returncode == 3
    for call in (("find-spare", work.repo.path), ("capacity", work.repo.path), ("poll-cycle",), ("overlaps",)):
        run_script(*call)
    done = run_script("recycle-agent", WINDOW, "--force")
    assert done.returncode == 0, done.stderr
    assert work.kept("a.txt") == ["changed"]
    assert not (tmp_path / "ran").exists(), (tmp_path / "ran").read_text()
    how(work, text)
    work.git("status")
    assert (tmp_path / "ran").exists(), "a plain git runs them"


def setting(name: str, value: str) -> Callable[[Work, Path], None]:
    return lambda work, place: work.repo.git("config", name, value.format(place=place), cwd=work.path) and None


def own_store(work: Work, place: Path) -> None:
    """Objects borrowed from a store of the agent's."""
    info = Path(repository_at(work.path).common_dir) / "objects" / "info"
    info.mkdir(exist_ok=True)
    (info / "alternates").write_text(f"{place}/objects\n")


def forged_tracking(work: Work, place: Path) -> None:
    work.git("update-ref", "refs/remotes/origin/feat/x", "HEAD")


def replaced(work: Work, place: Path) -> None:
    work.git("replace", "--force", work.git("rev-parse", "HEAD"), work.git("rev-parse", "HEAD~1"))


def grafted(work: Work, place: Path) -> None:
    (Path(repository_at(work.path).common_dir) / "info" / "grafts").write_text(work.git("rev-parse", "HEAD") + "\n")


def shallow(work: Work, place: Path) -> None:
    (Path(repository_at(work.path).common_dir) / "shallow").write_text(work.git("rev-parse", "HEAD") + "\n")


def excluded(work: Work, place: Path) -> None:
    (Path(repository_at(work.path).common_dir) / "info" / "exclude").write_text("*\n")


def other_head(work: Work, place: Path) -> None:
    """What was pushed is checked out, by name alone."""
    git_dir = Path(repository_at(work.path).git_dir)
    (git_dir / "HEAD").write_text(work.git("rev-parse", "HEAD~1") + "\n")


def marked(work: Work, place: Path) -> None:
    work.git("update-index", "--assume-unchanged", "a.txt")
    work.git("update-index", "--skip-worktree", "b.txt")


def attributes(work: Work, place: Path) -> None:
    (Path(repository_at(work.path).common_dir) / "info" / "attributes").write_text("* -text ident export-ignore\n")


DECEITS: dict[str, Callable[[Work, Path], None]] = {
    "the branch's own remote": setting("branch.feat/x.remote", "{place}"),
    "where the branch is pushed": setting("branch.feat/x.pushRemote", "{place}"),
    "where everything is pushed": setting("remote.pushDefault", "{place}"),
    "a push URL": setting("remote.origin.pushurl", "{place}"),
    "another URL": setting("remote.origin.url", "{place}"),
    "a URL in place of all": setting("url.{place}.insteadOf", "/"),
    "what a fetch brings": setting("remote.origin.fetch", "+refs/heads/feat/x:refs/heads/main"),
    "another work tree": setting("core.worktree", "{place}"),
    "a bare repository": setting("core.bare", "true"),
    "ignored everywhere": setting("core.excludesFile", "{place}/everything"),
    "no untracked files": setting("status.showUntrackedFiles", "no"),
    "no modes": setting("core.fileMode", "false"),
    "times alone": setting("core.checkStat", "minimal"),
    "names in any case": setting("core.ignoreCase", "true"),
    "line endings": setting("core.autocrlf", "input"),
    "a sparse checkout": setting("core.sparseCheckout", "true"),
    "a store of its own": own_store,
    "a forged tracking branch": forged_tracking,
    "a replaced commit": replaced,
    "a graft": grafted,
    "a shallow history": shallow,
    "everything ignored": excluded,
    "another commit checked out": other_head,
    "marks in the index": marked,
    "attributes": attributes,
}
QUICK = ("a URL in place of all", "another work tree", "a replaced commit", "everything ignored")


@pytest.mark.parametrize("name", [pytest.param(n, marks=() if n in QUICK else pytest.mark.stress) for n in DECEITS])
def test_work_that_is_neither_committed_nor_pushed_is_not_verified(
    run_script: RunScript, work: Work, tmp_path: Path, name: str
) -> None:
    place = tmp_path / "mine.git"
    work.repo.git("init", "-q", "--bare", str(place), cwd=tmp_path)
    (place / "everything").write_text("*\n")
    work.repo.commit("not pushed", cwd=work.path)
    work.git("push", "-q", str(place), "feat/x", "feat/x:main")
    (work.path / "a.txt").write_text("A\n")  # as long as it was
    os.utime(work.path / "a.txt", (1, 1))
    (work.path / "b.txt").write_text("c\n")
    DECEITS[name](work, place)
    done = run_script("verify-complete", WINDOW, "--json", timeout=60)
    assert done.returncode != 0
    gates = {gate["name"]: gate["status"] for gate in json.loads(done.stdout)["gates"]}
    assert gates["clean"] != "pass"
    assert "pass" not in (gates["pushed"], gates["clean"]) or gates["branch"] == "fail", gates
    refused = run_script("recycle-agent", WINDOW)
    assert refused.returncode != 0
    assert (work.path / "a.txt").read_text() == "A\n"
    assert (work.path / "b.txt").read_text() == "c\n"


VARIABLES = {
    "GIT_DIR": "{place}",
    "GIT_WORK_TREE": "{place}",
    "GIT_COMMON_DIR": "{place}",
    "GIT_INDEX_FILE": "{place}/index",
    "GIT_NAMESPACE": "x",
    "GIT_OBJECT_DIRECTORY": "{place}/objects",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES": "{place}/objects",
    "GIT_SHALLOW_FILE": "{place}/shallow",
    "GIT_GRAFT_FILE": "{place}/grafts",
    "GIT_REPLACE_REF_BASE": "refs/heads/",
    "GIT_EXTERNAL_DIFF": "{evil}",
    "GIT_PAGER": "{evil}",
    "GIT_EDITOR": "{evil}",
    "GIT_ASKPASS": "{evil}",
    "GIT_CONFIG_COUNT": "1",
    "GIT_CONFIG_KEY_0": "core.fsmonitor",
    "GIT_CONFIG_VALUE_0": "{evil}",
    "GIT_CONFIG_PARAMETERS": "'core.hooksPath={place}'",
    "GIT_ATTR_SOURCE": "HEAD",
    "GIT_LITERAL_PATHSPECS": "1",
    "GIT_PREFIX": "x/",
    "GIT_DEFAULT_HASH": "sha256",
    "GIT_TRACE": "{place}/trace",
    "GIT_CEILING_DIRECTORIES": "/",
    "GIT_OPTIONAL_LOCKS": "1",
}


def test_variables_around_us_change_neither_what_is_asked_nor_what_runs(
    run_script: RunScript, work: Work, tmp_path: Path
) -> None:
    place, evil = tmp_path / "mine.git", program(tmp_path)
    work.repo.git("init", "-q", "--bare", str(place), cwd=tmp_path)
    around = {name: value.format(place=place, evil=evil) for name, value in VARIABLES.items()}
    assert run_script("verify-complete", WINDOW, env=around).returncode == 0
    (work.path / "a.txt").write_text("changed\n")
    assert run_script("verify-complete", WINDOW, env=around).returncode == 3
    assert run_script("recycle-agent", WINDOW, "--force", env=around).returncode == 0
    assert work.kept("a.txt") == ["changed"]
    assert not (tmp_path / "ran").exists(), (tmp_path / "ran").read_text()
    assert not (place / "trace").exists()
