"""What is shipped: the locks, the plugin, the wheel."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

import fleetscripts
from fleetscripts import bootstrap, commands
from tests.places import BUNDLE, environment
from tests.real_clients import real_client

LOCKS = sorted((BUNDLE / "requirements").glob("*.txt"))


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.name)
def test_a_lock_is_named_by_its_content_and_hashes_everything(path: Path) -> None:
    first, _, rest = path.read_text(encoding="utf-8").partition("\n")
    assert first == f"# lock {hashlib.sha256(rest.encode()).hexdigest()[:16]}"
    entries = re.split(r"\n(?=\S)", rest.strip())
    assert len(entries) > 3
    assert all(re.match(r"[a-z0-9-]+==\S+( ; .+)? \\\n +--hash=sha256:", entry) for entry in entries)
    assert "://" not in rest


def test_the_locks_hold_what_the_project_declares() -> None:
    declared = tomllib.loads((BUNDLE / "pyproject.toml").read_text(encoding="utf-8"))
    runtime = declared["project"]["dependencies"]
    for lock, wanted in (("runtime.txt", runtime), ("dev.txt", [*runtime, *declared["dependency-groups"]["dev"]])):
        text = (BUNDLE / "requirements" / lock).read_text(encoding="utf-8")
        locked = set(re.findall(r"^([a-z0-9-]+)==", text, re.MULTILINE))
        assert {re.split(r"[<>=!~ ;\[]", line)[0] for line in wanted} <= locked


def test_the_clients_lock_names_no_host() -> None:
    text = (BUNDLE / "tests" / "clients" / "package-lock.json").read_text(encoding="utf-8")
    assert "resolved" not in text
    assert "://" not in text


def test_one_version_everywhere() -> None:
    plugin = json.loads((BUNDLE / ".claude-plugin" / "plugin.json").read_text(encoding="utf-8"))
    assert plugin["version"] == fleetscripts.__version__
    assert f"## {fleetscripts.__version__}" in (BUNDLE / "CHANGELOG.md").read_text(encoding="utf-8")


def test_shell_files_parse() -> None:
    files = [*BUNDLE.glob("fleetscripts/*.sh"), *BUNDLE.glob("scripts/*"), *BUNDLE.glob("tests/*.sh")]
    files += [
        BUNDLE / "tests" / "run",
        BUNDLE / "tests" / "stress",
        BUNDLE / ".ci" / "run",
        BUNDLE / "requirements" / "lock",
    ]
    assert len(files) > 10
    for path in files:
        assert subprocess.run(["sh", "-n", path], check=False).returncode == 0, path


@pytest.mark.real_client
def test_the_real_client_installs_the_plugin_and_its_scripts_are_there(tmp_path: Path, home: Path) -> None:
    client = real_client("claude")
    if not shutil.which("unshare"):
        pytest.skip("only on Linux")
    bundle = tmp_path / "marketplace"
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=BUNDLE, capture_output=True, text=True, check=True).stdout
    for name in tracked.split("\0"):
        if name and not name.startswith("tests/") and (BUNDLE / name).exists():
            (bundle / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(BUNDLE / name, bundle / name)
    steps = (
        f"validate {bundle}",
        f"marketplace add {bundle}",
        "install fleetscripts@fleetscripts",
        "details fleetscripts",
    )
    lines = ["set -e", "ip link set lo up", *(f"{client} plugin {step} </dev/null" for step in steps)]
    quiet = {"DISABLE_TELEMETRY": "1", "DISABLE_AUTOUPDATER": "1", "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1"}
    alone = ["unshare", "--net", *(["--map-root-user"] if os.geteuid() else [])]
    done = subprocess.run(
        [*alone, "sh", "-c", "\n".join(lines)],
        check=False,
        capture_output=True,
        text=True,
        env=environment(dict(quiet)),
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"Skills \(1\)\s+orchestrate", done.stdout)
    installed = next(home.glob(".claude/plugins/cache/fleetscripts/fleetscripts/*/scripts"))
    assert sorted(path.name for path in installed.iterdir() if os.access(path, os.X_OK)) == commands.names()


@pytest.mark.stress
def test_pip_installs_commands_that_run(tmp_path: Path) -> None:
    place = tmp_path / "venv"
    subprocess.run([bootstrap.BASE_PYTHON, "-I", "-m", "venv", place], check=True)
    source = tmp_path / "source"
    shutil.copytree(BUNDLE, source, ignore=shutil.ignore_patterns(".git", "__pycache__", ".*_cache", ".hypothesis"))
    subprocess.run([place / "bin" / "pip", "install", "-q", source], check=True, timeout=300)
    for name in commands.names():
        done = subprocess.run(
            [place / "bin" / (name if name == "fleet" else f"fleet-{name}"), "--help"],
            check=False,
            capture_output=True,
            text=True,
            cwd=tmp_path,
        )
        assert (done.returncode, done.stderr) == (0, "")
    rules = sorted(path.name for path in (BUNDLE / "fleetscripts" / "rules").glob("*.toml"))
    assert sorted(path.name for path in place.glob("lib/*/site-packages/fleetscripts/rules/*.toml")) == rules
    assert list(place.glob("lib/*/site-packages/fleetscripts/briefing/*.md"))
    usual = os.environ["PATH"]
    for path, said in ((f"{place}/bin:{usual}", f"is {place}/bin/fleet-status"), (usual, f'="{place}/bin:$PATH"')):
        done = subprocess.run(
            [place / "bin" / "fleet-setup", "--check"],
            check=False,
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env=environment({"PATH": path}),
        )
        [line] = [line for line in done.stdout.splitlines() if line.startswith("ok: PATH: ")]
        assert line.endswith(said)


def manifest(name: str) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((BUNDLE / name).read_text(encoding="utf-8"))
    return read


def test_both_clients_read_the_same_names_version_and_address() -> None:
    claude, codex = manifest(".claude-plugin/plugin.json"), manifest(".codex-plugin/plugin.json")
    for member in ("name", "version", "description", "homepage", "repository", "license", "skills"):
        assert claude[member] == codex[member] or [claude[member], codex[member]] == [["./"], "./"]
    for market in (".claude-plugin/marketplace.json", ".agents/plugins/marketplace.json"):
        assert [plugin["name"] for plugin in manifest(market)["plugins"]] == [claude["name"]]
    assert manifest(".claude-plugin/marketplace.json")["plugins"][0]["homepage"] == claude["repository"]


def test_the_plugin_has_a_command_for_every_script() -> None:
    assert sorted(path.name for path in (BUNDLE / "bin").iterdir()) == [
        f"fleet-{name}" for name in commands.names() if name != "fleet"
    ]
    for path in (BUNDLE / "bin").iterdir():
        assert os.access(path, os.X_OK)
    done = subprocess.run([BUNDLE / "bin" / "fleet-find-spare", "--help"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout[:6]) == (0, "Usage:")


def test_every_hook_and_monitor_leads_to_a_program_of_the_bundle() -> None:
    hooks = manifest("hooks/hooks.json")["hooks"]
    lines = [hook["command"] for groups in hooks.values() for group in groups for hook in group["hooks"]]
    monitors = json.loads((BUNDLE / "monitors.json").read_text(encoding="utf-8"))
    lines += [monitor["command"] for monitor in monitors]
    assert len(lines) == 6
    for line in lines:
        found = re.match(r'"\$\{CLAUDE_PLUGIN_ROOT\}/([a-z/-]+)"', line)
        assert found, line
        assert os.access(BUNDLE / found[1], os.X_OK), line
