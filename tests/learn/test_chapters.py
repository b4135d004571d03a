"""Each chapter as it is used: by keyboard alone, by mouse, by touch; and its numbers are the library's."""

import math
import re

import numpy as np
import pytest

from crossentropy.evaluation import evaluate
from crossentropy.learn import CHAPTERS, _figures, _models


def number(text):
    """The last number in a text."""
    return float(re.findall(r"−?\d[\d,]*\.?\d*(?:e−?\d+)?", text)[-1].replace("−", "-").replace(",", ""))


def test_from_the_first_chapter_to_the_last_and_back_by_keyboard_alone(reader):
    names = [chapter.name for chapter in CHAPTERS]
    page = reader.page
    for name in names:
        page.wait_for_selector(f"#{name}", state="visible")
        assert reader.chapter() == name
        heading = page.locator(f"#{name} h2")
        assert heading.inner_text() in page.title()
        changed = False
        if name != names[0]:
            assert page.evaluate("document.activeElement.tagName") == "H2"
        # every control of the chapter is reached by Tab and shows that it has the focus; the first one is moved
        expected = page.evaluate(
            """() => [...document.querySelector('section.chapter:not([hidden])')
                 .querySelectorAll('input, button, a, summary, [tabindex="0"]')]
                 .filter(e => e.checkVisibility() && !(e.type === 'radio' && !e.checked)).length"""
        )
        seen = 0
        while True:
            page.keyboard.press("Tab")
            at = page.evaluate(
                """() => { const e = document.activeElement, drawn = e.type === 'radio' ? e.nextElementSibling : e;
                     return {inside: !!e.closest('section.chapter'), kind: e.type ?? e.tagName,
                             outline: getComputedStyle(drawn).outlineStyle, rel: e.rel ?? ''}; }"""
            )
            if not at["inside"]:
                continue  # the skip link and the list of chapters, before the first chapter
            seen += 1
            assert at["outline"] != "none", (name, at)
            if at["kind"] in ("range", "checkbox", "radio") and not changed:
                before = reader.address()
                page.keyboard.press(
                    {"range": "ArrowLeft", "checkbox": "Space", "radio": "ArrowRight"}[at["kind"]]
                )
                after = reader.address()
                if after == before:  # it stood at its left end
                    page.keyboard.press("ArrowRight")
                    after = reader.address()
                assert after != before
                assert after.startswith(name)
                changed = True
                expected = max(expected, seen)
            if at["rel"] == "next" or (name == names[-1] and at["rel"] == "prev"):
                break
        assert changed
        assert seen >= expected * 0.8 > 2  # a switch that was moved may have hidden or shown others
        page.keyboard.press("Enter")
    page.wait_for_selector(f"#{names[-2]}", state="visible")


def test_the_classifier_is_dragged_from_surely_not_to_surely(reader):
    reader.open("classifier")
    data = _models.is_it_an_eight(_models.load_digits())
    for stop in ("5", "60", "99"):
        reader.page.get_by_role("button", name=f"{stop}\u00a0%", exact=True).click()
        assert abs(number(reader.said("p")) - int(stop)) < 6
    reader.slide("at", 0)
    assert number(reader.said("p")) < 1
    reader.keys("at", "End")
    assert number(reader.said("p")) > 99
    assert reader.said("truth") == "What do you say?"
    reader.keys("truth", "Space")
    assert reader.said("truth") == "It was written as an 8."
    # the page's model is the library's: from the pixels of every image to its logit
    for at in range(0, len(data["images"]), 7):
        reader.slide("at", at)
        pixels = np.array([int(c, 17) for c in data["images"][at]]) / 16
        logit = pixels @ np.array(data["weight"]) + data["bias"]
        assert number(reader.said("logit")) == pytest.approx(logit, abs=0.005)


