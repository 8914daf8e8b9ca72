from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.api.quantities import QuantityError, parse_quantity, to_amount, to_bytes, to_millicores


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("128974848", "128974848"),
        ("129e6", "129000000"),
        ("129M", "129000000"),
        ("123Mi", "128974848"),
        ("1.5Gi", "1610612736"),
        ("100m", "0.1"),
        ("1u", "0.000001"),
        ("2n", "0.000000002"),
        ("1E", "1000000000000000000"),
        ("1E3", "1000"),
        ("1e-3", "0.001"),
        ("+1", "1"),
        (".5", "0.5"),
        ("5.", "5"),
        ("0", "0"),
        (7, "7"),
        (0.25, "0.25"),
        (1e9, "1000000000"),
    ],
)
def test_forms_of_the_api(text, number):
    assert parse_quantity(text) == Decimal(number)


@pytest.mark.parametrize(
    "text",
    ["", "Mi", "64Mib", "1 Gi", "1ki", "1KI", "abc", "1e", "1e3m", "--1", "1..2", True, None, [1], "9" * 99],
)
def test_what_is_no_quantity(text):
    with pytest.raises(QuantityError, match="must match the regular expression"):
        parse_quantity(text)


def test_amounts_are_rounded_up_and_bounded():
    assert to_millicores("0.1001") == 101
    assert to_millicores(2) == 2000
    assert to_bytes("0.3Gi") == 322122548
    assert to_amount("2k") == 2000
    for read, text, says in (
        (to_millicores, "-1", "greater than or equal to 0"),
        (to_millicores, "1000001", "at most 1000000 cores"),
        (to_bytes, "2E", "at most 1Ei"),
        (to_amount, "0.5", "must be an integer"),
        (to_amount, "2G", "at most 1000000000"),
    ):
        with pytest.raises(QuantityError, match=says):
            read(text)


@given(st.integers(0, 2**59), st.sampled_from(["", "m", "k", "Ki"]))
def test_numbers_with_suffixes_are_exact(number, suffix):
    factor = {"": 1, "m": Decimal("0.001"), "k": 1000, "Ki": 1024}[suffix]
    assert parse_quantity(f"{number}{suffix}") == number * factor
