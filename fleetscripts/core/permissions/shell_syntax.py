"""The simple commands inside one shell line, read with a real grammar. Whatever could hide a command is refused."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, replace
from functools import cache

import tree_sitter_bash
from tree_sitter import Language, Node, Parser

MAX_BYTES = 8_192
MAX_DEPTH = 50


class NotPlain(Exception):
    """The line holds something whose effect cannot be read off its text; the message names it."""


@dataclass(frozen=True, slots=True)
class Redirect:
    """One redirection: ``write`` tells whether the file would be changed."""

    path: str
    write: bool


@dataclass(frozen=True, slots=True)
class SimpleCommand:
    """One command as the shell would run it: literal words only."""

    words: tuple[str, ...]
    assignments: tuple[tuple[str, str], ...] = ()
    redirects: tuple[Redirect, ...] = ()
    certain: bool = False
    """Joined to what follows by ``&&`` alone: a ``cd`` here surely holds there. Elsewhere it may or may not."""


@cache
def _parser() -> Parser:
    return Parser(Language(tree_sitter_bash.language()))


def simple_commands(line: str) -> tuple[SimpleCommand, ...]:
    """Every simple command in ``line``, in order. Raises ``NotPlain`` where the line is more than plain commands."""
    _refuse_odd_characters(line)
    source = line.encode()
    if len(source) > MAX_BYTES:
        raise NotPlain("a command this long is not judged")
    tree = _parser().parse(source)
    if tree.root_node.has_error:
        raise NotPlain("the shell grammar does not read it cleanly")
    found: list[SimpleCommand] = []
    _statements(tree.root_node, found, True, 0)
    if not found:
        raise NotPlain("there is no command in it")
    return tuple(found)


def _refuse_odd_characters(line: str) -> None:
    for char in line:
        if char in "\n\t":
            continue
        if unicodedata.category(char) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"} or (char.isspace() and char != " "):
            raise NotPlain(f"an invisible or control character (U+{ord(char):04X}) stands in it")


def _statements(node: Node, found: list[SimpleCommand], certain: bool, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise NotPlain("it is nested too deeply")
    match node.type:
        case "program":
            alone = sum(child.type != "comment" for child in node.named_children) == 1
            _children(node, found, certain and alone, depth)
        case "list":
            only_and = all(child.is_named or child.type == "&&" for child in node.children)
            _children(node, found, certain and only_and, depth)
        case "pipeline":
            _children(node, found, False, depth)
        case "command":
            found.append(_command(node, certain))
        case "redirected_statement":
            body = node.child_by_field_name("body")
            if body is None or body.type not in {"command", "list", "pipeline"}:
                raise NotPlain("it redirects something other than a command")
            _statements(body, found, certain, depth + 1)
            extra = tuple(r for r in map(_redirect, node.children_by_field_name("redirect")) if r)
            found[-1] = replace(found[-1], redirects=found[-1].redirects + extra)
        case "comment":
            return
        case _:
            raise NotPlain(f"it holds {_words(node.type)}")


_JOINERS = {"&&", "||", ";", "\n", "|"}


def _children(node: Node, found: list[SimpleCommand], certain: bool, depth: int) -> None:
    for child in node.children:
        if child.is_named:
            _statements(child, found, certain, depth + 1)
        elif child.type not in _JOINERS:
            raise NotPlain(f"it holds {child.type!r}")


def _command(node: Node, certain: bool) -> SimpleCommand:
    words: list[str] = []
    assignments: list[tuple[str, str]] = []
    own: list[Redirect] = []
    for child in node.children:
        match child.type:
            case "command_name":
                words.append(_literal(child.children[0]))
            case "variable_assignment":
                assignments.append(_assignment(child))
            case "file_redirect":
                redirect = _redirect(child)
                if redirect:
                    own.append(redirect)
            case _:
                words.append(_literal(child))
    return SimpleCommand(tuple(words), tuple(assignments), tuple(own), certain)


def _assignment(node: Node) -> tuple[str, str]:
    name, value = node.child_by_field_name("name"), node.child_by_field_name("value")
    if name is None or name.type != "variable_name" or any(child.type == "+=" for child in node.children):
        raise NotPlain("it assigns in a way that is not judged")
    return _text(name), _literal(value) if value is not None else ""


def _redirect(node: Node) -> Redirect | None:
    """A redirection to a literal file; None for one that only joins streams, as ``2>&1`` does."""
    if node.type != "file_redirect":
        raise NotPlain(f"it holds {_words(node.type)}")
    operator = next((child.type for child in node.children if not child.is_named), "")
    target = node.child_by_field_name("destination")
    if target is None:
        raise NotPlain("a redirection has no target")
    path = _literal(target)
    if operator in {">&", "<&"}:
        if path in {"0", "1", "2"}:
            return None
        raise NotPlain("it redirects to a stream that is not judged")
    if operator not in {">", ">>", "<", "&>", "&>>", ">|"}:
        raise NotPlain(f"it redirects with {operator!r}")
    if path == "/dev/null":
        return None
    return Redirect(path, write=operator != "<")


def _literal(node: Node) -> str:
    """The exact word the shell would pass on, or ``NotPlain`` when that depends on anything but the text."""
    match node.type:
        case "word" | "number":
            if node.named_child_count:
                raise NotPlain("a word holds an expansion")
            return _unquoted(_text(node))
        case "raw_string":
            return _text(node)[1:-1]
        case "string":
            if any(child.type != "string_content" for child in node.named_children):
                raise NotPlain("a quoted text holds a substitution or a variable")
            return _double_quoted(_text(node)[1:-1])
        case "concatenation":
            return "".join(_literal(child) for child in node.children)
        case _:
            raise NotPlain(f"it holds {_words(node.type)}")


def _unquoted(text: str) -> str:
    if text.startswith("~") or "=~" in text or ":~" in text:
        raise NotPlain("a word begins at somebody's home (~)")
    out, chars = [], iter(text)
    for char in chars:
        if char == "\\":
            following = next(chars, "")
            out.append("" if following == "\n" else following)
        elif char in "*?[]{}$`!":
            raise NotPlain(f"the shell would expand {char!r} in it")
        else:
            out.append(char)
    return "".join(out)


def _double_quoted(text: str) -> str:
    out, chars = [], iter(text)
    for char in chars:
        if char in "$`":
            raise NotPlain("a quoted text holds a substitution or a variable")
        if char == "\\":
            following = next(chars, "")
            out.append({"\n": ""}.get(following, following if following in '$`"\\' else "\\" + following))
        else:
            out.append(char)
    return "".join(out)


def _text(node: Node) -> str:
    return (node.text or b"").decode()


def _words(node_type: str) -> str:
    return "a " + node_type.replace("_", " ")
