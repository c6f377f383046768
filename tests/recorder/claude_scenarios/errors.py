"""Turns that die or are tried again: overload, server, login, money, context, limits."""

from __future__ import annotations

import time

from tests.recorder.claude import Claude
from tests.recorder.model_claude import limit_headers
from tests.recorder.replies import Fail, Say
from tests.recorder.scenario import scenario
from tests.recorder.terminal import NotReached

OVERLOADED = Fail(529, "overloaded_error", "Overloaded")
SERVER = Fail(500, "api_error", "Internal server error")
CREDIT = Fail(400, "invalid_request_error", "Your credit balance is too low to access the Anthropic API.")
CONTEXT = Fail(400, "invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum")
NO_RETRY = {"x-should-retry": "false"}
AUTH = Fail(
    401,
    "authentication_error",
    "OAuth token has expired. Please obtain a new token or refresh your existing token.",
    NO_RETRY,
)
REFUSED = Fail(429, "rate_limit_error", "This request would exceed the rate limit of your organization.", NO_RETRY)
SLOW_DOWN = Fail(
    429, "rate_limit_error", "Number of request tokens has exceeded your per-minute rate limit", {"retry-after": "30"}
)
TRIES = {"CLAUDE_CODE_MAX_RETRIES": "1"}
SEEN_SECONDS = 2.5


def limit(claim: str = "five_hour") -> tuple[Fail, int]:
    """The answer at a usage limit, and when the limit resets."""
    resets_at = int(time.time()) + 7200
    headers = {**limit_headers("rejected", claim, resets_at), "retry-after": "7200", **NO_RETRY}
    message = "This request would exceed your account's rate limit. Please try again later."
    return Fail(429, "rate_limit_error", message, headers), resets_at


@scenario("claude", "retrying-overloaded", "prompt-after-retry-interrupt", wide=True)
def overloaded(s: Claude) -> None:
    s.say("look at the till", (OVERLOADED,))
    s.terminal.wait(lambda: s.script.asked("look at the till") >= 2, "a second try", 12)
    s.retrying_shown()
    s.snap("retrying-overloaded", "running")
    s.terminal.keys("Escape")
    s.settled_after_escape("look at the till")
    s.snap("prompt-after-retry-interrupt", "prompt", **({"draft": True} if s.boxed("look at the till") else {}))
    s.clear()


@scenario("claude", "retrying-server")
def server(s: Claude) -> None:
    s.say("look at the door", (SERVER,))
    s.terminal.wait(lambda: s.script.asked("look at the door") >= 2, "a second try", 12)
    s.retrying_shown()
    s.snap("retrying-server", "running")
    s.terminal.keys("Escape")
    s.settled_after_escape("look at the door")
    s.clear()


@scenario("claude", "retrying-rate", wide=True, modes=("api",))
def rate(s: Claude) -> None:
    s.say("look at the stairs", (SLOW_DOWN,))
    s.terminal.await_text(r"[Rr]etrying", 4)
    s.snap("retrying-rate", "running")
    s.terminal.keys("Escape")
    s.settled_after_escape("look at the stairs")
    s.clear()


def _died(s: Claude, name: str, prompt: str, failure: Fail, shown: str, error: str) -> None:
    s.say(prompt, (failure,))
    s.terminal.await_text(shown, 45)
    s.at_rest(prompt)
    if s.terminal.shows(r"[Rr]etrying in"):
        raise NotReached("the client still tries again")
    s.snap(name, "api_error", error=error)


@scenario("claude", "credit-low", "prompt-after-credit-low", wide=True)
def credit(s: Claude) -> None:
    _died(s, "credit-low", "look at the money", CREDIT, r"[Cc]redit balance (is )?too low", "billing")
    s.say("try it once more", (Say("Now it works again."),))
    s.answered("Now it works again")
    s.snap("prompt-after-credit-low", "prompt")


