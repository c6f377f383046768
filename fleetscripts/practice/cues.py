r"""Cues: a scripted model's reaction to texts that contain no script.

``PRACTICE_MODEL_CUES`` a JSON file of ``[PATTERN, SCRIPT]`` pairs: the first pattern found in such a text is its cue,
and ``\g<NAME>`` in the script stands for the pattern's group. ``PRACTICE_MODEL_HEARD`` a file: the texts of each
request are appended to it, a JSON array per line."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from fleetscripts.dataclass import dataclass
from fleetscripts.practice.progress import Piece, PieceKind
from fleetscripts.practice.script import steps_in


@dataclass(frozen=True, slots=True)
class Cues:
    """The pairs, and the file for received texts (None for no file)."""

    pairs: tuple[tuple[re.Pattern[str], str], ...] = ()
    heard: Path | None = None

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> Cues:
        """The cues that the environment names."""
        file, heard = environ.get("PRACTICE_MODEL_CUES"), environ.get("PRACTICE_MODEL_HEARD")
        pairs = json.loads(Path(file).read_text(encoding="utf-8")) if file else []
        compiled = tuple((re.compile(pattern, re.S), script) for pattern, script in pairs)
        return cls(compiled, Path(heard) if heard else None)

    def followed(self, pieces: Sequence[Piece]) -> list[Piece]:
        """A conversation in which the user's cues are replaced by their scripts."""
        return [
            Piece(PieceKind.USER, self._script(piece.text)) if piece.kind is PieceKind.USER else piece
            for piece in pieces
        ]

    def keep(self, pieces: Sequence[Piece]) -> None:
        """Append the texts of a request to the file."""
        if self.heard is not None:
            with self.heard.open("a", encoding="utf-8") as file:
                file.write(json.dumps([piece.text for piece in pieces if piece.kind is PieceKind.USER]) + "\n")

    def _script(self, text: str) -> str:
        if self.pairs and not steps_in(text):
            for pattern, script in self.pairs:
                if match := pattern.search(text):
                    return match.expand(script)
        return text
