"""Every number in the text, every bar, curve and point: what the formula gives, written here once more."""

import math
import re

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from crossentropy.learn import CHAPTERS, _models, _page
from crossentropy.report import figure
from tests.learn.conftest import Reader
from tests.learn.test_chapters import number
from tests.learn.test_page import FULL

DRAWN = """(id) => {
  const svg = document.getElementById(id), n = (e, ...names) => names.map((name) => Number(e.getAttribute(name)));
  const grid = [...svg.querySelectorAll('line.grid')].map((e) => n(e, 'x1', 'x2', 'y1', 'y2'));
  return {
    across: grid.filter(([a, b]) => a === b).map(([a]) => a),
    down: grid.filter(([a, b]) => a !== b).map(([, , y]) => y),
    marks: [...svg.querySelectorAll('circle')].map((e) => [e.getAttribute('class'), ...n(e, 'cx', 'cy')]),
    lines: [...svg.querySelectorAll('polyline')].map((e) => [e.getAttribute('class'),
      e.getAttribute('points').split(' ').map((p) => p.split(',').map(Number))]),
    cells: [...svg.querySelectorAll('rect[fill-opacity]')].map((e) => e.getAttribute('class')),
  };
}"""
# all that a chapter shows but the values beside its controls
SHOWN = """() => {
  const s = document.querySelector('section.chapter:not([hidden])').cloneNode(true);
  s.querySelectorAll('output, [hidden]').forEach((e) => e.remove());
  return [s.textContent, ...[...s.querySelectorAll('svg')].map((e) => e.innerHTML),
          ...[...document.querySelectorAll('section.chapter:not([hidden]) canvas')].map((e) => e.toDataURL()),
          ...[...s.querySelectorAll('[style]')].map((e) => e.getAttribute('style'))].join('|');
}"""


def four(value):
    return f"{value:.4f}".replace("-", "−")


def significant(value):
    return figure(value).replace("-", "−")


def sigmoid(o):
    return 1 / (1 + math.exp(-o))


def entropy(shares):
    return -sum(q * math.log(q) for q in shares if q)


def slope(logits, k, *, twice):
    z = torch.tensor(logits, dtype=torch.float64, requires_grad=True)
    loss = F.cross_entropy(z.softmax(0) if twice else z, torch.tensor(k))
    loss.backward()
    return loss.item(), z.grad[k].item()


def told(reader):
    text = reader.page.locator("section.chapter:visible").text_content()
    return re.sub(r"[\s\u00a0]+", " ", text)


def drawn(reader, name, x, y):
    """The marks and curves of a picture in figures, by the first and the last line of its grid."""
    it = reader.page.evaluate(DRAWN, name)

    def at(px, py):
        (left, right), (low, high) = ((it[k][0], it[k][-1]) for k in ("across", "down"))
        return (
            x[0] + (px - left) / (right - left) * (x[1] - x[0]),
            y[0] + (py - low) / (high - low) * (y[1] - y[0]),
        )

    return (
        [(kind, *at(px, py)) for kind, px, py in it["marks"]],
        {kind: np.array([at(*p) for p in points]) for kind, points in it["lines"]},
        it["cells"],
    )


def width(reader, name):
    style = reader.page.locator(f"section.chapter:visible [data-fill='{name}']").first.get_attribute("style")
    return float(re.search(r"width: ([\d.]+)%", style)[1]) / 100


def text_numbers():
    q = np.linspace(0, 1, 100001)
    lie = q[(0.5 * (1 - q) ** 2 + 0.5 * (1 - (1 - q) / 5) ** 2).argmin()]
    s8, data = sigmoid(-8), _page._lesson_figures()[0]
    targets = np.array(data["reading"]["targets"])
    floors = [f"{k:,} classes {four(math.log(1 + (k - 1) / math.e))}" for k in (2, 3, 5, 10, 100, 1000)]
    starved, fed = (slope([0.0, 8.0, 0.0], 0, twice=twice)[1] for twice in (True, False))
    return {
        "sigmoid": [f"from {100 * sigmoid(4):.1f} % to {100 * sigmoid(6):.1f} %"],
        "loss": [
            f"by ln 2 = {four(math.log(2))}; a tenth of it costs ln 10 = {four(math.log(10))} more",
            f"gradient is {four(-2 * s8 * (1 - s8) ** 2)}, the loss’s {four(s8 - 1)}.",
            f"best called {lie:.2f}.",
        ],
        "softmax": [f"above z = {math.log(65504):.2f},"],
        "crossentropy": [f"{four(-math.log(0.2))}. What", f"{four(entropy([0.25, 0.75]))} nats here"],
        "gradient": [f"ln 3 = {four(math.log(3))}:", "Here are 178 real wines"],
        "pytorch": [
            *floors,
            f"for ten classes {four(math.log(1 + 9 / math.e))},",
            f"true logit is {significant(starved)} instead of {significant(fed)}.",
            f"ln(1 + 1/e) = {four(math.log(1 + 1 / math.e))} and ln 2 = {four(math.log(2))},",
            f"between {four(math.log(2))} and ln(1 + e) = {four(math.log(1 + math.e))}.",
        ],
        "reading": [
            f"ln 10 = {four(math.log(10))}: a blind guess",
            f"divided by ln 2 = {four(math.log(2))} it is in bits",
            f"frequencies, H(y), here {four(entropy(np.bincount(targets) / len(targets)))}, hardly less",
            f"it would be {four(entropy([0.99, 0.01]))},",
        ],
    }