@scenario("claude", "context-overflow", own_start=True)
def context(s: Claude) -> None:
    s.restart(extra={**TRIES, "DISABLE_AUTO_COMPACT": "1"})
    _died(
        s,
        "context-overflow",
        "look at everything",
        CONTEXT,
        r"[Pp]rompt is too long|Context limit reached|context",
        "context",
    )


@scenario("claude", "overloaded-died", "server-died", "auth-died", "refused-died", own_start=True)
def died(s: Claude) -> None:
    s.restart(extra=TRIES)
    shown = r"API Error|overloaded|Overloaded|error"
    _died(s, "overloaded-died", "look at the roof", OVERLOADED, shown, "overloaded")
    s.ready(extra=TRIES)
    _died(s, "server-died", "look at the cellar", SERVER, shown, "server")
    s.ready(extra=TRIES)
    _died(s, "refused-died", "look at the gate", REFUSED, r"API Error|429|rate limit|limiting", "other")
    s.ready(extra=TRIES)
    _died(s, "auth-died", "look at the keys", AUTH, r"/login|API Error|401|expired|[Ii]nvalid", "auth")
    s.terminal.kill_client()


@scenario("claude", "limit-warning", modes=("oauth",), wide=True)
def warning(s: Claude) -> None:
    resets_at = int(time.time()) + 7200
    s.model.headers = limit_headers("allowed_warning", "seven_day", resets_at, 0.86, 0.75)
    try:
        s.say("look at the budget", (Say("The budget holds."),))
        s.terminal.await_text(r"Approaching|% of your|close to", 12)
        s.terminal.await_text("The budget holds", 5)
        s.terminal.wait(lambda: s.script.in_flight == 0, "the end of the turn", 5)
        s.snap("limit-warning", "prompt")
    finally:
        s.model.headers = {}


@scenario(
    "claude",
    "limit-wall",
    "limit-after-escape",
    "limit-menu",
    "limit-with-draft",
    modes=("oauth",),
    own_start=True,
    wide=True,
)
def wall(s: Claude) -> None:
    s.restart()
    failure, resets_at = limit()
    s.say("look at the stock", (failure,))
    s.terminal.await_text(r"limit", 10)
    s.at_rest("look at the stock")
    if s.terminal.shows(r"What do you want to do"):
        s.snap("limit-menu", "rate_limited", dialog="limit", resets_at=resets_at)
        s.terminal.keys("Escape")
        s.terminal.settle()
    else:
        s.snap("limit-wall", "rate_limited", resets_at=resets_at)
        s.terminal.keys("Escape")
        s.terminal.settle()
    s.snap("limit-after-escape", "rate_limited", resets_at=resets_at)
    s.clear()
    s.ready()
    s.type("go on then")
    s.snap("limit-with-draft", "rate_limited", resets_at=resets_at, draft=True)
    s.clear()
    s.type("/rate-limit-options")
    s.terminal.settle()
    s.terminal.keys("Enter")
    if s.waits_for(r"What do you want to do"):
        s.terminal.settle()
        s.snap("limit-menu", "rate_limited", dialog="limit", resets_at=resets_at)
    s.terminal.kill_client()


@scenario("claude", "limit-weekly", "limit-opus", "prompt-limit-over", modes=("oauth",), own_start=True)
def other_walls(s: Claude) -> None:
    for name, claim in (("limit-weekly", "seven_day"), ("limit-opus", "seven_day_opus")):
        s.restart()
        failure, resets_at = limit(claim)
        s.say(f"look at the {name}", (failure,))
        s.terminal.await_text(r"limit (reached|·)|hit your", 10)
        s.at_rest(f"look at the {name}")
        if s.terminal.shows(r"What do you want to do"):
            s.terminal.keys("Escape")
            s.terminal.settle()
        s.snap(name, "rate_limited", resets_at=resets_at)
    s.terminal.keys("Escape")
    s.terminal.settle()
    s.clear()
    s.say("look once more at it", (Say("The limit is over, I go on."),))
    s.answered("The limit is over")
    s.snap("prompt-limit-over", "prompt")
    s.terminal.kill_client()
