"""The two charts that need axes, drawn by matplotlib as inline SVG.

Colours are placeholders that become CSS variables, so that a chart follows the scheme of the page; text stays text
in the page's font. The settings are matplotlib's own defaults, whatever the user's are, with a fixed salt for the
ids and no date: the same figures give the same bytes. The figures are objects; pyplot is never touched.
"""

from __future__ import annotations

import html
import io
import math
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from crossentropy.evaluation import Calibration, ReliabilityBin
from crossentropy.report._numbers import short
from crossentropy.report._summary import Penalty

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, SOFT, LINE, ACCENT, PAPER = "#010203", "#010204", "#010205", "#010206", "#010207"
_VARIABLES = {INK: "--ink", SOFT: "--soft", LINE: "--line", ACCENT: "--accent", PAPER: "--paper"}
_LARGEST = 1e6  # a loss beyond this is no measurement, and would flatten every other
_WIDTH = 4.5  # inches of 72 units: narrow, so that the text is still legible on a phone

_SETTINGS = {
    "svg.fonttype": "none",
    "svg.hashsalt": "crossentropy",
    "text.parse_math": False,
    "font.size": 11,
    "axes.edgecolor": SOFT,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": LINE,
    "grid.linewidth": 0.8,
    "text.color": INK,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
}


def reliability_chart(calibration: Calibration, title: str) -> str:
    """Return the reliability diagram (accuracy against confidence, with intervals) over the rows at each confidence."""
    bins = [b for b in calibration.bins if b.rows and _drawable(b)]
    if not bins:
        return ""

    def draw(figure: Figure) -> None:
        top, below = figure.subplots(2, 1, sharex=True, height_ratios=[5, 1])
        steps = calibration.density or (0,)
        some = next((i for i, rows in enumerate(steps) if rows), len(steps))
        lowest = min(some / len(steps), *(min(b.confidence, b.accuracy.low) for b in bins))
        start = max(0.0, math.floor(lowest * 10 - 0.2) / 10)
        top.plot([start, 1], [start, 1], color=SOFT, linewidth=1, linestyle=(0, (4, 3)))
        confidence = [b.confidence for b in bins]
        accuracy = [b.accuracy.value for b in bins]
        for b in bins:
            top.plot(
                [b.confidence] * 2, [b.accuracy.low, b.accuracy.high], color=ACCENT, linewidth=1.5, alpha=0.45
            )
        top.plot(confidence, accuracy, "o", color=ACCENT, markersize=6, markeredgecolor=PAPER)
        margin = 0.03 * (1 - start)
        top.set(xlim=(start - margin, 1 + margin), ylim=(start - margin, 1 + margin))
        top.set_ylabel("how often it was right")
        # not those left of the axes, which would stick out of the drawing
        first = min(math.ceil(start * len(steps) - 1e-9), len(steps) - 1)
        ends = [i / len(steps) for i in range(first, len(steps) + 1)]
        below.stairs(steps[first:], ends, fill=True, color=SOFT)
        below.set_ylim(bottom=0)
        below.set(ylabel="rows", xlabel="how sure it said it was")
        below.yaxis.get_major_locator().set_params(nbins=2, integer=True)
        for axis in (top.xaxis, top.yaxis):
            axis.set_major_formatter(lambda value, _: f"{100 * value:.0f} %")
        _grid(top)
        figure.align_ylabels()

    return _svg(draw, 4.6, "reliability", title)


def path_chart(penalty: Penalty, title: str) -> str:
    """Return the held-out loss along the path of C, with standard errors and the chosen point."""
    points = [p for p in penalty.path if abs(p.loss) < _LARGEST and 0 < p.C < math.inf]
    if len(points) < 2:
        return ""

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        # a linear axis of ln C: a log axis would choose ticks of its own
        places, losses = [math.log(p.C) for p in points], [p.loss for p in points]
        for place, p in zip(places, points, strict=True):
            if abs(p.standard_error) < _LARGEST:
                ends = [p.loss - p.standard_error, p.loss + p.standard_error]
                axes.plot([place] * 2, ends, color=ACCENT, linewidth=1.5, alpha=0.45)
        axes.plot(places, losses, color=ACCENT, linewidth=1.5)
        axes.plot(places, losses, "o", color=ACCENT, markersize=5, markeredgecolor=PAPER)
        chosen = [(place, p.loss) for place, p in zip(places, points, strict=True) if p.C == penalty.C]
        for place, loss in chosen:
            axes.plot([place], [loss], "o", markersize=13, markerfacecolor="none", markeredgecolor=INK)
        step = max(1, math.ceil(len(points) / 6))
        axes.set_xticks(places[::step], [short(p.C) for p in points[::step]])
        axes.set(xlabel="C (larger: closer to the training rows)", ylabel="held-out loss (nats)")
        _grid(axes)

    return _svg(draw, 2.9, "path", title)


def _drawable(b: ReliabilityBin) -> bool:
    return all(0 <= share <= 1 for share in (b.confidence, b.accuracy.low, b.accuracy.value, b.accuracy.high))


def _grid(axes: Axes) -> None:
    axes.grid(visible=True)
    axes.set_axisbelow(True)
    axes.tick_params(length=0)


def _svg(draw: Callable[[Figure], None], height: float, name: str, title: str) -> str:
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    settings: Any = {  # matplotlib's hints want each key as a literal
        key: value
        for key, value in matplotlib.rcParamsDefault.items()
        if not key.startswith(("backend", "date."))
    }
    buffer = io.StringIO()
    with matplotlib.rc_context(settings | _SETTINGS):
        figure = Figure(figsize=(_WIDTH, height), layout="constrained")
        FigureCanvasSVG(figure)
        draw(figure)
        nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        figure.savefig(buffer, format="svg", transparent=True, metadata=nothing)
    return _inline(buffer.getvalue(), name, title)


def _inline(svg: str, name: str, title: str) -> str:
    """Make the drawing a part of a page: no prologue, colours and fonts of the page, ids of its own, a title."""
    svg = svg[svg.index("<svg") :].strip()
    svg = re.sub(r"<metadata>.*?</metadata>\s*", "", svg, flags=re.DOTALL)
    svg = re.sub(r"<style.*?</style>\s*", "", svg, flags=re.DOTALL)
    svg = re.sub(r"<!--.*?-->\s*", "", svg, flags=re.DOTALL)
    for placeholder, variable in _VARIABLES.items():
        svg = svg.replace(placeholder, f"var({variable})")
    svg = re.sub(r"font: ([\d.]+px)[^;\"]*", r"font-size: \1", svg)
    svg = re.sub(r"font-family: [^;\"]*;?", "", svg)
    svg = re.sub(r'\bid="', f'id="{name}-', svg)
    svg = re.sub(r'href="#', f'href="#{name}-', svg)
    svg = re.sub(r"url\(#", f"url(#{name}-", svg)
    box = re.search(r'viewBox="([^"]*)"', svg)
    if box is None:
        return ""
    head = (
        f'<svg class="chart" viewBox="{box.group(1)}" role="img" aria-labelledby="{name}-title">'
        f'<title id="{name}-title">{html.escape(title)}</title>'
    )
    return head + svg[svg.index(">") + 1 :].lstrip()
