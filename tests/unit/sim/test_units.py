from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.units import (
    MAX_BYTES,
    MAX_DURATION_S,
    MAX_MILLICORES,
    UnitError,
    format_bytes,
    format_duration_s,
    format_millicores,
    format_rate_per_s,
    parse_bytes,
    parse_bytes_exact,
    parse_count,
    parse_duration_s,
    parse_millicores,
    parse_millicores_exact,
    parse_number,
    parse_rate_per_s,
    parse_ratio,
)


def refused(parse, *args):
    with pytest.raises(UnitError) as caught:
        parse(*args)
    return caught.value


PARSERS = (parse_duration_s, parse_millicores, parse_bytes, parse_rate_per_s, parse_ratio)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30s", 30.0),
        ("15m", 900.0),
        ("300d", 300 * 86400.0),
        ("1.5h", 5400.0),
        ("250ms", 0.25),
        ("20us", 2e-5),
        ("1h30m", 5400.0),
        ("1d2h3m4s5ms", 93784.005),
        ("0s", 0.0),
        ("1e3s", 1000.0),
        (".5s", 0.5),
        (" 5m ", 300.0),
        ("365250d", MAX_DURATION_S),
    ],
)
def test_durations(text, seconds):
    assert parse_duration_s(text) == seconds


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        (30, "30s"),
        (0, "0s"),
        (1.5, "1.5s"),
        ("30", "30s"),
        ("30sec", "30s"),
        ("5 minutes", "5m"),
        ("5M", "5m"),
        ("3days", "3d"),
        ("30m1h", None),
        ("1h1h", None),
        ("5x", None),
        ("5Gi", None),
        ("-5s", None),
        (-5, None),
        ("1e30s", None),
        ("365251d", None),
        (float("nan"), None),
        (float("inf"), None),
        (None, None),
        (True, None),
        ([1], None),
        ({}, None),
        ("", None),
        ("s", None),
        ("9" * 500 + "s", None),
        ("1e99999s", None),
    ],
)
def test_what_is_no_duration(value, hint):
    with pytest.raises(UnitError) as caught:
        parse_duration_s(value)
    assert caught.value.suggestion == hint
    assert "expected" in caught.value.sentence
    assert isinstance(caught.value, ValueError)
    if hint is not None:
        parse_duration_s(hint)
        assert str(caught.value).endswith(f"; did you mean '{hint}'?")


@pytest.mark.parametrize(
    ("value", "millicores"),
    [
        (8, 8000),
        (0.5, 500),
        ("500m", 500),
        ("8", 8000),
        ("1500u", 2),
        ("0.1", 100),
        (0.1, 100),
        ("0.0001", 1),
        (0, 0),
    ],
)
def test_cpu_is_rounded_up(value, millicores):
    assert parse_millicores(value) == millicores


@pytest.mark.parametrize(
    ("value", "hint"), [("8Gi", None), ("2 cores", "2"), ("2C", "2"), ("-1", None), (-1, None), (1e30, None),
                        (True, None), ("500Mi", "500m"), (float("nan"), None), (1000001, None),
                        ("x", None), ([], None)]
)  # fmt: skip
def test_what_is_no_cpu(value, hint):
    with pytest.raises(UnitError, match="CPU") as caught:
        parse_millicores(value)
    assert caught.value.suggestion == hint


@pytest.mark.parametrize(
    ("value", "size"),
    [
        ("32Gi", 32 * 2**30),
        ("512Mi", 512 * 2**20),
        ("100M", 10**8),
        ("3k", 3000),
        ("0.3Gi", 322122548),  # as Kubernetes' Value(): rounded up
        ("1e9", 10**9),
        (1e9, 10**9),
        ("1e3Mi", 1000 * 2**20),
        ("0Mi", 0),
        ("1Ei", MAX_BYTES),
    ],
)
def test_sizes(value, size):
    assert parse_bytes(value) == size


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        (32, "32Gi"),
        (2048, "2048Mi"),
        (2**35, "32Gi"),
        (0, "0Gi"),
        ("32", "32Gi"),
        ("32GB", "32G"),
        ("32GiB", "32Gi"),
        ("32g", "32G"),
        ("512m", "512Mi"),
        ("1X", None),
        ("2Ei", None),
        (1e30, None),
        (-1, None),
        ("-1Gi", None),
        (0.5, "0.5Gi"),
        (float("inf"), None),
        (True, None),
        (None, None),
    ],
)
def test_what_is_no_size(value, hint):
    with pytest.raises(UnitError, match="expected") as caught:
        parse_bytes(value)
    assert caught.value.suggestion == hint