def test_the_pixels_can_be_turned_over_by_mouse_finger_and_keyboard(reader):
    reader.open("classifier?at=60")
    sure = reader.said("p")
    board = reader.page.locator("#classifier canvas")
    box = board.bounding_box()
    middle = {"x": box["width"] * 4.5 / 8, "y": box["height"] * 4.5 / 8}
    board.click(position=middle)
    assert reader.said("p") != sure
    assert reader.address() == "classifier?ink=36&at=60"
    board.tap(position=middle)
    assert reader.said("p") == sure
    reader.page.locator("#classifier .board").focus()
    for key in ("ArrowUp", "ArrowDown", "ArrowDown", "ArrowLeft", "ArrowRight", "ArrowRight", "Space"):
        reader.page.keyboard.press(key)
    assert "turned over 1 of its pixels" in reader.said("truth")
    assert reader.address() == "classifier?ink=9&at=60"
    reader.keys("at", "ArrowLeft")
    assert reader.said("truth") == "What do you say?"
    # the model is a sum over the pixels: all of them dark leaves its constant
    data = _models.is_it_an_eight(_models.load_digits())
    bright = [i for i, c in enumerate(data["images"][5]) if int(c, 17) >= 8]
    grey = sum(
        int(c, 17) / 16 * w for c, w in zip(data["images"][5], data["weight"], strict=True) if int(c, 17) < 8
    )
    reader.open(f"classifier?at=5&ink={'.'.join(map(str, bright))}")
    assert number(reader.said("logit")) == pytest.approx(data["bias"] + grey, abs=0.005)


def test_the_sigmoid_follows_slider_mouse_and_finger(reader):
    reader.open("sigmoid")
    reader.slide("o", 2)
    assert number(reader.said("p")) == pytest.approx(0.8808, abs=1e-4)
    assert reader.said("odds") == "7.39 to 1"
    assert reader.said("mirror") == "0.1192"
    reader.page.evaluate("location.hash = 'sigmoid?o=3'")
    reader.page.evaluate("location.hash = 'sigmoid'")  # what an address does not name is as at first
    reader.page.wait_for_function("document.querySelector(\"#sigmoid [name='o']\").value === '1'")
    assert number(reader.said("p")) == pytest.approx(0.7311, abs=1e-4)
    reader.pull("#sigmoid-curve", (0.9, 0.5), (0.2, 0.5))
    assert number(reader.said("o-value")) < -4
    assert reader.said("odds").startswith("1 to ")
    box = reader.page.locator("#sigmoid-curve").bounding_box()
    reader.page.touchscreen.tap(box["x"] + 0.95 * box["width"], box["y"] + 0.5 * box["height"])
    assert number(reader.said("o-value")) > 6
    assert not reader.page.locator("[data-show='straight']").is_visible()
    reader.keys("line", "Space")
    assert number(reader.said("straight")) > 1
    assert "no probability" in reader.said("straight-told")


def test_the_four_worked_cases_and_the_growth_of_the_loss(reader):
    reader.open("loss")
    text = " ".join(reader.page.locator("#loss").inner_text().split())
    assert (
        "0.8 · 0.9 · 0.7 = 0.504; the logarithm makes a sum of it, 0.2231 + 0.1054 + 0.3567 = 0.6852" in text
    )
    for t, p, cost in ((0, 0.2, "0.2231"), (1, 0.8, "0.2231"), (0, 0.8, "1.6094"), (1, 0.2, "1.6094")):
        row = reader.page.locator(
            f".worked tr:has(td:nth-child(1):text-is('{t}')):has(td:nth-child(2):text-is('{p}'))"
        )
        assert row.locator("button").inner_text().endswith(cost)
        row.locator("button").click()
        assert reader.said("sum").replace("\u00a0", " ").endswith(f"= {cost} nats")
        assert reader.page.locator(f"#loss input[name=t][value='{t}']").is_checked()
    reader.choose("t", "1")
    reader.choose("over", "o")
    reader.keys("squared", "Space")
    costs = []
    for o in (-8, -7, -6):
        reader.slide("o", o)
        costs.append(number(reader.said("sum").removesuffix("nats")))
    assert np.diff(costs) == pytest.approx([-1, -1], abs=2e-3)  # a straight line in the logit
    reader.slide("o", -8)
    assert number(reader.said("logistic")) < -0.999
    assert abs(number(reader.said("slope"))) < 1e-3
    reader.pull("#loss-curve", (0.3, 0.5), (0.8, 0.5))
    assert number(reader.said("o-value")) > 3


