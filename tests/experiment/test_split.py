"""Whole groups, the latest rows, equal rows together: on both sides, in folds, in intervals and in words."""

import numpy as np
import polars as pl
import pytest

import crossentropy
from crossentropy.errors import ConfigError, DataError
from tests.experiment.conftest import mixed_frame


@pytest.fixture(scope="module")
def visits():
    rng = np.random.default_rng(0)
    frame = mixed_frame(600)
    patient = rng.integers(0, 60, 600)
    day = pl.Series(np.datetime64("2024-01-01") + rng.integers(0, 300, 600).astype("timedelta64[D]"))
    return frame.with_columns(patient=pl.Series([f"p{p}" for p in patient]), day=day)


def test_groups_are_whole_and_no_feature(visits):
    run = crossentropy.train(visits, target="kind", id="name", group="patient")
    of = dict(zip(visits["name"], visits["patient"], strict=True))
    trained, tested = ({of[name] for name in t["id"]} for t in (run.out_of_fold, run.predictions))
    assert not trained & tested
    assert run.summary.test.groups == len(tested) == run.predictions["group"].n_unique()
    assert "patient" not in [code.name for code in run.classifier.encoder.codes]
    assert "whole groups of column 'patient'" in run.summary.split
    assert "5 folds of whole groups" in run.summary.split
    assert f"that of {len(tested)} groups" in " ".join(str(run).replace("\u00a0", " ").split())


@pytest.mark.parametrize("form", [None, "%Y-%m-%d", "%d.%m.%Y", "%Y/%m/%d"])
def test_the_latest_rows_test(visits, form):
    table = visits if form is None else visits.with_columns(day=pl.col("day").dt.strftime(form))
    run = crossentropy.train(table, target="kind", id="name", time="day", C=1.0)
    of = dict(zip(visits["name"], visits["day"], strict=True))
    last = max(of[name] for name in run.out_of_fold["id"])
    assert last < min(of[name] for name in run.predictions["id"])
    assert len(run.predictions) == pytest.approx(120, abs=6)
    assert run.summary.split.startswith("the latest 20 % of the rows by column 'day'; 5 blocks of time")


def test_rows_without_a_time_are_left_out_and_said_and_what_is_no_time_is_refused(visits):
    table = visits.with_columns(day=pl.when(pl.int_range(pl.len()) < 7).then(None).otherwise(pl.col("day")))
    run = crossentropy.train(table, target="kind", id="name", time="day", C=1.0)
    assert len(run.predictions) + len(run.out_of_fold) == 593
    assert any("7 rows without a time in column 'day' were left out" in note for note in run.summary.notes)
    days = visits["day"].cast(pl.String).to_list()
    with pytest.raises(DataError, match="column 'day', row 11: 'soon' is no time"):
        crossentropy.train(
            visits.with_columns(day=pl.Series([*days[:11], "soon", *days[12:]])), target="kind", time="day"
        )
    with pytest.raises(DataError, match="1 moments in column 'day' are too few"):
        crossentropy.train(visits.with_columns(day=pl.lit("2024-01-01")), target="kind", time="day")


def test_a_class_of_the_latest_rows_only_is_reported_and_left_out(visits):
    late = visits["day"] > visits["day"].quantile(0.9)
    table = visits.with_columns(kind=pl.when(late).then(pl.lit("yew")).otherwise(pl.col("kind")))
    run = crossentropy.train(table, target="kind", id="name", time="day", C=1.0)
    assert "yew" not in run.classifier.classes
    assert "yew" not in run.predictions["target"]
    assert any("of classes not seen in training (yew)" in note for note in run.summary.notes)


def test_equal_rows_stay_together(visits):
    pair = pl.concat([visits, visits.with_columns(name=pl.col("name") + "-again")])
    apart = crossentropy.train(pair, target="kind", id="name", drop=["day", "patient"], C=1.0)
    assert any("equal a training row in every column used" in note for note in apart.summary.notes)
    run = crossentropy.train(
        pair, target="kind", id="name", drop=["day", "patient"], C=1.0, group_duplicates=True
    )
    assert not any("equal a training row in every column used" in note for note in run.summary.notes)
    assert run.summary.test.groups <= len(run.predictions) / 2
    both = crossentropy.train(
        pair, target="kind", id="name", drop=["day"], group="patient", C=1.0, group_duplicates=True
    )
    assert not any("equal a training row in every column used" in note for note in both.summary.notes)