@pytest.mark.parametrize(
    ("text", "rate"), [("10/h", 10 / 3600), ("0.5/s", 0.5), ("3 /m", 0.05), ("0/s", 0.0), ("864/d", 0.01)]
)
def test_rates(text, rate):
    assert parse_rate_per_s(text) == rate


@pytest.mark.parametrize(
    ("value", "hint"),
    [(10, "10/s"), ("10", "10/s"), ("10/min", "10/m"), ("10/hour", "10/h"), ("10/x", None), ("-1/s", None),
     ("1e30/s", None), ("2e9/s", None), (None, None), (float("nan"), None), ("10h", "10/h")],
)  # fmt: skip
def test_what_is_no_rate(value, hint):
    with pytest.raises(UnitError, match="expected a rate") as caught:
        parse_rate_per_s(value)
    assert caught.value.suggestion == hint


def test_ratios_and_numbers():
    assert parse_ratio(0.25) == 0.25
    assert parse_ratio(1) == 1.0
    with pytest.raises(UnitError) as caught:
        parse_ratio("80%")
    assert caught.value.suggestion == "0.8"
    assert str(refused(parse_ratio, 2)) == ("expected a ratio between 0 and 1, but the value is 2")
    assert str(refused(parse_number, -1, "a factor", 0.5, 2.0)) == (
        "expected a factor between 0.5 and 2, but the value is -1"
    )
    assert parse_count(1e3, "a count", 0, 5000) == 1000
    assert refused(parse_count, 2.4, "a count", 0, 9).suggestion == "2"
    assert refused(parse_count, "7", "a count", 0, 9).suggestion == "7"
    assert "between 0 and 9" in str(refused(parse_count, 10, "a count", 0, 9))
    for nonsense in (True, None, [], "x", float("nan"), float("inf")):
        with pytest.raises(UnitError):
            parse_count(nonsense, "a count", 0, 9)


finite = st.floats(0, MAX_DURATION_S)


@given(finite)
def test_durations_are_written_so_that_they_read_the_same(seconds):
    assert parse_duration_s(format_duration_s(seconds)) == seconds


@given(st.floats(0, MAX_MILLICORES), st.integers(0, MAX_MILLICORES))
def test_cpu_is_written_so_that_it_reads_the_same(exact, whole):
    assert parse_millicores_exact(format_millicores(exact)) == exact
    assert parse_millicores(format_millicores(whole)) == whole


@given(st.floats(0, MAX_BYTES), st.integers(0, MAX_BYTES))
def test_sizes_are_written_so_that_they_read_the_same(exact, whole):
    assert parse_bytes_exact(format_bytes(exact)) == exact
    assert parse_bytes(format_bytes(whole)) == whole


@given(st.floats(0, 1e9))
def test_rates_are_written_so_that_they_read_the_same(rate):
    assert parse_rate_per_s(format_rate_per_s(rate)) == rate


anything = st.one_of(
    st.text(max_size=20),
    st.text("0123456789.eE+-smhdugkKMGTi/% ", max_size=12),
    st.floats(),
    st.integers(),
    st.booleans(),
    st.none(),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=2), st.integers(), max_size=2),
)


@given(anything)
def test_whatever_comes_the_answer_is_a_number_in_range_or_one_sentence(value):
    for parse in PARSERS:
        try:
            number = parse(value)
        except UnitError as error:
            text = str(error)
            assert "\n" not in text or "\n" in str(value)
            assert "expected" in text
            if error.suggestion is not None:
                parse(error.suggestion if parse is not parse_ratio else float(error.suggestion))
        else:
            assert math.isfinite(number)
            assert number >= 0


def test_an_error_can_be_rebuilt_from_its_arguments():
    error = UnitError("a sentence", "a hint")
    assert str(type(error)(*error.args)) == str(error)
