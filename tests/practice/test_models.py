"""The scripted models, asked over HTTP as clients ask them."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fleetscripts.practice.cues import Cues
from fleetscripts.practice.model_anthropic import AnthropicModel
from fleetscripts.practice.server import Model, listen
from tests.places import BUNDLE
from tests.practice.model_openai import OpenAIModel
from tests.waiting import wait_until

BASH = [{"name": "Bash"}]


class Asker:
    """A client of one model."""

    def __init__(self, model: Model) -> None:
        self.server = listen(model)
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def ask(self, path: str, body: Any, token: str = "token-a") -> tuple[int, dict[str, str], str]:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.server.server_port}{path}",
            json.dumps(body).encode(),
            {"authorization": f"Bearer {token}"},
        )
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, dict(answer.headers), answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, dict(error.headers), error.read().decode()

    def message(self, text: str, token: str = "token-a", stream: bool = True) -> tuple[int, dict[str, str], str]:
        body = {"messages": [{"role": "user", "content": text}], "tools": BASH, "stream": stream, "model": "m"}
        return self.ask("/v1/messages?beta=true", body, token)


@pytest.fixture
def anthropic() -> Iterator[Asker]:
    asker = Asker(AnthropicModel())
    yield asker
    asker.server.shutdown()


def events(stream: str) -> list[dict[str, Any]]:
    return [json.loads(line.removeprefix("data: ")) for line in stream.splitlines() if line.startswith("data: ")]


def test_texts_and_the_next_tool_come_in_one_streamed_message(anthropic: Asker) -> None:
    status, _, stream = anthropic.message("[[say hello]] [[bash echo hi]] [[done]]")
    found = events(stream)
    assert status == 200
    assert [event["content_block"]["type"] for event in found if event["type"] == "content_block_start"] == [
        "text",
        "tool_use",
    ]
    assert found[-2]["delta"]["stop_reason"] == "tool_use"


def test_a_wall_says_when_it_ends_and_whose_it_is(anthropic: Asker) -> None:
    status, headers, body = anthropic.message("[[ratelimit 60]] [[say through]]")
    assert status == 429
    assert headers["anthropic-ratelimit-unified-status"] == "rejected"
    assert headers["anthropic-ratelimit-unified-representative-claim"] == "five_hour"
    assert json.loads(body)["error"]["type"] == "rate_limit_error"
    assert anthropic.message("[[say other work]]")[0] == 429
    assert anthropic.message("[[ratelimit 60]] [[say through]]", token="token-b")[0] == 200


def test_an_allowance_is_used_up(anthropic: Asker) -> None:
    anthropic.ask("/practice/allow", {"token": "token-a", "requests": 2})
    answers = [anthropic.message("[[say x]]") for _ in range(3)]
    assert [status for status, _, _ in answers] == [200, 200, 429]
    assert answers[1][1]["anthropic-ratelimit-unified-5h-utilization"] == "1.00"


@pytest.mark.parametrize(
    ("step", "status", "kind"),
    [
        ("overloaded", 529, "overloaded_error"),
        ("server", 500, "api_error"),
        ("auth", 401, "authentication_error"),
        ("credit", 400, "invalid_request_error"),
        ("context", 400, "invalid_request_error"),
    ],
)
def test_errors_are_the_apis_own(anthropic: Asker, step: str, status: int, kind: str) -> None:
    found, _, body = anthropic.message(f"[[{step}]]")
    assert (found, json.loads(body)["error"]["type"]) == (status, kind)


def test_an_overload_passes_after_its_number_of_times(anthropic: Asker) -> None:
    assert [anthropic.message("[[overloaded 2]] [[say x]]")[0] for _ in range(3)] == [529, 529, 200]


def test_a_summary_keeps_what_is_left(anthropic: Asker) -> None:
    body = {
        "messages": [
            {"role": "user", "content": "[[say a]] [[done]]"},
            {"role": "assistant", "content": [{"type": "text", "text": "a"}]},
            {"role": "user", "content": "Your task is to create a detailed summary of the conversation so far"},
        ],
        "tools": BASH,
    }
    _, _, answer = anthropic.ask("/v1/messages", body)
    assert "[[done ]]" in json.loads(answer)["content"][0]["text"]
    assert "[[say" not in json.loads(answer)["content"][0]["text"]


def test_requests_are_logged_for_tests(anthropic: Asker) -> None:
    anthropic.message("[[say x]]", token="token-b")
    log = json.loads(anthropic.ask("/practice/requests", {})[2])
    assert [(entry["token"], entry["next"]) for entry in log["requests"]] == [("token-b", ["say"])]


def test_a_text_that_scripts_nothing_may_be_a_cue_that_names_what_the_model_read(tmp_path: Path) -> None:
    cues = [[r"scripts lie in (?P<folder>\S+)\. .*ARGUMENTS: look", r"[[bash \g<folder>/look]] [[say Looked.]]"]]
    (tmp_path / "cues").write_text(json.dumps(cues), encoding="utf-8")
    environ = {"PRACTICE_MODEL_CUES": str(tmp_path / "cues"), "PRACTICE_MODEL_HEARD": str(tmp_path / "heard")}
    asker = Asker(AnthropicModel(Cues.of(environ)))
    text = "All scripts lie in /a/b. Use them.\n\nARGUMENTS: look"
    call = next(event for event in events(asker.message(text)[2]) if event["type"] == "content_block_delta")
    assert json.loads(call["delta"]["partial_json"])["command"] == "/a/b/look"
    assert "Nothing to do" in asker.message("ARGUMENTS: look")[2]
    assert "never" in asker.message("ARGUMENTS: look in /a/b [[say never]]")[2]
    asker.server.shutdown()
    assert json.loads((tmp_path / "heard").read_text().splitlines()[0]) == [text]


def test_what_is_not_json_is_an_error(anthropic: Asker) -> None:
    request = urllib.request.Request(f"http://127.0.0.1:{anthropic.server.server_port}/v1/messages", b"{")
    with pytest.raises(urllib.error.HTTPError) as error:
        urllib.request.urlopen(request, timeout=5)
    assert error.value.code == 400


def test_the_responses_api_does_the_same_script() -> None:
    asker = Asker(OpenAIModel())
    user = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "[[bash echo hi]] [[done]]"}]}
    tools = [{"type": "function", "name": "shell"}]
    _, _, stream = asker.ask("/v1/responses", {"input": [user], "tools": tools})
    call = events(stream)[-1]["response"]["output"][0]
    assert json.loads(call["arguments"]) == {"command": ["bash", "-lc", "echo hi"]}
    result = {"type": "function_call_output", "call_id": call["call_id"], "output": "hi"}
    _, _, stream = asker.ask("/v1/responses", {"input": [user, call, result], "tools": tools})
    assert events(stream)[-1]["response"]["output"][0]["content"][0]["text"].endswith("ORCHESTRATOR:DONE")
    wall = {**user, "content": "[[ratelimit]]"}
    status, _, body = asker.ask("/v1/responses", {"input": [wall]})
    assert (status, json.loads(body)["error"]["type"]) == (429, "usage_limit_reached")
    asker.server.shutdown()


@pytest.mark.parametrize("module", ["fleetscripts.practice.model_anthropic", "tests.practice.model_openai"])
def test_a_model_writes_its_port_and_ends_with_its_parent(module: str, tmp_path: Path) -> None:
    port, pid = tmp_path / "port", tmp_path / "pid"
    line = f"{sys.executable} -m {module} --port-file {port} > /dev/null & echo $! > {pid}; read x"
    parent = subprocess.Popen(["sh", "-c", line], cwd=BUNDLE, stdin=subprocess.PIPE)
    wait_until(port.exists, what="the port")
    assert int(port.read_text()) > 0
    child = Path("/proc") / pid.read_text().strip()
    assert child.exists() or sys.platform != "linux"
    parent.communicate()
    wait_until(lambda: not child.exists(), what="the model's end")
