"""Text to features: words, pairs and runs of characters, weighed; the same bits after a reload, in any script."""

import json

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer

from crossentropy.errors import BundleError
from crossentropy.tables import Encoder, infer_columns, read_table
from crossentropy.tables._terms import count_terms
from crossentropy.tables._vocabulary import Vocabulary

SENTENCES = [
    f"the {a} {b} of {a} is {c}" for a in ("cat", "dog", "fox") for b in ("x1", "y", "z") for c in "pqrst"
]


def fit(frame, **kinds):
    table = read_table(frame)
    return Encoder.fit(table, infer_columns(table, leave_out={}, given=kinds))


def terms(text, grams="words"):
    counts = count_terms(pl.Series([text]), grams)
    return dict(zip(counts["term"], counts["count"], strict=True))


def test_words_pairs_and_their_counts():
    assert terms("Hello, wörld: HELLO!") == {"hello": 2, "wörld": 1, "hello wörld": 1, "wörld hello": 1}
    assert terms("") == terms("?! \u200b") == {}


def test_runs_of_characters_stay_within_a_word():
    assert terms("Ab-c", "characters") == {"ab": 1, "c": 1, " ab": 1, "ab ": 1, " ab ": 1, " c ": 1}


def test_scripts_without_blanks_give_their_characters_and_pairs():
    assert terms("北京大学 abc") == dict.fromkeys(
        ["北", "京", "大", "学", "abc", "北 京", "京 大", "大 学", "学 abc"], 1
    )
    assert set(terms("ที่ดี")) >= {"ที่", "ดี"}
    assert set(terms("привет мир")) == {"привет", "мир", "привет мир"}


def test_control_characters_only_separate_words():
    assert set(terms("a\x00b\x1b[31mc")) == {"a", "b", "31mc", "a b", "b 31mc"}


def test_the_weights_are_those_of_scikit_learn():
    vocabulary = Vocabulary.fit(pl.Series(SENTENCES), "words", 1000)
    theirs = TfidfVectorizer(ngram_range=(1, 2), token_pattern=r"\w+", min_df=2, sublinear_tf=True)
    want = theirs.fit_transform(SENTENCES)
    assert list(vocabulary.terms) == theirs.get_feature_names_out().tolist()
    np.testing.assert_allclose(
        vocabulary.transform(pl.Series(SENTENCES), "words").toarray(), want.toarray(), rtol=1e-6, atol=1e-7
    )


def test_the_vocabulary_is_bounded_by_the_rows_that_hold_a_term():
    vocabulary = Vocabulary.fit(pl.Series(SENTENCES), "words", 3)
    assert vocabulary.terms == ("is", "of", "the")
    assert Vocabulary.fit(pl.Series(["once", "twice", "twice"]), "words", 9).terms == ("twice",)


def test_cutting_the_rows_into_parts_changes_no_bit(monkeypatch):
    text = pl.Series([*SENTENCES, None, "", "the end"])
    whole = Vocabulary.fit(text, "words", 50)
    features = whole.transform(text, "words")
    monkeypatch.setattr("crossentropy.tables._vocabulary._ROWS", 7)
    assert Vocabulary.fit(text, "words", 50) == whole
    assert (whole.transform(text, "words") != features).nnz == 0


WORDS = st.lists(
    st.sampled_from(["red", "green", "北京", "x\x00y", "ÄÖ", "สวัสดี", "مرحبا", "1e5"]) | st.text(max_size=4)
)


@settings(deadline=None, derandomize=True, max_examples=60)
@given(st.lists(st.none() | WORDS.map(" ".join), min_size=2, max_size=12), st.integers(0, 11))
def test_any_text_has_finite_rows_of_length_one_and_a_reloaded_encoder_gives_the_same_bits(values, i):
    frame = pl.DataFrame({"t": pl.Series(values, dtype=pl.String), "n": np.arange(len(values)) % 3})
    encoder = fit(frame, t="text")
    features = encoder.transform(read_table(frame))
    whole = features.toarray()
    assert np.isfinite(whole).all()
    assert len(set(encoder.feature_names)) == whole.shape[1]
    again = Encoder.from_json(json.loads(json.dumps(encoder.to_json())), encoder.to_arrays())
    assert again == encoder
    assert again.transform(read_table(frame)).toarray().tobytes() == whole.tobytes()
    row = frame[i % len(values)]
    assert encoder.transform(read_table(row)).toarray().tobytes() == whole[i % len(values)].tobytes()


def test_missing_text_has_a_place_of_its_own_where_training_had_some():
    encoder = fit(pl.DataFrame({"t": [*SENTENCES, None, None]}))
    features = encoder.transform(read_table(pl.DataFrame({"t": [None, "the cat"]}))).toarray()
    assert encoder.feature_names[-1] == "t missing"
    assert features[:, -1].tolist() == [1, 0]
    assert features[0, :-1].sum() == 0
    assert np.linalg.norm(features[1]) == pytest.approx(1)


@pytest.mark.parametrize("change", ["absent", "short", "twice", "nan", "other bytes"])
def test_terms_of_another_form_are_refused(change):
    encoder = fit(pl.DataFrame({"t": SENTENCES}))
    arrays = encoder.to_arrays()
    name = next(n for n in arrays if n.endswith("terms"))
    weights = name.replace("terms", "weights")
    if change == "absent":
        del arrays[name]
    elif change == "short":
        arrays[weights] = arrays[weights][1:]
    elif change == "twice":
        arrays[name] = np.frombuffer(b"a\n" * len(arrays[weights]), np.uint8)
    elif change == "nan":
        arrays[weights] = np.full_like(arrays[weights], np.nan)
    else:
        arrays[name] = np.full(9, 255, np.uint8)
    with pytest.raises(BundleError, match="terms of a text column"):
        Encoder.from_json(encoder.to_json(), arrays)
