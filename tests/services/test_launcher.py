"""scripts/NAME from wherever the bundle lies, on a machine where nothing is prepared yet."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.places import BUNDLE, environment

NAME = "status"
PARTS = ("fleetscripts", "scripts", "requirements")


def copy_bundle(to: Path) -> Path:
    for part in PARTS:
        shutil.copytree(BUNDLE / part, to / part, ignore=shutil.ignore_patterns("__pycache__"))
    return to


def call(
    script: Path | str, *args: str, data: Path, cwd: Path, **changes: str | None
) -> subprocess.CompletedProcess[str]:
    env = environment({"XDG_DATA_HOME": str(data), **changes})
    return subprocess.run(
        [script, *args],
        check=False,
        capture_output=True,
        text=True,
        cwd=cwd,
        env=env,
        timeout=300,
        stdin=subprocess.DEVNULL,
    )


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An XDG_DATA_HOME in which two first calls at once have prepared the real environment; the workers share it."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "data with space"
    env = environment({"XDG_DATA_HOME": str(folder)})
    first = [
        subprocess.Popen([BUNDLE / "scripts" / NAME, "--help"], stdout=-1, stderr=-1, text=True, env=env) for _ in "ab"
    ]
    said = [process.communicate(timeout=300) for process in first]
    assert [process.returncode for process in first] == [0, 0], said
    assert all(out.startswith(f"Usage: {NAME}") for out, _ in said)
    assert sum(err.count("\n") for _, err in said) <= 1, said
    return folder


def as_it_is(tmp_path: Path) -> Path:
    return BUNDLE / "scripts" / NAME


def as_a_copy(tmp_path: Path) -> Path:
    return copy_bundle(tmp_path / "copy") / "scripts" / NAME


def with_links_followed(tmp_path: Path) -> Path:
    (tmp_path / "linked").symlink_to(copy_bundle(tmp_path / "copy"))
    subprocess.run(["cp", "-rL", tmp_path / "linked", tmp_path / "real"], check=True)
    shutil.rmtree(tmp_path / "copy")
    return tmp_path / "real" / "scripts" / NAME


def below_a_linked_folder(tmp_path: Path) -> Path:
    skills = tmp_path / ".claude" / "skills"
    skills.mkdir(parents=True)
    (skills / "orchestrate").symlink_to(BUNDLE)
    return skills / "orchestrate" / "scripts" / NAME


def by_a_link_to_a_link(tmp_path: Path) -> Path:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "relative").symlink_to(os.path.relpath(BUNDLE / "scripts" / NAME, (tmp_path / "bin").resolve()))
    (tmp_path / "short").symlink_to("bin/relative")
    return tmp_path / "short"


def below_spaces_and_quotes(tmp_path: Path) -> Path:
    return copy_bundle(tmp_path / "a 'b' $(c) *") / "scripts" / NAME


@pytest.mark.parametrize(
    "place",
    [
        as_it_is,
        as_a_copy,
        with_links_followed,
        below_a_linked_folder,
        by_a_link_to_a_link,
        below_spaces_and_quotes,
    ],
)
def test_it_works_from_anywhere(place: Callable[[Path], Path], tmp_path: Path, data: Path) -> None:
    script = place(tmp_path)
    for said in (
        call(script, "--help", data=data, cwd=Path("/")),
        call(f"./{os.path.relpath(script, tmp_path)}", "--help", data=data, cwd=tmp_path),
    ):
        assert (said.returncode, said.stderr) == (0, "")
        assert said.stdout.startswith(f"Usage: {NAME}")


def test_it_is_found_on_path_and_by_a_shell(data: Path, tmp_path: Path) -> None:
    path = f"{BUNDLE / 'scripts'}:{os.environ['PATH']}"
    env = environment({"XDG_DATA_HOME": str(data), "PATH": path})
    for line in (
        f"{NAME} --help",
        f"sh '{BUNDLE}/scripts/{NAME}' --help",
        f"cd '{BUNDLE}/scripts' && sh {NAME} --help",
    ):
        done = subprocess.run(["sh", "-c", line], check=False, capture_output=True, text=True, env=env, cwd=tmp_path)
        assert (done.returncode, done.stderr) == (0, ""), line


def test_a_prepared_call_needs_no_other_program(data: Path) -> None:
    done = call(BUNDLE / "scripts" / NAME, "--help", data=data, cwd=Path("/"), PATH="/nowhere")
    assert (done.returncode, done.stderr) == (0, "")


def test_nothing_is_imported_from_where_agents_write(data: Path, tmp_path: Path, home: Path) -> None:
    user_site = home / ".local/lib/python3.11/site-packages"
    for folder in (tmp_path, user_site, tmp_path / "fleetscripts"):
        folder.mkdir(parents=True, exist_ok=True)
        for module in ("click", "json", "fleetscripts", "sitecustomize"):
            (folder / f"{module}.py").write_text("raise SystemExit('planted')\n", encoding="utf-8")
    done = call(BUNDLE / "scripts" / NAME, "--help", data=data, cwd=tmp_path, PYTHONPATH=str(tmp_path))
    assert (done.returncode, done.stderr) == (0, "")


def test_arguments_and_exit_code_pass_unchanged(data: Path, tmp_path: Path) -> None:
    bundle = copy_bundle(tmp_path / "copy")
    (bundle / "fleetscripts" / "__main__.py").write_text(
        "import json, sys\nprint(json.dumps(sys.argv[1:]))\nsys.exit(8)\n", encoding="utf-8"
    )
    hard = ["", "a b", "*", "line\nline", "-n", "--", "ünï"]
    done = call(bundle / "scripts" / NAME, *hard, data=data, cwd=tmp_path)
    assert done.returncode == 8
    assert json.loads(done.stdout) == [f"--called-from={bundle / 'scripts'}", NAME, *hard]


def test_without_a_place_to_write_it_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = call(BUNDLE / "scripts" / NAME, "--help", data=tmp_path / "file" / "below", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "XDG_DATA_HOME" in done.stderr
