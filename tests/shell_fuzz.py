"""Random lines for bash and zsh, and what these shells make of them: whatever the policy reads, they must read alike.

Every command in a line is a function that records its name, its words and its input. The shells have an empty PATH and
stand in an empty folder with a few files, so that a line which was misread cannot do anything else.
"""

from __future__ import annotations

import random
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from fleetscripts.core.permissions.shell_syntax import SimpleCommand, simple_commands
from fleetscripts.core.permissions.shell_words import NotPlain, Word

NAMES = ("aa", "bb", "git", "rm", "ls")
FILES = ("f1", "f2.py", "-x", ".hid", "g h")
SHELLS = {"bash": ("--norc", "--noprofile"), "zsh": ("-f",)}
PIECES = (
    "a", "b", "-x", "--o=1", "x=1", "f1", "f2.py", "HEAD~1", "HEAD^", "@{u}", "/", ".", "..", ",", ":", "%", "+", "-", "_", "1", "2", "12",
    "''", '""', "'q r'", '"d e"', "'#'", '"#"', "'a\"b'", '"a\'b"', "'\\'", '"\\\\"', '"\\$"', '"\\x"', '"$"', '"a$"', "'$x'", '"!"', '"a! b"',
    "'x\ny'", '"x\ny"', "\\ ", "\\#", "\\;", "\\\\", "\\'", '\\"', "\\$", "\\*", "\\&", "\\|", "\\n", "\\\n", " \\\n", " \\\n ", "\\",
    "*", "?", "f*", "*.py", "f?", "**", "[a]", "[", "]", "{", "}", "{a,b}", "{1..3}", "~", "~root", "^", "!", "!!", "=", "==", "=ls", "x=~",
    "#", " #", "# c", "$", "$?", '"$?"', '"$?."', "$x", "${x}", "$$", "$(aa)", "`aa`", "$((1))", "$'a'", '$"a"', "(", ")", "<(aa)", "é", '"é"',
    "<1-5>", "*(.)", "@", "\t", "  ", "''#", '""~', "''=", "a''b", "'a''b'",
)  # fmt: skip
REDIRECTS = (
    ">o1", "> o1", ">>o1", "2>o2", "2> /dev/null", "2>&1", ">&2", "&>o1", "&>>o1", ">|o1", "<f1", "< f1", "<f2.py", "1>o1", "2>>o2", "3>o1",
    ">&o1", "<>o1", ">!o1", "<<<x", "12>o1", ">o1>o2", "> 'o 3'", ">\\o1", ">&-", "2>&12", "<", ">", ">*", "2 >o1", ">#x", "a>o1",
)  # fmt: skip
JOINERS = (" && ", " || ", "; ", "\n", " | ", "&&", "||", ";", "|", " &\n", ";;", "|&", "&", "\n\n", " ;\n", "; # c\n", " # c; rm\n", "&& # c\n", " &&\n", " \\\n&& ", "\n# c\\\n", "#c\n")  # fmt: skip
BODIES = (
    "",
    "x\n",
    "it's\n",
    "$x `aa` \\\n",
    "a\nEOF \n",
    " EOF\n",
    "(#1)\n",
    ")\n",
    '"\n',
    "EOFX\nb\n",
    "\\\n",
    "#\n",
)


def random_line(rng: random.Random) -> str:
    """One line of up to four commands, most of them plain, some of them nasty."""
    nasty = rng.choice((0.02, 0.1, 0.4))
    text, heredocs = "", []
    for _ in range(rng.choice((1, 1, 2, 2, 3, 4))):
        text += rng.choice(("", "", "", "X=1 ", "X='a b' ")) + rng.choice(NAMES)
        for _ in range(rng.randrange(5)):
            text += " " if rng.random() > nasty else rng.choice(("", "\t", " \\\n", "\\\n", "\n"))
            text += rng.choice(REDIRECTS) if rng.random() < 0.2 else _word(rng, nasty)
        if rng.random() < 0.06:
            body = rng.choice(BODIES)
            if rng.random() < 0.5:
                text += f" \"$(cat <<'EOF'\n{body}EOF\n)\""
            else:
                text += " " + rng.choice(("<<'EOF'", '<<"EOF"', "<<'EOF' >o1", "<<EOF", "<<-'EOF'"))
                heredocs.append(body + "EOF\n")
        if rng.random() < 0.8 and heredocs:
            text += "\n" + heredocs.pop()
        elif rng.random() < 0.8:
            text += rng.choice(JOINERS[:5] if rng.random() > nasty else JOINERS)
    return re.sub(r"[ ;|&]+\Z", "", text) if rng.random() < 0.7 else text


def _word(rng: random.Random, nasty: float) -> str:
    if rng.random() > nasty:
        return rng.choice(PIECES[:44])
    return "".join(rng.choice(PIECES) for _ in range(rng.randrange(1, 4)))


@dataclass(frozen=True)
class Difference:
    shell: str
    line: str
    expected: str
    found: str


