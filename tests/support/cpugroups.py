"""Random trees of groups that compete for cores."""

from __future__ import annotations

from hypothesis import strategies as st

from models.kernel.cpugroups import CpuGroup, CpuQuota

__all__ = ["leaves", "trees"]

_WEIGHTS = st.sampled_from([2.0, 102.0, 512.0, 1024.0, 4096.0, 262_144.0]) | st.floats(1.0, 1e4)
_THREADS = st.sampled_from([0.0, 0.25, 1.0, 2.0, 3.0, 7.5, 40.0])
_NO_CPUS: st.SearchStrategy[frozenset[int] | None] = st.none()
_QUOTAS = st.none() | st.builds(CpuQuota, st.integers(1, 300).map(lambda ms: 1000 * ms))


def leaves(cpus: st.SearchStrategy[frozenset[int] | None]) -> st.SearchStrategy[CpuGroup]:
    """Return containers."""
    return st.builds(CpuGroup, st.just("leaf"), _WEIGHTS, _THREADS, _QUOTAS, cpus)


@st.composite
def trees(
    draw: st.DrawFn,
    depth: int = 5,
    width: int = 4,
    cpus: st.SearchStrategy[frozenset[int] | None] = _NO_CPUS,
    quotas: st.SearchStrategy[CpuQuota | None] = _QUOTAS,
) -> CpuGroup:
    """Draw a tree of at most some levels below its root; cpusets stand at containers."""
    if depth == 0 or draw(st.integers(0, 3)) == 0:
        return draw(leaves(cpus))
    children = draw(st.lists(trees(depth - 1, width, cpus, quotas), min_size=1, max_size=width))
    return CpuGroup("group", draw(_WEIGHTS), quota=draw(quotas), children=tuple(children))
