"""Bars as SVG: panels side by side, readable on light and on dark pages, with nothing but text."""
from html import escape
from typing import NamedTuple

WIDTH, COLUMNS, MARGIN = 880, 2, 14
LABEL, VALUE = 126, 84  # widths left and right of the bars
BAR, STEP, HEAD = 15, 21, 46
LEGEND = 30
# Of a bar that would be more than this many times the reference's only the beginning is drawn.
CUT_FACTOR = 6
TEXT = "#6e7781"  # on white and on black alike
KINDS = {"ours": ("#2f81f7", "flowsensor"), "least": ("#8b949e", "the least it can cost"),
         "labels": ("#d2802b", "labels applications"), "counts": ("#57a773", "counters only")}


class Bar(NamedTuple):
    label: str
    value: float
    kind: str
    text: str  # what stands behind it


class Panel(NamedTuple):
    title: str
    note: str
    bars: list

    @property
    def height(self):
        return HEAD + STEP * len(self.bars) + MARGIN


def longest(bars):
    """The value of a full bar: the largest that isn't cut."""
    reference = max((bar.value for bar in bars if bar.kind == "ours"), default=0) or max(bar.value for bar in bars)
    return max(bar.value for bar in bars if bar.value <= CUT_FACTOR * reference) or 1


def text(x, y, words, size=12, anchor="start", weight="normal"):
    return f'<text x="{x:g}" y="{y:g}" font-size="{size}" text-anchor="{anchor}" font-weight="{weight}">{escape(words)}</text>'


def draw_bar(bar, x, y, room, full):
    """A bar with its label and value. One that is cut ends in two slanted pieces."""
    color = KINDS[bar.kind][0]
    weight = "bold" if bar.kind == "ours" else "normal"
    width = max(room * min(bar.value / full, 1), 1)
    parts = [text(x - 6, y + BAR - 3, bar.label, anchor="end", weight=weight)]
    if bar.value > full:
        end, low = x + room, y + BAR
        parts.append(f'<path fill="{color}" d="M{x:g} {y:g}H{end - 18:g}L{end - 24:g} {low:g}H{x:g}Z'
                     f'M{end - 12:g} {y:g}H{end:g}V{low:g}H{end - 18:g}Z"/>')
    else:
        parts.append(f'<rect x="{x:g}" y="{y:g}" width="{width:.1f}" height="{BAR}" fill="{color}"/>')
    parts.append(text(x + width + 6, y + BAR - 3, bar.text, weight=weight))
    return parts


def draw_panel(panel, x, y, width):
    room = width - LABEL - VALUE
    parts = [text(x, y + 16, panel.title, size=14, weight="bold"), text(x, y + 33, panel.note, size=11)]
    full = longest(panel.bars)
    for index, bar in enumerate(panel.bars):
        parts += draw_bar(bar, x + LABEL, y + HEAD + index * STEP, room, full)
    return parts


def draw_legend(panels, y):
    kinds = [kind for kind in KINDS if any(bar.kind == kind for panel in panels for bar in panel.bars)]
    parts, x = [], MARGIN
    for kind in kinds:
        color, words = KINDS[kind]
        parts += [f'<rect x="{x}" y="{y}" width="12" height="12" fill="{color}"/>', text(x + 18, y + 11, words)]
        x += 40 + 7 * len(words)
    return parts


def draw(title, panels):
    """The SVG document of panels, row by row."""
    panels = [panel for panel in panels if panel.bars]
    width = (WIDTH - MARGIN * (COLUMNS + 1)) / COLUMNS
    parts, y = [], MARGIN
    for first in range(0, len(panels), COLUMNS):
        row = panels[first:first + COLUMNS]
        for column, panel in enumerate(row):
            parts += draw_panel(panel, MARGIN + column * (width + MARGIN), y, width)
        y += max(panel.height for panel in row)
    parts += draw_legend(panels, y)
    height = y + LEGEND
    head = (f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}" role="img"'
            f' font-family="system-ui, sans-serif" fill="{TEXT}">\n<title>{escape(title)}</title>\n')
    return head + "\n".join(parts) + "\n</svg>\n"