def test_groups_that_straddle_a_given_split_are_counted(visits):
    run = crossentropy.train(
        visits[:400], test=visits[400:], target="kind", id="name", group="patient", C=1.0
    )
    known = set(visits["patient"][:400])
    rows = sum(p in known for p in visits["patient"][400:])
    said = next(note for note in run.summary.notes if "in both tables" in note)
    groups = len(known & set(visits["patient"][400:]))
    assert said.startswith(
        f"{groups} groups of column 'patient' are in both tables, with {rows} of 200 test rows"
    )


def test_one_group_is_too_few_and_time_goes_without_groups(visits):
    with pytest.raises(DataError, match="groups are too few"):
        crossentropy.train(visits.with_columns(patient=pl.lit("p")), target="kind", group="patient")
    with pytest.raises(DataError, match="has no column 'patent'"):
        crossentropy.train(visits, target="kind", group="patent")
    for more in ({"group": "patient"}, {"group_duplicates": True}):
        with pytest.raises(ConfigError, match="give one of them"):
            crossentropy.train(visits, target="kind", time="day", **more)


def test_intervals_by_group_are_those_of_the_groups(visits):
    """Each row ten times over tells no more than once."""
    many = pl.concat([visits] * 10).with_columns(patient=pl.Series(list(range(600)) * 10))
    once = crossentropy.train(
        visits, test=visits[:200], target="kind", C=1.0, drop=["day", "patient", "name"]
    )
    grouped = crossentropy.train(
        visits.with_columns(patient=pl.int_range(600)),
        test=many.filter(pl.col("patient") < 200),
        target="kind",
        group="patient",
        C=1.0,
        drop=["day", "name"],
    )
    for name in ("loss", "accuracy", "brier", "skill_interval"):
        a, b = (getattr(r.summary.test, name) for r in (once, grouped))
        assert b.value == pytest.approx(a.value, rel=1e-3)
        assert b.high - b.low == pytest.approx(a.high - a.low, rel=0.15), name


@pytest.mark.parametrize("form", ["{}+02:00", "{}Z", "{}.250-0530", "mixed"])
def test_times_may_have_an_offset_from_utc(form):
    """Rows in the order of their moments, whose wall clocks say another."""
    frame = mixed_frame(300)
    moments = np.datetime64("2024-03-30T22:00:00") + np.arange(300).astype("timedelta64[h]")
    ahead = np.where(np.arange(300) % 2, 11, -11) if form == "mixed" else np.zeros(300, np.int64)
    walls = (moments + ahead.astype("timedelta64[h]")).astype(str)
    if form == "mixed":
        text = [
            f"{wall}{'+11:00' if hours > 0 else '-11:00'}" for wall, hours in zip(walls, ahead, strict=True)
        ]
    else:
        text = [form.format(wall) for wall in walls]
    run = crossentropy.train(
        frame.with_columns(when=pl.Series(text)), target="kind", id="name", time="when", C=1.0
    )
    assert sorted(run.predictions["id"].to_list()) == sorted(frame["name"].to_list()[240:])


def test_a_giant_group_that_leaves_a_small_test_set_is_said():
    frame = mixed_frame(400)
    group = ["giant"] * 330 + [f"g{i}" for i in range(70)]
    said = []
    for seed in range(4):
        run = crossentropy.train(
            frame.with_columns(group=pl.Series(group)), target="kind", group="group", seed=seed, C=1.0
        )
        share = len(run.predictions) / 400
        told = [note for note in run.summary.notes if "rows test" in note]
        assert bool(told) == (not 0.1 <= share <= 0.3)
        said += told
    assert said
    assert "where 20 % were asked for: no group is parted, and the largest holds 330 rows" in said[0]
    even = crossentropy.train(
        frame.with_columns(group=pl.Series([f"g{i % 50}" for i in range(400)])),
        target="kind",
        group="group",
        C=1.0,
    )
    assert not [note for note in even.summary.notes if "rows test" in note]
