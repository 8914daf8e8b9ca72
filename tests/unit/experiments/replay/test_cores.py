"""Numbers of cores are read and written as the kernel does it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.replay.cores import cpus_text, parse_cpus


@given(st.frozensets(st.integers(0, 300), min_size=1))
def test_what_is_written_is_read(cpus: frozenset[int]) -> None:
    assert parse_cpus(cpus_text(cpus)) == cpus


def test_runs() -> None:
    assert cpus_text({0, 1, 2, 5, 7, 8}) == "0-2,5,7-8"
    assert parse_cpus(" 1, 3-4 ") == {1, 3, 4}


@pytest.mark.parametrize("text", ["", "a", "3-1", "1,", "-1", "9999", "0-9999"])
def test_what_is_no_list(text: str) -> None:
    with pytest.raises(ValueError, match="expected numbers of cores, as 0-3,6"):
        parse_cpus(text)
