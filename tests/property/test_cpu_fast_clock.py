"""The compiled clock against the plain one: the same times, CPU seconds, means and throttling to 1e-9."""

from __future__ import annotations

import importlib.util
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.kernel import cpuclocks
from models.kernel.cpuclock import CpuClock
from models.kernel.cpuclocks import make_clock
from models.kernel.cpugroups import CpuGroup, CpuQuota
from models.kernel.cputree import CpuTree
from tests.support.cpugroups import trees

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("numba") is None, reason="needs numba: pip install 'wavetank[fast]'"
)
if importlib.util.find_spec("numba") is not None:
    from models.kernel.cpufastclock import FastCpuClock, is_for

_STEPS = st.lists(
    st.tuples(
        st.sampled_from(["threads", "work", "look", "end", "restart"]),
        st.integers(0, 50),
        st.sampled_from([0.0, 0.3, 1.0, 2.5, 9.0]),
        st.sampled_from([0.0, 0.0117, 0.1, 0.25, 3.0]) | st.integers(0, 400_000).map(lambda us: us / 1e6),
    ),
    min_size=1,
    max_size=12,
)


@settings(deadline=None)
@given(trees(depth=4, width=4), st.integers(1, 8), _STEPS)
def test_both_clocks_say_the_same(
    root: CpuGroup, cores: int, steps: list[tuple[str, int, float, float]]
) -> None:
    plain, fast = CpuClock(CpuTree(root, cores)), FastCpuClock(CpuTree(root, cores))
    groups = list(root.walk())
    leaves = [index for index, group in enumerate(groups) if not group.children]
    now_s = 0.0
    for what, which, amount, wait_s in steps:
        index = leaves[which % len(leaves)]
        for clock in (plain, fast):
            if what == "threads":
                clock.set_threads(now_s, index, amount)
            elif what == "work":
                clock.give_work(now_s, index, amount, max(amount, 0.3))
            elif what == "restart":
                clock.restart(now_s, {index: amount / 100, 0: 0.01})
                clock.set_threads(now_s, index, amount)
        assert fast.next_end_s == pytest.approx(plain.next_end_s, rel=1e-9, abs=1e-9)
        # An engine stops at each end; here at the later of what the two say.
        end_s = max(plain.next_end_s, fast.next_end_s)
        now_s = end_s if end_s < math.inf and what == "end" else min(end_s, now_s + wait_s)
        assert plain.take_ended(now_s) == fast.take_ended(now_s)
        agree(plain, fast, now_s, leaves)
        for index, group in enumerate(groups):
            if group.quota is not None:
                # That a quota runs out just as the period ends is a matter of rounding: it holds nobody.
                (times, held_s), (seen, seen_s) = plain.throttled(index), fast.throttled(index)
                assert held_s == pytest.approx(seen_s, rel=1e-9, abs=1e-9)
                assert abs(times - seen) <= (0 if held_s > 1e-9 else len(steps))


def agree(plain: CpuClock, fast: FastCpuClock, now_s: float, leaves: list[int]) -> None:
    """Look at all that both tell."""
    near = {"rel": 1e-9, "abs": 1e-9}
    assert fast.used_core_s(now_s) == pytest.approx(plain.used_core_s(now_s), **near)
    assert fast.next_end_s == pytest.approx(plain.next_end_s, **near)
    for one, other in (
        (fast.means(leaves), plain.means(leaves)),
        (fast.account(now_s, leaves), plain.account(now_s, leaves)),
    ):
        assert [value for row in one for value in row] == pytest.approx(
            [value for row in other for value in row], **near
        )
    spent = [[clock.spent_core_s(now_s, index) for index in leaves] for clock in (fast, plain)]
    assert spent[0] == pytest.approx(spent[1], **near)


def test_what_is_not_compiled_runs_on_the_plain_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    narrow = CpuGroup("root", children=(CpuGroup("a", cpus=frozenset({0})), CpuGroup("b")))
    mixed = CpuGroup(
        "root", children=(CpuGroup("a", quota=CpuQuota(5000, 50_000)), CpuGroup("b", quota=CpuQuota(5000)))
    )
    assert not is_for(CpuTree(narrow, 2))
    assert not is_for(CpuTree(mixed, 2))
    assert isinstance(make_clock(narrow, 2), CpuClock)
    assert isinstance(make_clock(CpuGroup("root"), 2), FastCpuClock)
    monkeypatch.setattr(cpuclocks, "has_compiled", lambda: False)
    assert isinstance(make_clock(CpuGroup("root"), 2), CpuClock)
