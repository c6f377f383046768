"""The timeline as an SVG: one lane per agent, its states as bars, actions as marks. No text is trusted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from xml.sax.saxutils import escape

from fleetscripts.core.records.sanitize import fit, sanitize
from fleetscripts.core.reports.timeline import Sign, Span, TimelineLane

WIDTH, LEFT, RIGHT = 1080, 232, 28
TOP, LANE, BAR, NARROWEST_BAR = 104, 46, 20, 1.2
BELOW = 74
NAME_COLUMNS, PLACE_COLUMNS = 23, 32
"""What stands before a lane without reaching into it."""

SIGN_WIDTH = 17
"""Overlapping signs are put side by side while that is near their time; else one stands for all."""

MOST_ASIDE = 1.5 * SIGN_WIDTH
MOST_TOLD = 20
NAMES = {
    "running": ("at work", "#43a673"),
    "waiting_approval": ("asks", "#e5b02f"),
    "rate_limited": ("at a limit", "#9a6fd8"),
    "idle": ("client ended", "#e2863c"),
    "stuck": ("no progress", "#cf6a2c"),
    "escalated": ("escalated", "#d24b4b"),
    "complete": ("says done", "#74b9e8"),
    "pending_evaluation": ("verified", "#3f86cf"),
    "done": ("done", "#2b5c9e"),
}
"""State → its word in the legend and its colour, in the order of the legend."""

OTHER = ("other", "#a9b1ba")
MARKS = {
    "rescue": ("↻", "#ffffff", "#b4541a", "rescued"),
    "verified": ("✓", "#ffffff", "#2f6fb3", "verified"),
    "missing": ("✗", "#ffffff", "#b93a3a", "refused"),
    "asked": ("!", "#3a2c00", "#f2c94c", "a decision"),
    "told": ("›", "#ffffff", "#5d6b7a", "told, answered"),
    "judged": ("★", "#ffffff", "#2b5c9e", "judged good"),
    "recycled": ("■", "#ffffff", "#7a8794", "recycled"),
}
GRAVEST_FIRST = ("asked", "missing", "recycled", "judged", "verified", "rescue", "told")
"""Which sign represents several in one place."""

STEPS_SECONDS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400)
MOST_TICKS = 9

Place = Callable[[float], float]


def timeline_svg(lanes: Sequence[TimelineLane], now: float, title: str = "Agent fleet") -> str:
    """The whole picture; valid without any agent."""
    begun, ended = _extent(lanes, now)
    height = TOP + LANE * max(len(lanes), 1) + BELOW
    inside = WIDTH - LEFT - RIGHT

    def x(at: float) -> float:
        return LEFT + inside * (min(max(at, begun), ended) - begun) / (ended - begun)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        'role="img" font-family="system-ui, -apple-system, Segoe UI, Helvetica, Arial, sans-serif">',
        f"<title>{_text(title)}: who did what when</title>",
        f'<rect x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1}" rx="12" fill="#fbfcfd" stroke="#d5dbe1"/>',
        f'<text x="28" y="40" font-size="19" font-weight="600" fill="#1f2933">{_text(title)}</text>',
        f'<text x="28" y="62" font-size="12.5" fill="#66727f">{_text(_when(begun, ended))}</text>',
        *_axis(begun, ended, x, len(lanes)),
    ]
    for number, lane in enumerate(lanes):
        parts += _lane(lane, TOP + LANE * number, x)
    if not lanes:
        parts.append(f'<text x="{LEFT}" y="{TOP + 26}" font-size="13" fill="#66727f">nothing has happened yet</text>')
    parts += _legend(lanes, height - BELOW + 36)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _extent(lanes: Sequence[TimelineLane], now: float) -> tuple[float, float]:
    times = [at for lane in lanes for span in lane.spans for at in (span.begun, span.ended)]
    times += [mark.at for lane in lanes for mark in lane.marks]
    begun, ended = (min(times), max(times)) if times else (now - 60, now)
    margin = max((ended - begun) * 0.015, 0.5)
    return begun - margin, ended + margin


def _when(begun: float, ended: float) -> str:
    first, last = (datetime.fromtimestamp(at).astimezone() for at in (begun, ended))
    same_day = f"{first:%Y-%m-%d}" == f"{last:%Y-%m-%d}"
    return (
        f"{first:%Y-%m-%d %H:%M:%S} – {last:%H:%M:%S}" if same_day else f"{first:%Y-%m-%d %H:%M} – {last:%m-%d %H:%M}"
    )


def _axis(begun: float, ended: float, x: Place, count: int) -> list[str]:
    span = ended - begun
    step = next((size for size in STEPS_SECONDS if span / size <= MOST_TICKS), STEPS_SECONDS[-1] * (span // 777600 + 1))
    form = "%H:%M:%S" if step < 60 else "%H:%M" if step < 86400 else "%m-%d"
    bottom = TOP + LANE * max(count, 1)
    parts = []
    at = begun - begun % step + step
    while at < ended:
        label = datetime.fromtimestamp(at).astimezone().strftime(form)
        parts.append(
            f'<line x1="{x(at):.1f}" y1="{TOP - 8}" x2="{x(at):.1f}" y2="{bottom}" stroke="#e4e9ee"/>'
            f'<text x="{x(at):.1f}" y="{TOP - 14}" font-size="11" fill="#8794a1" text-anchor="middle">{label}</text>'
        )
        at += step
    return parts


def _lane(lane: TimelineLane, top: float, x: Place) -> list[str]:
    middle = top + LANE / 2
    name, place = _label(lane.name, NAME_COLUMNS), _label(lane.place, PLACE_COLUMNS)
    parts = [
        f'<text x="28" y="{middle - 2:.1f}" font-size="13" font-weight="600" fill="#1f2933">{name}</text>',
        f'<text x="28" y="{middle + 13:.1f}" font-size="11" fill="#8794a1">{place}</text>',
    ]
    return [*parts, *_bars(lane.spans, middle - BAR / 2, x), *_signs(lane.marks, middle, x)]


def _bars(spans: Sequence[Span], top: float, x: Place) -> list[str]:
    """The visible ones: of those shorter than a point only the first."""
    parts, free = [], 0.0
    for span in spans:
        if x(span.ended) > free:
            parts.append(_bar(span, top, x))
            free = max(x(span.ended), x(span.begun) + NARROWEST_BAR)
    return parts


def _signs(marks: Sequence[Sign], middle: float, x: Place) -> list[str]:
    """A sign for each mark, or one for those too many for their place; notifications give way."""
    placed: list[tuple[float, list[Sign]]] = []
    free = 0.0
    for mark in marks:
        small, at = mark.kind == "told", x(mark.at)
        place = max(at, free)
        if placed and place > at and (small or place - at > MOST_ASIDE or place > WIDTH - RIGHT):
            if not small:
                placed[-1][1].append(mark)
            continue
        placed.append((place, [mark]))
        free = place + (9 if small else SIGN_WIDTH)
    return [_sign(together, place, middle) for place, together in placed]


def _bar(span: Span, top: float, x: Place) -> str:
    word, colour = NAMES.get(span.state, OTHER)
    width = max(x(span.ended) - x(span.begun), NARROWEST_BAR)
    about = _text(f"{word}, {span.ended - span.begun:.0f} s ({span.state})")
    return (
        f'<rect x="{x(span.begun):.1f}" y="{top:.1f}" width="{width:.1f}" height="{BAR}" rx="3" fill="{colour}">'
        f"<title>{about}</title></rect>"
    )


def _sign(together: Sequence[Sign], x: float, middle: float) -> str:
    mark = min(together, key=lambda one: GRAVEST_FIRST.index(one.kind))
    sign, ink, fill, _ = MARKS[mark.kind]
    words = "&#10;".join(_text(one.words) for one in together[:MOST_TOLD])
    more = f"&#10;and {len(together) - MOST_TOLD} more" if len(together) > MOST_TOLD else ""
    radius = 4.5 if mark.kind == "told" else 8
    shown = "" if mark.kind == "told" else _centred(sign, x, middle + 4, ink)
    return (
        f'<g><title>{words}{more}</title><circle cx="{x:.1f}" cy="{middle:.1f}" r="{radius}" fill="{fill}" '
        f'stroke="#ffffff" stroke-width="1.5"/>{shown}</g>'
    )


def _centred(sign: str, x: float, y: float, ink: str) -> str:
    style = f'font-size="11" font-weight="700" fill="{ink}" text-anchor="middle"'
    return f'<text x="{x:.1f}" y="{y:.1f}" {style}>{sign}</text>'


def _legend(lanes: Sequence[TimelineLane], y: float) -> list[str]:
    """Only what the picture shows."""
    states = {span.state for lane in lanes for span in lane.spans}
    kinds = {mark.kind for lane in lanes for mark in lane.marks}
    parts, x = [], 28.0
    for state, (word, colour) in NAMES.items():
        if state in states:
            parts.append(f'<rect x="{x:.1f}" y="{y - 10:.1f}" width="14" height="12" rx="3" fill="{colour}"/>')
            parts.append(f'<text x="{x + 20:.1f}" y="{y:.1f}" font-size="12" fill="#4a5663">{word}</text>')
            x += 36 + 6.7 * len(word)
    x, y = 28.0, y + 24
    for kind, (sign, ink, fill, word) in MARKS.items():
        if kind in kinds:
            shown = "" if kind == "told" else _centred(sign, x + 7, y, ink)
            radius = 4.5 if kind == "told" else 8
            parts.append(f'<circle cx="{x + 7:.1f}" cy="{y - 4:.1f}" r="{radius}" fill="{fill}"/>{shown}')
            parts.append(f'<text x="{x + 21:.1f}" y="{y:.1f}" font-size="12" fill="#4a5663">{word}</text>')
            x += 40 + 6.7 * len(word)
    return parts


def _label(text: str, columns: int) -> str:
    return escape(fit(sanitize(text), columns))


def _text(text: str) -> str:
    return escape(sanitize(text))
