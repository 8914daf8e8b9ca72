"""Pod classes of templates: what a manifest says goes in whole, and selectors of minions become node affinity."""

from __future__ import annotations

from dataclasses import replace

import pytest

from models.api.containers import ContainerSpec, PodContainers
from models.api.scheduling import MinionAsScheduled, NodeTerm, PodAsScheduled
from models.api.scheduling_templates import POOL_LABEL, as_scheduled
from models.api.selectors import parse_selector
from models.api.specs_taints import Toleration
from models.api.types import PodTemplate, ResourceTable
from models.policies.kubernetes.node_affinity import NODE_AFFINITY

_TABLE = ResourceTable(["example.com/fpga"])
_PLAIN = PodTemplate(0, _TABLE.amounts(500, 0, 1, 0, {"example.com/fpga": 2}, 0), labels=(("app", "a"),))


def allowed(template: PodTemplate, *minions: tuple[str, str, dict[str, str]]) -> list[bool]:
    pod = as_scheduled(template, _TABLE.names)
    return [
        NODE_AFFINITY.passes(MinionAsScheduled(name, {POOL_LABEL: pool, **labels}), pod)
        for name, pool, labels in minions
    ]


def test_what_is_not_asked_for_has_a_default_in_scores_and_none_in_requests() -> None:
    found = as_scheduled(_PLAIN, _TABLE.names)
    assert found.requests == (("cpu", 500), ("example.com/fpga", 2))
    assert found.nonzero == (500, 200 * 2**20)
    assert dict(found.scored) == {"cpu": 500, "memory": 200 * 2**20, "example.com/fpga": 2}
    assert found.labels == (("app", "a"),)
    assert found.required_nodes is None


def test_containers_that_are_listed_count_one_by_one_with_their_images() -> None:
    listed = PodContainers(
        containers=(
            ContainerSpec("a", "nginx", requests=(("cpu", 400),)),
            ContainerSpec("b", "db:2", requests=(("cpu", 100), ("memory", 2**30))),
            ContainerSpec("c"),
        ),
        init_containers=(ContainerSpec("i", "big:1", requests=(("memory", 2**31),)),),
    )
    need = _TABLE.amounts(500, 2**31, 1, 0, {}, 0)
    found = as_scheduled(PodTemplate(0, need, containers=listed), _TABLE.names)
    assert found.images == ("nginx:latest", "db:2")
    assert found.requests == (("cpu", 500), ("memory", 2**31))
    assert found.nonzero == (400 + 100 + 100, 2**31)
    small = replace(listed, init_containers=())
    found = as_scheduled(PodTemplate(0, need, containers=small), _TABLE.names)
    assert found.nonzero == (600, 2**30 + 2 * 200 * 2**20)


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ("web", [True, True, False, False]),
        ("web-1", [False, True, False, False]),
        ("tier=x", [True, False, True, False]),
        ("web, tier=x", [True, False, False, False]),
        ("web, tier!=x", [False, True, False, False]),
        ("web, web-1", [False, True, False, False]),
        ("!tier", [False, True, False, True]),
        ("tier in (x, y)", [True, False, True, False]),
    ],
)
def test_selectors_of_minions(selector: str, expected: list[bool]) -> None:
    minions = (
        ("web-0", "web", {"tier": "x"}),
        ("web-1", "web", {}),
        ("db-0", "db", {"tier": "x"}),
        ("db-1", "db", {}),
    )
    template = replace(_PLAIN, minions=parse_selector(selector))
    assert allowed(template, *minions) == expected
    wanted = parse_selector(selector)
    assert expected == [wanted.matches(labels, (name, pool)) for name, pool, labels in minions]


def test_a_selector_is_joined_with_what_a_manifest_asks() -> None:
    said = PodAsScheduled(node_selector=(("disk", "ssd"),), required_nodes=(NodeTerm(),))
    template = replace(_PLAIN, scheduling=said, minions=parse_selector({"disk": "ssd"}))
    assert as_scheduled(template, _TABLE.names) == said  # the node selector is there already
    joined = replace(template, minions=parse_selector("disk=ssd, web"))
    assert allowed(joined, ("web-0", "web", {"disk": "ssd"})) == [False]  # an empty term matches nothing


def test_tolerations_are_those_after_admission() -> None:
    given = Toleration(key="k", operator="Exists", effect="NoExecute", tolerationSeconds="5s")
    said = PodAsScheduled()
    template = replace(_PLAIN, scheduling=said, tolerations=(given,))
    (found,) = as_scheduled(template, _TABLE.names).tolerations
    assert (found.key, found.operator, found.effect) == ("k", "Exists", "NoExecute")