def test_only_the_logarithm_is_honest_with_the_die(reader):
    reader.open("loss?f=0.5&q=0.5")
    for game, cost, best in (
        ("2", "log", 0.5),
        ("2", "squared", 0.5),
        ("6", "log", 0.5),
        ("6", "squared", 0.81),
    ):
        reader.choose("game", game)
        reader.choose("cost", cost)
        told = reader.said("verdict")
        assert f"Cheapest is {best:.2f}: {'the truth' if best == 0.5 else 'a lie'}." in told
    reader.pull("#loss-honest", (0.5, 0.5), (0.82, 0.5))
    assert 0.7 < number(reader.said("q-value")) < 0.9
    reader.keys("cost", "ArrowRight")
    assert "Cheapest is 1.00: a lie." in reader.said("verdict")


def test_exclusive_classes_sum_to_one_and_others_need_not(reader):
    reader.open("classes")
    assert reader.said("sum").endswith("= 1.000")
    reader.slide("w0", 10)
    assert reader.said("p0") == "62.5\u00a0%"
    assert reader.said("sum").endswith("= 1.000")
    reader.keys("w3", "ArrowRight", 5)
    assert reader.said("sum").endswith("= 1.000")
    reader.keys("alone", "Space")
    assert number(reader.said("sum").partition(":")[0]) > 2


def test_softmax_sees_differences_only_and_sixteen_bits_overflow(reader):
    reader.open("softmax")
    before = reader.said("sum")
    for shift in (-20, 7.5, 20):
        reader.slide("add", shift)
        assert reader.said("sum") == before
    reader.keys("half", "Space")
    assert "nan" in reader.page.locator("[data-part='working']").inner_text()
    reader.keys("most", "Space")
    told = reader.page.locator("[data-part='working']").inner_text()
    assert "nan" not in told
    assert "∞" not in told
    assert [number(line) for line in told.splitlines()] == pytest.approx(
        [0.6439, 0.2369, 0.0871, 0.0321], abs=2e-3
    )
    reader.slide("heat", 5)
    assert 25 < number(reader.said("p0").removesuffix("%")) < 45
    # pulling a bar sets the logit that gives this probability
    reader.open("softmax")
    reader.pull("[data-bar='3'] .meter", (0.1, 0.5), (0.75, 0.5))
    assert number(reader.said("p3").removesuffix("%")) == pytest.approx(75, abs=1.5)
    reader.choose("k", "2")
    left, right = re.findall(r"= (0\.\d+)", reader.said("sum"))
    assert left == right


def test_one_row_of_the_cross_entropy_counts_until_the_target_is_smoothed(reader):
    reader.open("crossentropy")
    assert reader.said("target") == "[0, 1, 0, 0]"
    assert reader.said("total") == "1.6094"
    reader.choose("y", "2")
    assert reader.said("target") == "[0, 0, 1, 0]"
    assert reader.said("entropy") == "0.0000"
    reader.keys("smooth", "ArrowRight", 8)
    smoothing = number(reader.said("smooth-value"))
    y = [smoothing / 4 + (1 - smoothing) * (k == 2) for k in range(4)]
    assert number(reader.said("entropy")) == pytest.approx(-sum(q * math.log(q) for q in y), abs=1e-4)
    total = number(reader.said("entropy")) + number(reader.said("divergence"))
    assert number(reader.said("total")) == pytest.approx(total, abs=2e-4)
    reader.page.locator("#crossentropy summary").press("Enter")
    reader.keys("w2", "End")
    assert number(reader.said("total")) < 1.5


def test_gradient_descent_by_steps_by_play_and_back(reader):
    reader.open("gradient")
    wines = _models.wines()
    features, targets = np.array(wines["features"]), np.array(wines["targets"])

    def loss():
        return number(reader.page.locator("#gradient-loss .note.strong").text_content())

    assert loss() == pytest.approx(math.log(3), abs=1e-4)
    step = reader.page.get_by_role("button", name="Step")
    step.click()
    step.press("Enter")
    step.press("Space")
    assert reader.said("n-value") == "3"
    assert loss() == pytest.approx(_models.descend(features, targets, 3, 1.0, 3)[1], abs=6e-5)
    play = reader.page.locator("[data-do='play']")
    play.click()
    assert play.inner_text() == "Pause"
    while int(reader.said("n-value")) < 8:
        reader.page.wait_for_timeout(30)
    play.click()
    stopped = reader.said("n-value")
    reader.page.wait_for_timeout(250)
    assert reader.said("n-value") == stopped
    reader.slide("n", 200)
    assert wines["minimum"] < loss() + 5e-5 < wines["minimum"] + 1e-3
    reader.slide("rate", 20)
    losses = []
    for n in range(1, 9):
        reader.slide("n", n)
        losses.append(loss())
    assert (np.diff(losses) > 0.1).any()  # it leaps up again
    reader.page.get_by_role("button", name="Reset").click()
    assert loss() == pytest.approx(math.log(3), abs=1e-4)
    table = reader.page.locator("[data-part='bars']").inner_text()
    assert "−0.667" in table
    assert "rise" in table
    reader.pull("#gradient-map", (0.9, 0.5), (0.95, 0.5))
    assert reader.said("wine-value") != "61 of 178"


