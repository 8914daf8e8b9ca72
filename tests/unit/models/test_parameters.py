"""Parameters of policies: what does not fit is bad input with a place, never an error of the run."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from models.api.specs import PluginRef
from models.catalog import POLICIES, PluginParameterError, make_policy, policy_problems
from models.parameters import RESOURCE_WORDS, parameter_problems
from tests.support.worlds import ran

_ALL = (*RESOURCE_WORDS, "example.com/fpga_bytes")


@pytest.mark.parametrize(
    ("name", "parameters", "path", "words", "hint"),
    [
        ("best-fit", {"resources": ["cpu", "memroy"]}, ("resources", 1), "no resource 'memroy'", "memory"),
        ("worst-fit", {"resources": ["cpu", "gpu", "cpu"]}, ("resources", 2), "named twice", None),
        ("best-fit", {"resources": [3]}, ("resources", 0), "no resource '3'", None),
        ("best-fit", {"resources": "cpu"}, ("resources",), "expected a list of resources", None),
        ("dot-product", {"levels": 1.5}, ("levels",), "whole number of levels", None),
        ("dot-product", {"levels": True}, ("levels",), "whole number of levels", None),
        ("dot-product", {"levels": -1}, ("levels",), "whole number of levels", None),
        ("fgd", {"popularity": 0}, ("popularity",), "expected a ratio of all pods above 0 and up to 1", None),
        ("fgd", {"popularity": 95}, ("popularity",), "up to 1, not '95'", None),
        ("fgd", {"popularity": True}, ("popularity",), "up to 1", None),
        ("fgd", {"device": "least"}, ("device",), "has no parameter 'device'", None),
        ("first-fit", {"ties": "rando"}, ("ties",), "expected first or random", "random"),
        ("random", {"device": ["least"]}, ("device",), "expected least or random, not a list", None),
        ("random", {"tie": "first"}, ("tie",), "has no parameter 'tie'", "ties"),
    ],
)
def test_one_wrong_parameter_is_one_problem(name, parameters, path, words, hint) -> None:
    (problem,) = policy_problems(PluginRef(name, parameters), _ALL)
    assert (problem.path, problem.hint) == (path, hint)
    assert words in problem.sentence
    with pytest.raises(PluginParameterError, match=words):
        make_policy(PluginRef(name, parameters), _ALL)


def test_all_problems_are_told_at_once() -> None:
    wrong = {"resources": ["x", "y"], "levels": "z", "more": 1}
    assert len(policy_problems(PluginRef("best-fit", wrong), _ALL)) == 4


@pytest.mark.parametrize("name", ["best-fit", "dot-product", "worst-fit"])
@pytest.mark.parametrize("resource", _ALL)
def test_every_resource_of_a_cluster_can_count(name: str, resource: str) -> None:
    world = ran(f"""
until: 1h
cluster: {{minions: [{{name: a, count: 3, cpu: 4, memory: 8Gi, extended: {{example.com/fpga_bytes: 2}}}}]}}
workloads: [{{name: w, arrivals: {{at: 1s}}, count: 4, pod: {{cpu: 1, memory: 1Gi}}}}]
policy: {{scheduler: {{{name}: {{resources: [{resource}]}}}}}}
""")
    assert world.store.created == 4


def test_every_default_of_every_policy_passes() -> None:
    for name in POLICIES:
        policy = POLICIES.get(name)
        parameters = {key: list(v) if isinstance(v, tuple) else v for key, v in vars(policy()).items()}
        assert policy_problems(PluginRef(name, parameters), RESOURCE_WORDS) == []


def test_a_users_own_class_is_asked_for_names_and_what_the_scheduler_reads() -> None:
    @dataclass
    class Mine:
        weight: float
        ties: str = "first"
        levels: str = "any"

    def problems(**parameters: object) -> list[str]:
        found = parameter_problems(Mine, "m:Mine", parameters, RESOURCE_WORDS, built_in=False)
        return [problem.sentence for problem in found]

    assert problems(weight=1, levels="mine") == []
    assert problems() == ["policy 'm:Mine' needs the parameter 'weight'"]
    assert problems(weight=1, ties="none") == ["expected first or random, not 'none'"]
