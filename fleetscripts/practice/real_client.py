"""A real client on a stage: its program from npm, at the version that the tests pin, scripted model, environment and
configuration."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

from fleetscripts.dataclass import dataclass
from fleetscripts.errors import FleetError
from fleetscripts.practice.registry import VERSION

TOKEN = "sk-ant-oat01-practice"
"""Of no account: the scripted models need none, but clients insist on having one."""

PACKAGE = f"@anthropic-ai/claude-code@{VERSION}"
REAL = "claude"
"""Its name in the demo."""
_PROGRAM = Path("node_modules/.bin") / REAL


@dataclass(frozen=True, slots=True)
class RealClient:
    """One real client. ``environment`` gives the variables for a stage in that folder; ``configure`` writes its files
    once the model's port is known."""

    kind: str
    model: str
    environment: Callable[[Path], Mapping[str, str]]
    configure: Callable[[Path, int], None]


def _claude_environment(_folder: Path) -> Mapping[str, str]:
    return {
        "DISABLE_TELEMETRY": "1",
        "DISABLE_AUTOUPDATER": "1",
        "DISABLE_ERROR_REPORTING": "1",
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "CLAUDE_CODE_OAUTH_TOKEN": TOKEN,
        "IS_SANDBOX": "1",
    }


def _configure_claude(folder: Path, _port: int) -> None:
    onboarded = {"hasCompletedOnboarding": True, "theme": "dark", "numStartups": 5, "lastOnboardingVersion": VERSION}
    (folder / "home" / ".claude.json").write_text(json.dumps(onboarded), encoding="utf-8")


CLAUDE = RealClient("claude", "fleetscripts.practice.model_anthropic", _claude_environment, _configure_claude)


def _cache_folder(environ: Mapping[str, str]) -> Path:
    """The project's own folder for installed clients."""
    base = environ.get("XDG_CACHE_HOME") or f"{environ.get('HOME', '/nonexistent')}/.cache"
    return Path(base) / "fleetscripts"


def installed_client(environ: Mapping[str, str]) -> Path | None:
    """The client named by FLEET_TEST_CLAUDE, in FLEET_TEST_CLIENTS, or installed by an earlier call."""
    named = environ.get("FLEET_TEST_CLAUDE")
    folder = environ.get("FLEET_TEST_CLIENTS")
    candidates = [Path(named)] if named else []
    candidates += [Path(folder) / "claude"] if folder else []
    cache = _cache_folder(environ)
    candidates += [place / _PROGRAM for place in sorted(cache.glob("clients-*")) if (place / "ready").exists()]
    candidates += [_own(environ) / _PROGRAM]
    return next((path for path in candidates if path.exists()), None)


def _own(environ: Mapping[str, str]) -> Path:
    return _cache_folder(environ) / f"claude-code-{VERSION}"


def install_client(environ: Mapping[str, str]) -> Path:
    """Installs the client with npm, outside the bundle and outside the user's own packages."""
    if shutil.which("npm", path=environ.get("PATH")) is None:
        raise FleetError("expected npm to install the real client with, found none: install node and npm")
    folder = _own(environ)
    folder.mkdir(parents=True, exist_ok=True)
    command = ["npm", "install", "--no-fund", "--no-audit", "--loglevel=error", "--prefix", str(folder), PACKAGE]
    done = subprocess.run(command, env=dict(environ), capture_output=True, text=True, check=False)
    program = folder / _PROGRAM
    if done.returncode or not program.exists():
        shutil.rmtree(folder, ignore_errors=True)
        raise FleetError(
            f"npm could not install {PACKAGE}: {(done.stderr.strip() or 'no program in it').splitlines()[-1]}"
        )
    return program
