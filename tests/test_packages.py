"""System packages: installed where that is allowed, asked for once on a terminal, otherwise one line to run."""

from __future__ import annotations

import contextlib
import os
import pty
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.places import BUNDLE, environment

TOOLS = ("sh", "dirname", "tail", "env", "cat", "chmod")
INSTALLER = r"""#!/bin/sh
# Writes down how it was called; "installs" a program named moo.
echo "${0##*/} $*" >>"$LOG"
for last; do :; done
if [ "$last" != update ]; then
    echo '#!/bin/sh' >"$BIN/moo"
    chmod +x "$BIN/moo"
fi
"""


class Machine:
    """A PATH of our own with pretended package tools that write down how they were called."""

    def __init__(self, folder: Path) -> None:
        self.bin = folder / "bin"
        self.log = folder / "log"
        self.bin.mkdir()
        self.log.touch()
        for tool in (*TOOLS, "sed"):
            (self.bin / tool).symlink_to(str(shutil.which(tool)))
        self.env = environment({"PATH": str(self.bin), "BIN": str(self.bin), "LOG": str(self.log)})

    def tool(self, name: str, text: str) -> None:
        path = self.bin / name
        path.write_text(text, encoding="utf-8")
        path.chmod(0o755)

    def user(self, number: int) -> None:
        self.tool("id", f"#!/bin/sh\necho {number}\n")

    def install(self, *args: str) -> subprocess.CompletedProcess[str]:
        script = BUNDLE / "fleetscripts" / "packages.sh"
        return subprocess.run(
            ["/bin/sh", script, *args],
            check=False,
            capture_output=True,
            text=True,
            env=self.env,
            stdin=subprocess.DEVNULL,
        )

    def calls(self) -> list[str]:
        return self.log.read_text(encoding="utf-8").splitlines()


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_root_installs_what_is_missing_and_nothing_twice(machine: Machine) -> None:
    machine.tool("apt-get", INSTALLER)
    machine.user(0)
    done = machine.install("sed", "moo")
    assert (done.returncode, done.stderr) == (0, "fleetscripts: installing moo\n")
    assert [call.split()[-1] for call in machine.calls()] == ["update", "moo"]
    assert (machine.install("sed", "moo").returncode, len(machine.calls())) == (0, 2)


def test_a_user_whose_sudo_asks_gets_the_line_to_run(machine: Machine) -> None:
    machine.tool("apt-get", INSTALLER)
    machine.tool("sudo", "#!/bin/sh\nexit 1\n")
    machine.user(1000)
    done = machine.install("moo", "ip")
    assert done.returncode == 1
    assert done.stderr == "fleetscripts: missing: moo ip; please run: sudo apt-get install -y moo iproute2\n"
    assert machine.calls() == []


def test_a_sudo_that_does_not_ask_is_used(machine: Machine) -> None:
    machine.tool("apt-get", INSTALLER)
    machine.tool("sudo", '#!/bin/sh\nshift\n[ "$1" = true ] || exec "$@"\n')
    machine.user(1000)
    assert machine.install("moo").returncode == 0
    assert len(machine.calls()) == 2


def test_brew_is_used_without_apt(machine: Machine) -> None:
    machine.tool("brew", INSTALLER)
    done = machine.install("moo", "ip")
    assert (done.returncode, machine.calls()) == (0, ["brew install --quiet moo"])


def test_without_either_it_says_what_to_install(machine: Machine) -> None:
    done = machine.install("moo")
    assert (done.returncode, done.stderr) == (1, "fleetscripts: please install: moo\n")


def test_a_failed_installation_ends_with_the_line_to_run(machine: Machine) -> None:
    machine.tool("apt-get", "#!/bin/sh\necho E: no route to anywhere >&2\nexit 100\n")
    machine.user(0)
    done = machine.install("moo")
    assert done.returncode == 1
    assert "no route to anywhere" in done.stderr
    assert done.stderr.endswith("the line to run: sudo apt-get install -y moo\n")


@pytest.mark.parametrize(("options", "answer", "code"), [((), "n\n", 1), ((), "\n", 0), (("--yes",), "", 0)])
def test_on_a_terminal_it_asks_once_unless_told(
    machine: Machine, options: tuple[str, ...], answer: str, code: int
) -> None:
    machine.tool("apt-get", INSTALLER)
    machine.user(0)
    ours, theirs = pty.openpty()
    script = BUNDLE / "fleetscripts" / "packages.sh"
    process = subprocess.Popen(["/bin/sh", script, *options, "moo"], stdin=theirs, stderr=theirs, env=machine.env)
    os.write(ours, answer.encode())
    assert process.wait(timeout=20) == code
    os.close(theirs)
    said = _all_from(ours)
    os.close(ours)
    assert ("[Y/n]" in said) == (not options)
    assert (len(machine.calls()) == 2) == (code == 0)


def _all_from(terminal: int) -> str:
    """What stands in a terminal whose other end is closed; Linux then ends it with an error."""
    said = []
    with contextlib.suppress(OSError):
        while more := os.read(terminal, 4096):
            said.append(more)
    return b"".join(said).decode()


@pytest.mark.parametrize("name", ["run", "stress", "bench", "pictures", "situations"])
def test_help_is_printed_before_anything_is_set_up(tmp_path: Path, name: str) -> None:
    script = BUNDLE / "tests" / name
    words = ["/bin/sh", str(script), "--help"]
    done = subprocess.run(
        words, env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}, cwd=tmp_path, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"usage: tests/{name} [--yes]")
    assert not (tmp_path / ".cache").exists()
