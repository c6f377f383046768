"""The scripted model's back door, from outside the namespace in which it runs beside the tmux server."""

from __future__ import annotations

import json
import shlex
import sys
from typing import Any

from fleetscripts.practice.stage import Stage

_ASK = "import sys,urllib.request as u;print(u.urlopen(u.Request(sys.argv[1],sys.argv[2].encode())).read().decode())"


def ask(stage: Stage, name: str, **body: Any) -> dict[str, Any]:
    """What the door answers: ``allow``, ``wall``, ``requests``. The server runs the question: it is in there too."""
    port = (stage.folder / "port").read_text(encoding="utf-8").strip()
    answer = stage.folder / f"door-{name}.json"
    url = f"http://127.0.0.1:{port}/practice/{name}"
    line = shlex.join([sys.executable, "-I", "-c", _ASK, url, json.dumps(body)])
    stage.tmux("run-shell", f"{line} > {shlex.quote(str(answer))}".replace("#", "##"))
    found: dict[str, Any] = json.loads(answer.read_text(encoding="utf-8"))
    return found


def tokens(stage: Stage) -> list[str]:
    """Whose requests the model answered, in order."""
    return [one["token"] for one in ask(stage, "requests")["requests"] if one["path"].startswith("/v1/messages")]
