"""Streams: draws are pure functions of their names, uniform, and independent of one another."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from sim.streams import Stream, Streams, _words

SEEDS = st.integers(0, 2**63 - 1)
NAMES = st.text(max_size=12)
INDICES = st.integers(0, 10**7)
DRAWS = st.integers(0, 2**40)
WORDS = st.integers(0, 3)
FROZEN = [0.5083416188758744, 0.45241327366882256, 0.403302278496834, 0.9499277241142715]


@given(SEEDS, NAMES, NAMES, INDICES, DRAWS, WORDS)
def test_a_draw_is_philox_at_the_counter_of_its_name(seed, purpose, group, index, n, word):
    low, high = _words(group, 2)
    counter = (index + (n << 64) + (low << 128) + (high << 192) - 1) % 2**256
    philox = np.random.Philox(key=np.array(_words(f"{seed}/{purpose}", 2), np.uint64), counter=counter)
    expected = ((int(philox.random_raw(4)[word]) >> 12) + 0.5) / 2**52
    assert Stream(seed, purpose).at(group, index, n, word) == expected


@given(SEEDS, st.lists(st.tuples(NAMES, NAMES, INDICES, st.integers(0, 5), WORDS), max_size=20), st.randoms())
def test_a_draw_does_not_depend_on_what_was_drawn_before(seed, asked, random):
    streams = Streams(seed)
    shuffled = random.sample(asked, len(asked))
    drawn = {key: streams.stream(key[0]).at(*key[1:]) for key in shuffled}
    for key in asked:
        assert Stream(seed, key[0]).at(*key[1:]) == drawn[key]


@given(SEEDS, NAMES, INDICES, st.integers(1, 200), st.integers(0, 9), WORDS)
def test_a_block_equals_its_single_draws(seed, group, start, count, n, word):
    stream = Stream(seed, "p")
    block = stream.block(group, start, count, n, word)
    assert (block.shape, block.dtype) == ((count,), np.float64)
    assert block.tolist() == [stream.at(group, start + i, n, word) for i in range(count)]


def test_forgotten_blocks_come_back_the_same():
    stream = Stream(5, "p")
    first = [stream.at("g", 64 * i) for i in range(1500)]
    assert len(stream._cache) <= 1024
    assert [stream.at("g", 64 * i) for i in range(1500)] == first


def test_a_block_belongs_to_the_caller():
    stream = Stream(5, "p")
    block = stream.block("g", 0, 8)
    block[:] = 0
    assert (stream.block("g", 0, 8) > 0).all()


def test_draws_are_those_of_other_machines_and_releases():
    # Frozen: a change here changes every run ever made.
    stream = Streams(1).stream("minion.time_to_failure")
    assert [stream.at("web", 3, 2, word) for word in range(4)] == FROZEN


def test_any_part_of_the_name_makes_another_draw():
    base = (1, "p", "g", 0, 0, 0)
    others = [
        (2, "p", "g", 0, 0, 0),
        (1, "q", "g", 0, 0, 0),
        (1, "p", "h", 0, 0, 0),
        (1, "p", "g", 1, 0, 0),
        (1, "p", "g", 0, 1, 0),
        *((1, "p", "g", 0, 0, word) for word in (1, 2, 3)),
    ]
    drawn = [Stream(seed, purpose).at(*rest) for seed, purpose, *rest in (base, *others)]
    assert len(np.unique(drawn)) == len(drawn)


COUNT = 20_000
VARIANTS = {
    "base": ("p", "g", 0, 0),
    "next purpose": ("q", "g", 0, 0),
    "next group": ("p", "h", 0, 0),
    "next n": ("p", "g", 1, 0),
    "word 1": ("p", "g", 0, 1),
    "word 2": ("p", "g", 0, 2),
    "word 3": ("p", "g", 0, 3),
}


def column(purpose, group, n, word):
    return Stream(2024, purpose).block(group, 0, COUNT, n, word)


@pytest.mark.parametrize("name", VARIANTS)
def test_draws_are_uniform(name):
    assert stats.kstest(column(*VARIANTS[name]), "uniform").pvalue > 1e-4


def test_draws_of_one_entity_are_uniform_too():
    stream = Stream(2024, "p")
    assert stats.kstest([stream.at("g", 7, n) for n in range(2_000)], "uniform").pvalue > 1e-4


@pytest.mark.parametrize(("one", "other"), list(itertools.combinations(VARIANTS, 2)))
def test_draws_of_different_names_are_independent(one, other):
    # Pairs over a 10 x 10 grid: chi squared sees any overlap, shift or correlation of two columns.
    cells, _, _ = np.histogram2d(
        column(*VARIANTS[one]), column(*VARIANTS[other]), bins=10, range=[[0, 1]] * 2
    )
    assert stats.chisquare(cells.ravel()).pvalue > 1e-5


def test_neighbours_and_following_draws_share_nothing():
    stream = Stream(2024, "p")
    many = np.concatenate([stream.block("g", 0, 3_000, n, word) for n in range(5) for word in range(4)])
    assert np.unique(many).size == many.size
    for lag in (1, 2, 64):
        assert abs(np.corrcoef(many[:-lag], many[lag:])[0, 1]) < 4.5 / np.sqrt(many.size)


@pytest.mark.parametrize(("raw", "expected"), [(0, 2.0**-53), (2**64 - 1, 1 - 2.0**-53)])
def test_the_extremes_lie_inside_the_open_interval(raw, expected):
    class Extreme:
        state = None

        def random_raw(self, count):
            return np.full(count, raw, np.uint64)

    stream = Stream(1, "p")
    stream._philox = Extreme()
    assert stream.at("g", 0) == expected
    assert 0.0 < expected < 1.0


def test_one_purpose_is_one_stream():
    streams = Streams(1)
    assert streams.stream("a") is streams.stream("a")
    assert streams.stream("a") is not streams.stream("b")
