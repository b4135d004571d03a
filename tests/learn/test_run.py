"""The last chapter about one's own run: its figures, its rows, and names that would be markup or code."""

import json
import re

import numpy as np
import polars as pl
import pytest

import crossentropy
from crossentropy.errors import BundleError
from crossentropy.learn import lesson_page, write_lesson
from tests.browser import OVERFLOW
from tests.learn.conftest import Reader

HOSTILE = ["</script><script>alert(1)</script>", "<img src=x onerror=alert(2)>", "{{ 7 * 7 }}", "x" * 500]


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A run over images, and one over columns and classes with hostile names."""
    base = tmp_path_factory.mktemp("runs")
    crossentropy.train("sklearn:digits", C=1.0).save(base / "digits")
    rng = np.random.default_rng(0)
    features = rng.normal(size=(240, 2))
    kinds = (features @ rng.normal(size=(2, 4)) + rng.gumbel(size=(240, 4))).argmax(axis=1)
    frame = pl.DataFrame(
        {
            "id": [f"{HOSTILE[i % 3]}{i}" for i in range(240)],
            HOSTILE[0]: features[:, 0],
            HOSTILE[1]: features[:, 1],
            "</title>": [HOSTILE[k] for k in kinds],
        }
    )
    crossentropy.train(frame, target="</title>", id="id", C=1.0).save(base / "hostile")
    return base


@pytest.fixture
def opened(browser, folders, tmp_path):
    contexts = []

    def open_(name):
        file = write_lesson(tmp_path / f"{name}.html", folders / name)
        context = browser.new_context(viewport={"width": 320, "height": 800})
        contexts.append((context, Reader(context.new_page(), file)))
        return contexts[-1][1].open("run")

    yield open_
    for context, reader in contexts:
        context.close()
        assert reader.complaints == []


def test_it_shows_the_figures_and_rows_of_the_run(opened, folders):
    reader = opened("digits")
    metrics = json.loads((folders / "digits/metrics.json").read_text())
    rows = pl.read_parquet(folders / "digits/predictions.parquet").sort("loss_nats", descending=True)
    told = reader.page.locator("#run").inner_text()
    assert f"{metrics['test']['loss']['value']:.3g}" in told
    assert f"{100 * metrics['test']['skill']:.1f}" in told
    for at in (0, 5, 11):
        reader.slide("row", at)
        assert reader.said("id") == str(rows["id"][at])
        assert reader.said("target") == str(rows["target"][at])
        assert reader.said("label") == str(rows["label"][at])
        assert f"{rows['loss_nats'][at]:.3g}" in reader.said("cost")
        assert reader.page.locator("#run canvas").is_visible()
    lines = reader.page.locator("#run [data-part='classes']").inner_text().splitlines()
    table = [line.split() for line in lines if line.strip()]
    for name, _, p in table:
        assert float(p) == pytest.approx(rows[f"p_{name}"][11], abs=6e-4)
    # logits differ as the logarithms of the probabilities do
    logits = {name: float(z.replace("−", "-")) for name, z, _ in table}
    first, second = list(logits)[:2]
    expected = np.log(rows[f"p_{first}"][11] / rows[f"p_{second}"][11])
    assert logits[first] - logits[second] == pytest.approx(expected, abs=0.011)


def test_names_are_names_whatever_they_hold(opened, folders):
    reader = opened("hostile")
    page = reader.file.read_text(encoding="utf-8")
    assert page.count("<script") == 2
    assert page.count("</script>") == 2
    assert len(page.encode()) < 400_000
    for at in range(12):
        reader.slide("row", at)
        assert reader.page.evaluate(OVERFLOW) == []
    assert reader.page.locator("#run img").count() == 0
    told = reader.page.locator("#run").inner_text()
    assert "<img src=x" in told or "</script>" in told or "{{ 7 * 7 }}" in told
    assert "49" not in reader.said("target")
    reader.page.locator("#run details summary").click()
    assert reader.page.locator("#run .cells div").count() == 2
    assert reader.page.evaluate("document.documentElement.scrollWidth") <= 320


def damaged(folder, path, **changes):
    """A copy of a run folder in which the predictions are changed."""
    path.mkdir()
    (path / "metrics.json").write_bytes((folder / "metrics.json").read_bytes())
    frame = pl.read_parquet(folder / "predictions.parquet")
    changes.get("frame", lambda f: f)(frame).write_parquet(path / "predictions.parquet")
    return path


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f[:-1], r"holds 357 rows; metrics.json tells of 358"),
        (lambda f: f.drop("p_3"), r"has no column 'p_3'"),
        (lambda f: f.with_columns(pl.lit("x").alias("loss_nats")), r"'loss_nats' does not hold a number"),
        (lambda f: f.with_columns(pl.lit(None, pl.Float64).alias("p_3")), r"'p_3' does not hold a number"),
        (lambda f: f.with_columns(pl.lit("eleven").alias("target")), r"row 0 is of class 'eleven'"),
        (lambda f: f.with_columns(pl.lit(2.0).alias("p_3")), r"no probabilities"),
        (
            lambda f: f.with_columns(pl.lit(float("nan")).alias("loss_nats")),
            r"no probabilities, or no losses",
        ),
    ],
)
def test_a_damaged_run_is_refused_in_words(folders, tmp_path, change, message):
    folder = damaged(folders / "digits", tmp_path / "run", frame=change)
    with pytest.raises(BundleError, match=message):
        lesson_page(folder)
    assert not (folder / "lesson.html").exists()


def test_a_file_that_is_no_table_or_no_folder_is_refused_in_words(folders, tmp_path):
    folder = damaged(folders / "digits", tmp_path / "run")
    (folder / "predictions.parquet").write_bytes(b"PAR1 nothing PAR1")
    with pytest.raises(BundleError, match=r"predictions\.parquet: cannot be read"):
        lesson_page(folder)
    (folder / "predictions.parquet").unlink()
    with pytest.raises(
        BundleError, match=r"predictions\.parquet: cannot be read .*Expected the folder of a run"
    ):
        lesson_page(folder)
    with pytest.raises(BundleError, match=r"metrics\.json: cannot be read"):
        lesson_page(tmp_path)


def test_rows_of_probability_zero_and_of_infinite_loss_are_shown(browser, folders, tmp_path):
    def certain(frame):
        wrong = {f"p_{k}": [0.0, *frame[f"p_{k}"].to_list()[1:]] for k in range(10)}
        other = next(k for k in range(10) if str(k) != str(frame["target"][0]))
        wrong[f"p_{other}"][0] = 1.0
        losses = [float("inf"), *frame["loss_nats"].to_list()[1:]]
        return frame.with_columns(
            *[pl.Series(n, v) for n, v in wrong.items()], pl.Series("loss_nats", losses)
        )

    folder = damaged(folders / "digits", tmp_path / "run", frame=certain)
    context = browser.new_context()
    reader = Reader(context.new_page(), write_lesson(tmp_path / "l.html", folder)).open("run")
    assert reader.said("cost").endswith("∞\u00a0nats")
    assert "−∞" in reader.page.locator("[data-part='classes']").inner_text()
    assert not re.search("NaN|undefined|null", reader.page.locator("#run").inner_text())
    context.close()
    assert reader.complaints == []
