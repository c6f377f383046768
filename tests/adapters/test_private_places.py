"""What is ours is for the user alone, whatever the umask; what others can write says nothing to us."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import RunScript
from tests.places import BUNDLE, environment


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("umask", ["000", "022", "077"])
def test_every_folder_that_is_made_is_for_the_user_alone(umask: str, home: Path) -> None:
    (home / "state.json").write_text('{"agents": [{"window": "a:1"}]}', encoding="utf-8")
    call = [sys.executable, "-I", str(BUNDLE / "fleetscripts" / "__main__.py"), "poll-cycle"]
    line = f'umask {umask} && exec "$0" "$@"'
    subprocess.run(["sh", "-c", line, *call], check=True, env=environment({}), capture_output=True, timeout=60)
    fleet = home / "fleet"
    made = [fleet, *(path for path in fleet.rglob("*") if path.is_dir())]
    assert {mode(path) for path in made} == {0o700}
    assert {mode(path) for path in fleet.rglob("*") if path.is_file()} <= {0o600}


@pytest.mark.parametrize("name", ["config.toml", "rules/claude.toml"])
@pytest.mark.parametrize("bits", [0o020, 0o002])
def test_a_file_that_others_can_write_says_nothing_to_us(
    name: str, bits: int, home: Path, run_script: RunScript
) -> None:
    file = home / "fleet" / name
    file.parent.mkdir(parents=True)
    file.parent.chmod(0o700)
    (home / "fleet").chmod(0o700)
    file.write_text("", encoding="utf-8")
    file.chmod(0o600 | bits)
    screen = home / "x.txt"
    screen.write_text("$ \n", encoding="utf-8")
    done = run_script("classify-pane", "--screen", screen) if "rules" in name else run_script("capacity")
    assert done.returncode == 2
    assert f"{file} can be written by others" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_home_that_others_can_write_is_refused(home: Path, run_script: RunScript) -> None:
    (home / "fleet").mkdir()
    (home / "fleet").chmod(0o777)
    done = run_script("capacity")
    assert (done.returncode, "chmod 700" in done.stderr) == (2, True)


@pytest.mark.parametrize("variable", ["FLEET_HOME", "ORCHESTRATOR_STATE_FILE"])
def test_a_relative_place_is_refused(variable: str, run_script: RunScript, tmp_path: Path) -> None:
    done = run_script("status", env={variable: "here/x"}, cwd=tmp_path)
    assert (done.returncode, "expected an absolute path" in done.stderr) == (2, True)
    assert not (tmp_path / "here").exists()
