"""What is kept of a screen holds no secret: tokens, named values, private keys, also where a line's end cuts them."""

from __future__ import annotations

import itertools
import random
import re
import string
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleetscripts.core.records.redact import MASK, redact, redact_lines
from fleetscripts.core.records.token_forms import TOKEN_FORMS

ALNUM = string.ascii_letters + string.digits
HEX = "0123456789abcdef"
SOME = random.Random(7)


def some(number: int, of: str = ALNUM) -> str:
    return "".join(SOME.choices(of, k=number))


USUAL = {
    "Anthropic": f"sk-ant-api03-{some(80)}-{some(6)}AA",
    "Anthropic OAuth": f"sk-ant-oat01-{some(80)}",
    "OpenAI": f"sk-{some(48)}",
    "OpenAI project": f"sk-proj-{some(40)}_{some(40)}",
    "OpenRouter": f"sk-or-v1-{some(64, HEX)}",
    "GitHub": f"ghp_{some(36)}",
    "GitHub app": f"ghs_{some(36)}",
    "GitHub refresh": f"ghr_{some(76)}",
    "GitHub, fine-grained": f"github_pat_{some(22)}_{some(59)}",
    "GitLab": f"glpat-{some(20)}",
    "Bitbucket": f"ATBB{some(32)}",
    "Atlassian": f"ATATT3xFfGF0{some(160)}=7C{some(6)}",
    "Slack bot": f"xoxb-{some(12, string.digits)}-{some(12, string.digits)}-{some(24)}",
    "Slack app": f"xapp-1-{some(11)}-{some(13, string.digits)}-{some(64, HEX)}",
    "AWS key id": f"AKIA{some(16, string.ascii_uppercase)}",
    "Google API": f"AIza{some(35)}",
    "Google OAuth": f"ya29.{some(60)}",
    "Google OAuth secret": f"GOCSPX-{some(28)}",
    "Stripe": f"sk_live_{some(24)}",
    "Stripe webhook": f"whsec_{some(32)}",
    "Twilio": f"SK{some(32, HEX)}",
    "SendGrid": f"SG.{some(22)}.{some(43)}",
    "npm": f"npm_{some(36)}",
    "PyPI": f"pypi-AgEIcHlwaS5vcmc{some(150)}",
    "Docker Hub": f"dckr_pat_{some(27)}",
    "Hugging Face": f"hf_{some(34)}",
    "DigitalOcean": f"dop_v1_{some(64, HEX)}",
    "Databricks": f"dapi{some(32, HEX)}",
    "Shopify": f"shpat_{some(32, HEX)}",
    "Discord bot": f"M{some(23)}.{some(6)}.{some(38)}",
    "Telegram bot": f"{some(9, '123456789')}:AA{some(33)}",
    "Vault": f"hvs.{some(90)}",
    "Grafana": f"glsa_{some(32)}_{some(8, HEX)}",
    "Linear": f"lin_api_{some(40)}",
    "Notion": f"ntn_{some(46)}",
    "Supabase": f"sbp_{some(40, HEX)}",
    "Sentry": f"sntrys_{some(100)}",
    "age": f"AGE-SECRET-KEY-1{some(58, string.ascii_uppercase)}",
    "JSON Web Token": f"eyJ{some(30)}.eyJ{some(60)}.{some(43)}",
    "Azure storage": f"AccountKey={some(86)}==",
    "Azure client secret": f"{some(3)}8Q~{some(34)}",
    "Discord webhook": f"https://discord.com/api/webhooks/{some(18, string.digits)}/{some(68)}",
}
NAMED = (
    "AWS_SECRET_ACCESS_KEY={}",
    "password: {}",
    '"client_secret": "{}"',
    "Authorization: Bearer {}",
    "token = '{}'",
    "DB_PASSWORD={}",
    "api-key => {}",
    "Cookie: {}",
    "Authorization: Basic {}",
    "//host/:_authToken={}",
    "curl -H 'authorization: token {}'",
    "git push https://me:{}@host/x",
    "postgres://user:{}@db:5432/x",
    "redis://:{}@cache",
)
STAYS = (
    "Author: Somebody Else <somebody@example.org>",
    "I spent 1200 tokens: fine",
    "task-management-is-a-long-word-indeed-yes",
    "commit 0123456789abcdef0123456789abcdef01234567",
    "src/components/authentication/TokenProvider.tsx:120",
    "550e8400-e29b-41d4-a716-446655440000",
    "sha256:" + "ab" * 32,
    "npm_config_registry is set",
    "tokens: 123",
    "https://example.org/a/path?with=query&and=more",
)


@pytest.mark.parametrize("name", USUAL)
def test_a_usual_token_is_masked(name: str) -> None:
    assert redact(f"export X {USUAL[name]} end") == f"export X {MASK} end"