@pytest.mark.parametrize(
    "place", ["sigmoid", "loss", "softmax", "crossentropy", "gradient", "pytorch", "reading"]
)
def test_the_numbers_in_the_text_are_what_the_formulas_give(reader, place):
    reader.open(place)
    text = (
        told(reader).replace("classes", " classes ").replace("  ", " ")
    )  # no space stands between dt and dd
    for wanted in text_numbers()[place]:
        assert wanted in text


@pytest.mark.parametrize("place", FULL)
def test_every_control_changes_more_than_its_own_value(reader, place):
    reader.open(place)
    names = reader.page.evaluate(
        """() => [...document.querySelectorAll('section.chapter:not([hidden]) input')]
             .filter((e) => e.type !== 'hidden' && !e.closest('[hidden]'))
             .filter((e) => !(e.type === 'radio' && e.checked)).map((e) => [e.name, e.type, e.value])"""
    )
    assert names
    before = reader.page.evaluate(SHOWN)
    first = reader.page.evaluate("(name) => lesson.chapters[name].state", reader.chapter())
    for name, kind, value in names:
        if kind == "range":
            low, high = reader.control(name).evaluate("(e) => [Number(e.min), Number(e.max)]")
            reader.slide(
                name, low + (0.3 if abs(float(value) - low) > 0.5 * (high - low) else 0.6) * (high - low)
            )
        else:
            option = f"[value='{value}']" if kind == "radio" else ""
            reader.page.locator(f"section.chapter:visible input[name='{name}']{option}").evaluate(
                "(e) => e.click()"
            )
        assert reader.page.evaluate(SHOWN) != before, (place, name, value)
        reader.page.evaluate("([name, state]) => lesson.chapters[name].set(state)", [reader.chapter(), first])
        assert reader.page.evaluate(SHOWN) == before


def test_the_sigmoid_and_its_slope(reader):
    reader.open("sigmoid?line=1")
    for o in (-5.5, -0.5, 3, 7):
        reader.slide("o", o)
        p = sigmoid(o)
        assert reader.said("p") == four(p)
        assert reader.said("mirror") == four(1 - p)
        assert reader.said("slope") == four(p * (1 - p))
        assert number(reader.said("straight")) == pytest.approx(0.5 + o / 4, abs=6e-3)
        marks, lines, _ = drawn(reader, "sigmoid-curve", (-8, 8), (-0.5, 1.5))
        assert marks[-1][1:] == pytest.approx((o, p), abs=1e-3)
        np.testing.assert_allclose(
            lines["curve one"][:, 1], 1 / (1 + np.exp(-lines["curve one"][:, 0])), atol=2e-3
        )


@pytest.mark.parametrize("t", [0, 1])
def test_the_curves_of_the_loss(reader, t):
    for over, x, y in (("p", (0, 1), (0, 5)), ("o", (-8, 8), (0, 8))):
        reader.open(f"loss?t={t}&over={over}&squared=1&o=-1.5")
        p = sigmoid(-1.5)
        marks, lines, _ = drawn(reader, "loss-curve", x, y)
        at = p if over == "p" else -1.5
        assert marks[0][1:] == pytest.approx((at, (t - p) ** 2), abs=1e-2)
        assert marks[1][1:] == pytest.approx((at, -math.log(p if t else 1 - p)), abs=1e-2)
        for kind, cost in (("one", lambda s: -np.log(s)), ("two", lambda s: (1 - s) ** 2)):
            points = lines[f"curve {kind}"]
            points = points[(points[:, 1] < 4.5) & (points[:, 0] > x[0]) & (points[:, 0] < x[1])]
            chance = points[:, 0] if over == "p" else 1 / (1 + np.exp(-points[:, 0]))
            inner = (chance > 0.02) & (chance < 0.98)  # a pixel is worth more beyond
            np.testing.assert_allclose(points[inner, 1], cost(chance if t else 1 - chance)[inner], atol=2e-2)


