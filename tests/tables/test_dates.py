"""Dates and times to features: any usual writing, the order of day and month told by the data, zones to UTC."""

import datetime
import json

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crossentropy.errors import DataError
from crossentropy.tables import Encoder, infer_columns, notices, read_table
from crossentropy.tables._dates import day_first, moments

UTC = datetime.UTC


def fit(frame, **kinds):
    table = read_table(frame)
    return Encoder.fit(table, infer_columns(table, leave_out={}, given=kinds))


def features_of(encoder, frame):
    features = encoder.transform(read_table(frame)).toarray()
    return dict(zip(encoder.feature_names, features.T, strict=True))


def seconds(values, first=True):
    series = pl.Series("t", values)
    return moments(read_table(pl.DataFrame(series)), series, day_first=first).tolist()


WRITTEN = {
    "2024-02-29": (2024, 2, 29),
    "2024/2/9": (2024, 2, 9),
    "29.02.2024": (2024, 2, 29),
    "1-2-69": (1969, 2, 1),
    "1/2/68": (2068, 2, 1),
    "2024-02-29T23:59": (2024, 2, 29, 23, 59),
    "2024-02-29 23:59:58.25": (2024, 2, 29, 23, 59, 58),
    "2024-02-29 12:05 am": (2024, 2, 29, 0, 5),
    "2024-02-29 12:05 PM": (2024, 2, 29, 12, 5),
    "2024-02-29T01:00:00Z": (2024, 2, 29, 1),
    "2024-02-29T01:00+02:30": (2024, 2, 28, 22, 30),
    "2024-02-29 01:00 -0200": (2024, 2, 29, 3),
}


@pytest.mark.parametrize("text", WRITTEN)
def test_a_date_is_read_however_it_is_written(text):
    assert seconds([text]) == [datetime.datetime(*WRITTEN[text], tzinfo=UTC).timestamp()]


@pytest.mark.parametrize(
    "text", ["2024-02-30", "31.4.2024", "2024-13-01", "2024-01-01 25:00", "soon", "0000-01-01"]
)
def test_what_no_calendar_has_is_missing(text):
    assert np.isnan(seconds([text])).all()


MOMENTS = st.datetimes(datetime.datetime(1900, 1, 2), datetime.datetime(2400, 1, 1)).map(
    lambda t: t.replace(microsecond=0)
)


@settings(deadline=None, derandomize=True, max_examples=60)
@given(st.lists(MOMENTS, min_size=1, max_size=20))
def test_types_and_text_are_the_same_moments(values):
    want = [t.replace(tzinfo=UTC).timestamp() for t in values]
    typed = pl.Series("t", values)
    zoned = typed.dt.replace_time_zone("UTC").dt.convert_time_zone("America/New_York")
    assert seconds(typed) == seconds(zoned) == want
    assert seconds(typed.dt.strftime("%Y-%m-%d %H:%M:%S")) == want
    assert seconds(typed.dt.strftime("%d.%m.%Y %H:%M:%S")) == want
    assert seconds(typed.dt.strftime("%m/%d/%Y %I:%M:%S %p"), first=False) == want
    assert seconds(zoned.dt.strftime("%Y-%m-%dT%H:%M:%S%z")) == want


def test_the_data_say_whether_the_day_comes_first():
    assert day_first(pl.Series(["1.2.2020", "13.2.2020"])) == (True, "")
    assert day_first(pl.Series(["1/2/2020", "1/13/2020"])) == (False, "")
    assert day_first(pl.Series(["2020-05-06"])) == (True, "")
    open_, note = day_first(pl.Series(["1/2/2020", "3/4/2020"]))
    assert not open_
    assert "month before day" in note
    assert day_first(pl.Series(["1.2.2020", "3.4.2020"]))[0]
    both, note = day_first(pl.Series(["13/2/2020", "14/2/2020", "1/15/2020"]))
    assert both
    assert note == "2 dates say so, 1 do not"


DAYS = [datetime.date(2023, 11, 6) + datetime.timedelta(days=17 * i) for i in range(40)]


def test_the_parts_of_a_date():
    encoder = fit(pl.DataFrame({"d": [*DAYS, None]}))
    got = features_of(encoder, pl.DataFrame({"d": [datetime.date(2024, 7, 3), None]}))
    assert (got["d month = 7"][0], got["d weekday = Wednesday"][0], got["d missing"].tolist()) == (
        1,
        1,
        [0, 1],
    )
    assert got["d year sine"][0] ** 2 + got["d year cosine"][0] ** 2 == pytest.approx(1)
    assert all(column[1] == 0 for name, column in got.items() if name != "d missing")
    assert not any("hour" in name for name in got)
    elapsed = features_of(encoder, pl.DataFrame({"d": DAYS}))["d elapsed"]
    assert elapsed.std() == pytest.approx(1, rel=1e-5)
    assert (np.diff(elapsed) > 0).all()


def test_parts_that_do_not_differ_are_left_away():
    clock = fit(pl.DataFrame({"t": [datetime.time(h % 24, 30) for h in range(60)]}))
    assert {n.split()[1] for n in clock.feature_names} == {"hour", "day"}
    week = fit(pl.DataFrame({"t": ["2024-01-01", "2024-01-08"] * 30}))
    assert week.feature_names == ("t elapsed",)


def test_dates_that_do_not_parse_are_missing_and_noticed():
    encoder = fit(pl.DataFrame({"t": ["31.1.2024", "1.2.2024", "1.3.2024"]}))
    table = read_table(pl.DataFrame({"t": ["30.2.2024", "soon", None, "5.5.2024"]}))
    features = encoder.transform(table).toarray()
    assert np.isfinite(features).all()
    assert (features[:3] == 0).all()
    assert any("2 values read as missing: no dates" in n for n in notices(encoder, table))


def test_a_column_given_as_dates_that_has_none_is_refused():
    with pytest.raises(DataError, match=r"column 't', row 1: 'soon' is not a date\. Expected dates like"):
        fit(pl.DataFrame({"t": [None, "soon", "later"]}), t="date")
    with pytest.raises(DataError, match="holds values of type Int64; expected dates"):
        fit(pl.DataFrame({"t": [1, 2]}), t="date")


def test_durations_are_numbers_of_seconds():
    frame = pl.DataFrame({"t": [datetime.timedelta(hours=h) for h in (1, 2, 3)]})
    got = features_of(fit(frame), frame)
    np.testing.assert_allclose(got["t"], [-np.sqrt(1.5), 0, np.sqrt(1.5)], rtol=1e-6)


def test_a_reloaded_encoder_of_dates_and_lists_gives_the_same_bits():
    frame = pl.DataFrame({"d": DAYS, "tags": [["a", "b"], ["b"], [], None] * 10})
    encoder = fit(frame)
    again = Encoder.from_json(json.loads(json.dumps(encoder.to_json())), encoder.to_arrays())
    assert again == encoder
    want = encoder.transform(read_table(frame)).toarray()
    assert again.transform(read_table(frame)).toarray().tobytes() == want.tobytes()