@pytest.mark.parametrize("form", TOKEN_FORMS)
@settings(max_examples=20)  # of each of a hundred services: drawing from an expression is slow
@given(data=st.data())
def test_whatever_has_a_services_form_is_masked(form: str, data: st.DataObject) -> None:
    plain = re.sub(r"\\S", "[!-~]", TOKEN_FORMS[form])
    token = data.draw(st.from_regex(plain, fullmatch=True, alphabet=st.characters(codec="ascii")))
    assert token not in redact(f"it is {token} I think")


@pytest.mark.parametrize("name", USUAL)
@pytest.mark.parametrize(("left", "right"), [("", ""), ("  ", ""), ("│ ", " │"), ("  ⎿  ", ""), ("+ ", "  ")])
def test_a_token_that_the_lines_end_cuts_is_masked(name: str, left: str, right: str) -> None:
    token = USUAL[name]
    for width in (20, 37, 61):
        text = f"the key is {token} keep it"
        rows = [text[at : at + width] for at in range(0, len(text), width)]
        shown = redact_lines([f"{left}{row}{right}" for row in rows])
        left_over = "".join(line.removeprefix(left).removesuffix(right) for line in shown)
        pieces = [token[at : at + 12] for at in range(4, len(token) - 12)]
        assert not [piece for piece in pieces if piece in left_over], shown


@pytest.mark.parametrize("form", NAMED)
def test_a_named_value_is_masked(form: str) -> None:
    secret = some(40)
    assert secret not in redact(form.format(secret))


@pytest.mark.parametrize(
    "kind", ["RSA PRIVATE KEY", "OPENSSH PRIVATE KEY", "PRIVATE KEY", "EC PRIVATE KEY", "PGP PRIVATE KEY BLOCK"]
)
@pytest.mark.parametrize("frame", ["{}", "  {}", "│ {:<70} │", "+ {}"])
@pytest.mark.parametrize("seen", ["whole", "head", "foot", "middle"])
def test_no_line_of_a_private_key_is_kept(kind: str, frame: str, seen: str) -> None:
    body = [some(64, ALNUM + "+/") for _ in range(6)] + [some(30) + "=="]
    whole = [f"-----BEGIN {kind}-----", *body, f"-----END {kind}-----"]
    part = {"whole": whole, "head": whole[:-1], "foot": whole[1:], "middle": body[:-1]}[seen]
    shown = redact_lines(["before it", *(frame.format(line) for line in part), "", "after it"])
    assert not [line for line, kept in itertools.product(body, shown) if line in kept]
    assert shown[0] == "before it"
    assert shown[-1] == "after it"


@pytest.mark.parametrize("text", STAYS)
def test_what_is_no_secret_stays(text: str) -> None:
    assert redact(text) == text


@given(st.lists(st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\n"), max_size=60), max_size=12))
def test_as_many_lines_as_there_were(lines: list[str]) -> None:
    assert len(redact_lines(lines)) == len(lines)


CHARACTERS = {
    "a": string.ascii_letters + string.digits,
    "h": "0123456789abcdef",
    "U": string.ascii_uppercase + string.digits,
    "l": string.ascii_lowercase + string.digits,
    "9": "123456789",
}
FORMS = [
    tuple(line.split("\t"))
    for line in Path(__file__).with_name("token_forms.txt").read_text(encoding="utf-8").splitlines()
    if not line.startswith("#")
]


def filled(form: str) -> str:
    chance = random.Random(form)
    return re.sub(r"<(\d+)([ahUl9])>", lambda gap: "".join(chance.choices(CHARACTERS[gap[2]], k=int(gap[1]))), form)


def end_is_kept(shown: str, secret: str) -> bool:
    """Whether the end of the secret's longest part can still be read, as a screen would show it."""
    longest = max(re.findall(r"[A-Za-z0-9+/_-]{6,}", secret), key=len)
    return longest[-10:] in re.sub(r"[\W]", "", shown.replace(MASK, "")) or longest[-10:] in shown


WAYS: dict[str, Callable[[str], str]] = {
    "alone": lambda secret: secret,
    "quoted": lambda secret: f"export X='{secret}'",
    "in JSON": lambda secret: f'{{"a": "{secret}", "b": 1}}',
    "in code": lambda secret: f"`{secret}`",
    "in colours": lambda secret: f"\x1b[31m{secret[:7]}\x1b[32m{secret[7:]}\x1b[0m",
    "with what takes no place": lambda secret: f"{secret[:9]}\u00ad\u200b\U000e0041{secret[9:]}",
    "cut by a box": lambda secret: "\n".join(f"│ {secret[at : at + 31]:31} │" for at in range(0, len(secret), 31)),
}


def test_every_published_form_is_masked_however_it_is_shown() -> None:
    tried = [
        (name, way, secret)
        for name, form in FORMS
        for secret in [filled(form)]
        for way in WAYS
        if way != "cut by a box" or " " not in secret
    ]
    kept = [(name, way) for name, way, secret in tried if end_is_kept(redact(WAYS[way](secret)), secret)]
    print(f"token forms tried: {len(FORMS)}, shown in {len(WAYS)} ways each, kept: {len(kept)}")
    assert len(FORMS) >= 230
    assert not kept