def test_what_a_report_costs_and_which_is_cheapest(reader):
    costs = {"log": lambda p: -np.log(p), "squared": lambda p: (1 - p) ** 2, "linear": lambda p: 1 - p}
    grid = np.linspace(1e-6, 1 - 1e-6, 100001)
    for game, cost, f, q in ((2, "log", 0.3, 0.6), (6, "squared", 0.6, 0.2), (6, "linear", 0.1, 0.7)):
        reader.open(f"loss?game={game}&cost={cost}&f={f}&q={q}")
        average = f * costs[cost](grid) + (1 - f) * costs[cost]((1 - grid) / (game - 1))
        paid, best = np.interp(q, grid, average), grid[average.argmin()]
        assert f"You say {q:.2f} and pay {paid:.3f} on average. Cheapest is {best:.2f}:" in reader.said(
            "verdict"
        )
        marks, lines, _ = drawn(reader, "loss-honest", (0, 1), (0, 3 if cost == "log" else 1))
        assert marks[1][1:] == pytest.approx((q, paid), abs=1e-2)
        np.testing.assert_allclose(lines["curve two dashed"][:, 0], f, atol=1e-3)


def test_bars_are_as_long_as_their_numbers(reader):
    reader.open("classifier?at=40")
    assert width(reader, "p") == pytest.approx(number(reader.said("p").removesuffix("%")) / 100, abs=6e-4)
    reader.open("classes?w0=2&w1=7&w2=1&w3=5")
    assert [width(reader, f"p{i}") for i in range(4)] == pytest.approx(
        [2 / 15, 7 / 15, 1 / 15, 5 / 15], abs=1e-5
    )
    assert [reader.said(f"p{i}")[:4] for i in range(4)] == ["13.3", "46.7", "6.7\u00a0", "33.3"]
    reader.open("softmax?z0=1&z1=-1&z2=2&z3=0.5&heat=2&half=1")
    p = np.exp(np.array([1, -1, 2, 0.5]) / 2)
    assert [width(reader, f"p{i}") for i in range(4)] == pytest.approx((p / p.sum()).tolist(), abs=1e-5)
    rows = [line.split() for line in reader.page.locator("[data-part='working']").inner_text().splitlines()]
    assert [number(row[1]) for row in rows] == [0.5, -0.5, 1, 0.25]
    reader.open("crossentropy?w0=0.5&w1=0.1&w2=0.3&w3=0.1&y=2&smooth=0.2")
    y, p = [0.05, 0.05, 0.85, 0.05], [0.5, 0.1, 0.3, 0.1]
    parts = [-a * math.log(b) for a, b in zip(y, p, strict=True)]
    rows = [
        line.split()
        for line in reader.page.locator("#crossentropy [data-part='rows']").inner_text().splitlines()
    ]
    assert [number(row[3]) for row in rows] == pytest.approx([-math.log(b) for b in p], abs=6e-5)
    assert [number(row[4]) for row in rows] == pytest.approx(parts, abs=6e-5)
    assert width(reader, "entropy") == pytest.approx(entropy(y) / 2.5, abs=1e-5)
    assert width(reader, "divergence") == pytest.approx((sum(parts) - entropy(y)) / 2.5, abs=1e-5)