def read_lines(seed: int, wanted: int) -> Iterator[tuple[str, Sequence[SimpleCommand]]]:
    """Lines that the policy reads, as many as wanted."""
    rng = random.Random(seed)
    while wanted:
        line = random_line(rng)
        try:
            commands = simple_commands(line)
        except NotPlain:
            continue
        if is_comparable(commands):
            yield line, commands
            wanted -= 1


def is_comparable(commands: Sequence[SimpleCommand]) -> bool:
    """Whether every command is one of ours, files are read that exist and made that do not, and those that a wildcard meets are known before the line runs, and there is one."""
    if any(command.words and command.words[0].text not in NAMES for command in commands):
        return False
    for redirect in (redirect for command in commands for redirect in command.redirects):
        known = redirect.path in FILES
        if known == redirect.write or (redirect.write and not re.fullmatch(r"[^/,.\n*-][^/,\n]*", redirect.path)):
            return False
    filled = [_filled(word) for command in commands for word in command.words if word.wild]
    return not filled or (all(filled) and not any(command.redirects for command in commands))


def expected(commands: Sequence[SimpleCommand]) -> str:
    """The record of these commands; each succeeds, so that what follows ``||`` is not run."""
    calls: list[str] = []
    made: set[str] = set()
    skipped = False
    for command in commands:
        skipped = command.joiner == "||" or (skipped and command.joiner == "|")
        if skipped:
            continue
        made |= {redirect.path for redirect in command.redirects if redirect.write}
        if command.words:
            words = [text for word in command.words for text in (_filled(word) if word.wild else [word.text])]
            calls.append("\x1f".join([*words, "<" + (command.heredoc or "").rstrip("\n")]))
    return "\x1e".join(sorted(calls)) + "\x1d" + ",".join(sorted(made))


def _filled(word: Word) -> list[str]:
    shown = {"*": ".*", "?": "."}
    pieces = (shown[char] if at in word.wild else re.escape(char) for at, char in enumerate(word.text))
    pattern = re.compile("".join(pieces), re.DOTALL)
    return sorted(name for name in FILES if pattern.fullmatch(name) and (name[0] != "." or word.text[0] == "."))


HARNESS = """
record() {
    body=; IFS= read -r -d '' body
    local IFS="$US"; local all="$*$US<${body%$NL}$RS"
    printf '%s' "${all//$NL/$VT}" >&8
}
NL='
'
function cat { body=; IFS= read -r -d '' body; printf '%s' "$body"; }
FUNCTIONS
while IFS= read -r -d '' line <&7; do
    builtin eval "$line" </dev/null >/dev/null 2>/dev/null
    printf '\\035' >&8
    for made in *; do case $made in f1|f2.py|-x|'g h') ;; *) printf '%s,' "$made" >&8; REMOVE "$made" ;; esac; done
    printf '\\034' >&8
done
"""


def records(shell: str, lines: Sequence[str], folder: Path) -> list[str]:
    """What one process of this shell makes of each line."""
    folder.mkdir()
    for name in FILES:
        (folder / name).write_text("")
    asked, answer = folder.parent / f"{folder.name}.lines", folder.parent / f"{folder.name}.records"
    asked.write_bytes(b"".join(line.encode() + b"\0" for line in lines))
    functions = "\n".join(f'function {name} {{ record {name} "$@"; }}' for name in NAMES)
    unmatched = "setopt nonomatch\n" if shell == "zsh" else ""
    script = unmatched + HARNESS.replace("FUNCTIONS", functions).replace("REMOVE", "/bin/rm -f --")
    command = f"exec 7<'{asked}' 8>>'{answer}'; builtin eval \"$SCRIPT\""
    subprocess.run(
        [shutil.which(shell) or shell, *SHELLS[shell], "-c", command], cwd=folder, env={"PATH": "/nonexistent", "SCRIPT": script, "US": "\x1f", "RS": "\x1e", "VT": "\v", "LC_ALL": "C.UTF-8"},
        capture_output=True, timeout=600, check=False,
    )  # fmt: skip
    found = answer.read_bytes().decode(errors="replace").replace("\v", "\n").split("\x1c")
    assert found.pop() == ""
    return [_in_order(record) for record in found]


def _in_order(record: str) -> str:
    calls, _, made = record.partition("\x1d")
    return "\x1e".join(sorted(calls.split("\x1e")[:-1])) + "\x1d" + ",".join(sorted(made.split(",")[:-1]))


def differences(seed: int, wanted: int, folder: Path) -> list[Difference]:
    """Lines on which a shell differs from the reading, among ``wanted`` lines that are read."""
    batch = [(line, expected(commands)) for line, commands in read_lines(seed, wanted)]
    lines = [line for line, _ in batch]
    different = []
    for shell in SHELLS:
        found = records(shell, lines, folder / f"{shell}-{seed}")
        assert len(found) == len(lines), f"{shell} ended after {len(found)} of {len(lines)} lines"
        pairs = zip(batch, found, strict=True)
        different += [Difference(shell, line, wanted, got) for (line, wanted), got in pairs if wanted != got]
    return different