def test_leaving_the_chapter_stops_the_play(reader):
    reader.open("gradient")
    reader.page.locator("[data-do='play']").click()
    reader.page.locator("nav a[data-chapter='loss']").click()
    reader.page.wait_for_selector("#loss", state="visible")
    stopped = reader.page.evaluate("lesson.chapters.gradient.state.n")
    reader.page.wait_for_timeout(300)
    assert reader.page.evaluate("lesson.chapters.gradient.state.n") == stopped


def test_the_classic_mistake_has_a_floor_and_hides_in_the_accuracy(reader):
    reader.open("pytorch")
    right = {name: number(reader.said(name).removesuffix("%")) for name in ("loss", "accuracy", "slope")}
    assert reader.page.locator("[data-program='logits']").is_visible()
    reader.keys("twice", "Space")
    wrong = {name: number(reader.said(name).removesuffix("%")) for name in ("loss", "accuracy", "slope")}
    assert right["loss"] < 0.2 < _figures.floor(10) < wrong["loss"]
    assert right["accuracy"] - wrong["accuracy"] < 3
    assert wrong["slope"] < right["slope"] / 2
    assert not reader.page.locator("[data-program='logits']").is_visible()
    assert "softmax(dim=1)" in reader.page.locator("[data-program='softmax_before']").inner_text()
    reader.pull("#pytorch-curve", (0.9, 0.5), (0.12, 0.5))
    assert number(reader.said("step-value")) < 20
    assert reader.said("floor") == "1.4612"
    reader.slide("k", 2)
    assert reader.said("floor") == "0.3133"
    reader.keys("z", "End")
    assert reader.said("twice-loss") == "0.3133"
    assert number(reader.said("once")) < 1e-8


def test_temperature_moves_the_loss_and_not_the_accuracy(reader):
    reader.open("reading")
    model = _models.too_sure(_models.load_digits())
    logits, targets = np.array(model["logits"]), np.array(model["targets"])
    before = reader.said("accuracy")
    losses = {}
    for heat in (0.5, 1, model["best"], 5):
        reader.slide("heat", heat)
        shown = number(reader.said("heat-value"))
        test = evaluate(logits / shown, targets, classes=range(10))
        losses[heat] = number(reader.said("nats"))
        assert losses[heat] == pytest.approx(test.loss.value, abs=6e-5)
        assert number(reader.said("bits")) == pytest.approx(test.loss_bits, abs=6e-5)
        assert reader.said("accuracy") == before
        assert reader.page.locator("#reading-bins circle").count() == len(test.calibration.bins)
    assert min(losses, key=losses.get) == model["best"]
    reader.page.get_by_role("button", name="the least loss").press("Enter")
    assert number(reader.said("nats")) == pytest.approx(min(losses.values()), abs=1e-4)


def test_rows_from_the_costliest_to_the_cheapest(reader):
    reader.open("run")
    first = number(reader.said("cost").removesuffix("nats"))
    reader.keys("row", "End")
    assert number(reader.said("cost").removesuffix("nats")) < 0.01 < 1 < first
    reader.pull("#run-curve", (0.9, 0.5), (0.14, 0.5))
    assert 0 < int(reader.said("rank").split()[0]) < 60
    told = reader.page.locator("#run [data-part='classes']").inner_text()
    assert "−" in told  # logits that sum to 0 are of both signs
    assert reader.page.locator("#run canvas").is_visible()