@pytest.mark.parametrize("wine", [3, 100, 177])
def test_one_wine_after_some_steps(reader, wine):
    data = _models.wines()
    features, targets = np.array(data["features"]), np.array(data["targets"])
    weight, _ = _models.descend(features, targets, 3, 2.0, 7)
    reader.open(f"gradient?n=7&rate=2&wine={wine}")
    z = weight @ np.r_[features[wine], 1]
    p, k = np.exp(z) / np.exp(z).sum(), targets[wine]
    rows = [
        line.split()
        for line in reader.page.locator("[data-part='bars']").inner_text().splitlines()
        if line.strip()
    ]
    flat = [word for row in rows for word in row]
    for i in range(3):
        g = p[i] - (i == k)
        assert flat[5 * i : 5 * i + 5] == [
            str(i),
            f"{p[i]:.3f}",
            str(int(i == k)),
            f"{g:.3f}".replace("-", "−"),
            "rise" if g < 0 else "fall",
        ]
    assert number(reader.said("wine-told").removesuffix("nats")) == pytest.approx(-math.log(p[k]), abs=6e-5)
    marks, _, cells = drawn(reader, "gradient-map", (0, 1), (0, 1))
    assert [kind.split()[-1] for kind, *_ in marks[:-1]] == [f"c{t}" for t in targets]
    x = [-2.6 + (i + 0.5) * 5.1 / 51 for i in range(51)]
    y = [-1.9 + (j + 0.5) * 5.6 / 36 for j in range(36)]
    grid = np.array([[a, b, 1] for a in x for b in y])
    assert [cell.split()[-1] for cell in cells] == [f"c{i}" for i in (grid @ weight.T).argmax(axis=1)]


def test_the_two_trainings_at_every_step_and_the_row_under_the_glass(reader):
    data = _page._lesson_figures()[0]["pytorch"]
    for name, twice in (("logits", 0), ("softmax", 1)):
        for step in (0, 40, 149):
            reader.open(f"pytorch?twice={twice}&step={step}")
            assert number(reader.said("slope")) == pytest.approx(data[name]["gradient"][step], abs=6e-4)
            assert number(reader.said("loss")) == pytest.approx(data[name]["loss"][step], abs=6e-5)
            assert number(reader.said("accuracy").removesuffix("%")) == pytest.approx(
                100 * data[name]["accuracy"][step], abs=0.06
            )
    reader.open("pytorch?z=-3&k=5")
    row = [-3.0, 0, 0, 0, 0]
    for name, first, second in (("once", "once", "once-slope"), ("twice", "twice-loss", "twice-slope")):
        loss, gradient = slope(row, 0, twice=name == "twice")
        assert number(reader.said(first)) == pytest.approx(loss, rel=6e-3)
        assert number(reader.said(second)) == pytest.approx(gradient, rel=6e-3)


def test_the_ruler_and_the_perplexity(reader):
    data = _page._lesson_figures()[0]["reading"]
    for heat in (0.5, 3):
        reader.open(f"reading?heat={heat}")
        nats = number(reader.said("nats"))
        assert number(reader.said("perplexity")) == pytest.approx(math.exp(nats), abs=6e-3)
        assert width(reader, "loss") == pytest.approx(min(1, nats / math.log(10)), abs=1e-4)
    left = reader.page.locator("#reading [data-fill-left='known']").get_attribute("style")
    shares = np.bincount(data["targets"]) / len(data["targets"])
    assert number(left.rstrip("%; ")) == pytest.approx(100 * entropy(shares) / math.log(10), abs=1e-3)
    assert f"loss is {data['loss']:.2f}" in told(reader)


def test_the_rows_of_the_lessons_own_run(reader):
    data = _page._lesson_figures()[0]["reading"]
    z = torch.tensor(data["logits"], dtype=torch.float64) / data["best"]
    losses = F.cross_entropy(z, torch.tensor(data["targets"]), reduction="none").sort(descending=True)[0]
    reader.open("run")
    assert reader.said("rank") == "1 of 500"
    assert number(reader.said("cost").removesuffix("nats")) == pytest.approx(losses[0].item(), abs=6e-3)
    assert f"{100 * (losses[:50].sum() / losses.sum()).item():.1f} %" in told(reader)
    tick = reader.page.locator("#run .ruler .tick").first.get_attribute("style")
    shares = np.bincount(data["targets"]) / len(data["targets"])
    assert number(tick.rstrip("%; ")) == pytest.approx(100 * entropy(shares) / math.log(10), abs=6e-3)


def test_the_page_says_so_where_its_numbers_are_not_the_librarys(browser, lesson, tmp_path):
    page, count = re.subn(
        r'("name":"sigmoid","given":\[[^\]]*\],"value":)[\d.e-]+', r"\g<1>2", lesson.read_text(), count=1
    )
    assert count == 1
    (tmp_path / "lesson.html").write_text(page)
    context = browser.new_context()
    reader = Reader(context.new_page(), tmp_path / "lesson.html").open()
    difference = number(reader.page.locator("#agreement").inner_text().rstrip("."))
    context.close()
    assert 1 <= difference <= 2
    assert {place.partition("?")[0] for place in FULL} == {chapter.name for chapter in CHAPTERS}
