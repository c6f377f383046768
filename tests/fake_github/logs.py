"""The part of GitHub's REST API that ``gh run view --log-failed`` asks for: a job, its run, the run's logs."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Mapping
from typing import Any

from tests.fake_github.world import World

BASE = "https://api.github.com/repos/acme/widget/actions"
BEGAN, ENDED = "2026-11-20T10:00:00Z", "2026-11-20T10:01:00Z"


def get(world: World, path: str) -> tuple[int, str, bytes]:
    """Status, content type and body."""
    place = path.removeprefix("/api/v3").partition("?")[0].removeprefix("/repos/acme/widget/actions/")
    if match := re.fullmatch(r"jobs/(\d+)", place):
        check = world.job(int(match[1]))
        return _json(404, {"message": "Not Found"}) if check is None else _json(200, _job(world, check))
    if re.fullmatch(rf"runs/{world.run}(?:/attempts/\d+)?/logs", place):
        return 200, "application/zip", _logs(world)
    if re.fullmatch(rf"runs/{world.run}(?:/attempts/\d+)?/jobs", place):
        failed = [_job(world, check) for check in world.checks if "log" in check]
        return _json(200, {"total_count": len(failed), "jobs": failed})
    if re.fullmatch(rf"runs/{world.run}(?:/attempts/\d+)?", place):
        return _json(200, _run(world))
    if place.startswith("workflows/"):
        return _json(200, {"id": 5, "name": "CI", "path": ".github/workflows/ci.yml"})
    return _json(404, {"message": "Not Found"})


def _json(status: int, value: Mapping[str, Any]) -> tuple[int, str, bytes]:
    return status, "application/json; charset=utf-8", json.dumps(value).encode()


def _run(world: World) -> dict[str, Any]:
    place = f"{BASE}/runs/{world.run}"
    return {
        "id": world.run, "name": "CI", "display_title": "CI", "status": "completed", "conclusion": "failure",
        "workflow_id": 5, "run_attempt": 1, "run_number": 1, "event": "pull_request",
        "head_branch": "feat/x", "head_sha": "0" * 40, "created_at": BEGAN, "updated_at": ENDED,
        "run_started_at": BEGAN, "url": place, "jobs_url": f"{place}/jobs", "logs_url": f"{place}/logs",
        "html_url": "https://github.com/acme/widget/actions/runs/1", "head_commit": {"message": "Finish"},
        "head_repository": {"name": "widget", "owner": {"login": "acme"}},
    }  # fmt: skip


def _job(world: World, check: Mapping[str, Any]) -> dict[str, Any]:
    steps = [
        {"name": step, "number": number, "status": "completed", "conclusion": "failure"}
        for number, (step, _) in enumerate(check.get("log", []), 1)
    ]
    return {
        "id": world.job_number(check), "run_id": world.run, "run_attempt": 1, "name": check["name"],
        "status": "completed", "conclusion": "failure", "started_at": BEGAN, "completed_at": ENDED,
        "steps": steps, "html_url": "https://github.com/acme/widget/runs/1",
    }  # fmt: skip


def _logs(world: World) -> bytes:
    """As GitHub packs them: a folder for each job, a file for each step."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as packed:
        for check in world.checks:
            for number, (step, text) in enumerate(check.get("log", []), 1):
                lines = "".join(f"2026-11-20T10:00:00.0000000Z {line}\n" for line in text.split("\n"))
                packed.writestr(f"{check['name']}/{number}_{step}.txt", lines)
    return content.getvalue()
