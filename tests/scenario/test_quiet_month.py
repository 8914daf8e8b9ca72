"""A quiet cluster costs nothing: leases, passes, resyncs and services that change nothing are no events."""

from __future__ import annotations

import pytest

from models.testing.rest import broken_at_rest
from tests.support.worlds import ran

TEXT = """
until: {until}
cluster: {{minions: [{{name: m, count: {minions}, cpu: 32, memory: 64Gi, domains: {{zone: [a, b, c]}}}}]}}
master: {{timing: kubernetes, clients: {{all: {{qps: 100, burst: 200}}}}}}
controllers:
{controllers}
services:
{services}
"""


def dispatched(until: str, minions: int, pods: int) -> int:
    names = range(10)
    text = TEXT.format(
        until=until,
        minions=minions,
        controllers="\n".join(
            f"  - {{name: c{n}, replicas: {pods // 10}, pod: {{cpu: 100m, memory: 64Mi}}}}" for n in names
        ),
        services="\n".join(f"  - {{name: s{n}, selector: {{app: c{n}}}}}" for n in names),
    )
    world = ran(text)
    assert broken_at_rest(world) == []
    assert len([pod for pod in world.pods_there() if pod.ready]) == pods
    return world.engine.dispatched


def test_a_quiet_month_costs_what_its_first_hour_does() -> None:
    assert dispatched("30d", 20, 600) - dispatched("1h", 20, 600) <= 100


@pytest.mark.long
def test_a_quiet_month_of_1_000_minions_costs_what_its_first_hour_does() -> None:
    assert dispatched("30d", 1_000, 30_000) - dispatched("1h", 1_000, 30_000) <= 100
