"""A column that gives the target away is found before training; one that only knows much is not."""

import datetime

import numpy as np
import polars as pl
import pytest

from crossentropy.tables import giveaways, infer_columns, read_table

rng = np.random.default_rng(0)
Y = rng.integers(0, 4, 800)
NOISE = rng.normal(size=800)
GIVES = {
    "a copy": pl.Series(Y),
    "names for it": pl.Series([f"class {y}" for y in Y]),
    "several names each": pl.Series([f"n{y}-{i % 9}" for i, y in enumerate(Y)]),
    "a number that is apart": pl.Series(Y + 0.3 * rng.random(800)),
    "lists": pl.Series([[str(y)] for y in Y]),
    "dates": pl.Series([f"2020-01-0{y + 1}" for y in Y]),
}
GIVES_NOT = {
    "noise": pl.Series(NOISE),
    "much": pl.Series(np.where(rng.random(800) < 0.9, Y, rng.integers(0, 4, 800))),
    "a name a row": pl.Series([f"some words {i} {y}" for i, y in enumerate(Y)]),
}


def found(series, ids=Y):
    table = read_table(pl.DataFrame({"x": series}))
    return giveaways(table, infer_columns(table, leave_out={}), ids, np.random.default_rng(1))


@pytest.mark.parametrize("name", GIVES)
def test_it_is_found(name):
    (one,) = found(GIVES[name])
    assert one.loss < 0.05 * one.frequencies
    assert one.frequencies == pytest.approx(np.log(4), rel=0.01)
    assert "'x' alone gives the target away" in str(one)
    assert "--drop x" in str(one)


@pytest.mark.parametrize("name", GIVES_NOT)
def test_what_knows_much_is_none(name):
    assert found(GIVES_NOT[name]) == ()


def test_what_is_there_for_a_rare_class_alone_is_found():
    rare = (rng.random(5000) < 0.02).astype(int)
    refund = np.where(rare, 1 + rng.exponential(50, 5000), 0.0)
    assert found(pl.Series(refund), rare)
    assert found(pl.Series(np.where(rare, rng.normal(-9, 1, 5000), refund)), rare)
    assert not found(pl.Series(np.where(rng.random(5000) < 0.7, refund, 0.0)), rare)


def test_that_a_value_is_there_at_all_can_give_it_away():
    day = datetime.datetime(2024, 1, 1)
    for value in (
        lambda i: day + datetime.timedelta(minutes=17 * i),
        lambda i: f"left because of reason {i}",
    ):
        assert found(pl.Series([value(i) if y % 2 else None for i, y in enumerate(Y)]), Y % 2)


def test_a_code_for_many_classes_is_found():
    many = rng.integers(0, 150, 6000)
    assert found(pl.Series(many), many)
    assert found(pl.Series(1000.0 - many), many)


def test_what_it_says_to_type_is_one_word_of_a_shell():
    table = read_table(pl.DataFrame({"x; rm y": Y}))
    (one,) = giveaways(table, infer_columns(table, leave_out={}), Y, np.random.default_rng(1))
    assert "--drop 'x; rm y'." in str(one)


def test_a_few_rows_prove_nothing():
    assert found(pl.Series([1, 2, 3]), np.array([0, 1, 2])) == ()
