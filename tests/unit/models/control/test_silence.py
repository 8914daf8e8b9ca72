"""What passes before the run have made of a silence, against passes gone through one by one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from models.control.silence import known_at_start
from models.machines.beats import Passes

_AROUND = st.integers(-60_000_000, -30_000_000)
"""Where a beat is seen, noticed or tainted just before the beginning, or just not."""


@given(
    st.integers(0, 5_002_999),
    st.integers(1_000_000, 9_000_000),
    _AROUND | st.integers(-300_000_000, 10_000_000),
)
def test_what_is_known_is_what_the_passes_saw(first_us: int, period_us: int, beat_us: int) -> None:
    first_us %= period_us
    grace_us = 40_000_000
    passes = [first_us + k * period_us for k in range(-300, 300)]
    seen = next(at for at in passes if at >= beat_us)
    noticed = next(at for at in passes if at > seen + grace_us)
    tainted = passes[passes.index(noticed) + 1]
    found = known_at_start(beat_us, Passes(first_us, period_us), grace_us)
    assert found.seen_us == (seen if seen < 0 else None)
    assert (found.is_unknown, found.is_tainted) == (noticed < 0, tainted < 0)
