"""What editors are told agrees with what is read."""

from __future__ import annotations

from pathlib import Path

import jsonschema
import pytest
import yaml

from models.api.schema import nested, scenario_json_schema
from models.api.specs import Scenario
from tests.property.mutants import fill_folder, scenario

SHIPPED = sorted(
    path
    for path in (Path(__file__).parents[4] / "scenarios").rglob("*.yaml")
    if "wavetank/v1" in path.read_text()
)


@pytest.fixture(scope="module")
def validator():
    schema = scenario_json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def problems(validator, data):
    return [f"{each.json_path}: {each.message}" for each in validator.iter_errors(data)]


def test_a_scenario_with_every_key_is_valid(validator, tmp_path):
    fill_folder(tmp_path)
    assert problems(validator, scenario(str(tmp_path))) == []


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_the_scenarios_that_are_shipped_are_valid(validator, path):
    assert problems(validator, yaml.safe_load(path.read_text())) == []


@pytest.mark.parametrize(
    "change",
    [
        {"seeds": 1},
        {"seed": "x"},
        {"master": {"timing": "real"}},
        {"master": {"clients": {"all": {"qps": -1}}}},
        {"controllers": [{"name": "a"}]},
        {"controllers": [{"name": "a", "pod": {}, "replicas": -1}]},
        {"services": [{"name": "a", "selector": {"a": "b"}, "ports": [{"port": 0}]}]},
        {"faults": [{"at": "5m", "crsh": {"minion": "a"}}]},
        {"until": "24"},
        {"until": None},
    ],
)
def test_editors_see_single_mistakes(validator, change, tmp_path):
    fill_folder(tmp_path)
    assert problems(validator, {**scenario(str(tmp_path)), **change})


def test_names_that_have_a_default_and_nothing_else_may_be_left_out(validator, tmp_path):
    data = {
        "apiVersion": "wavetank/v1",
        "name": "x",
        "cluster": {"minions": [{"name": "a", "cpu": 1, "memory": "1Gi"}]},
    }
    assert problems(validator, data) == []
    assert problems(validator, {**data, "faults": [{"at": "5m", "crash": {"minion": "a"}}]}) == []
    assert problems(validator, {**data, "workloads": [{"manifest": "a.yaml"}]}) == []
    assert problems(validator, {**data, "controllers": [{"pod": {}}]})


def test_every_model_is_described_and_defaults_are_as_they_are_written():
    schema = scenario_json_schema()
    defs = schema["$defs"]
    assert {model.__name__ for model in nested(Scenario)} == {*defs, "Scenario"}
    for made in (schema, *defs.values()):
        assert made["description"].endswith(".")
        assert "\n" not in made["description"]
        assert "null" not in str(made.get("properties", {}))
    assert defs["PodSpec"]["properties"]["cpu"]["default"] == "0"
    assert defs["MinionPool"]["properties"]["ephemeral-storage"]["default"] == "100Gi"
    assert defs["PodSpec"]["properties"]["minions"]["default"] == "all"
    assert defs["Service"]["properties"]["ports"]["default"] == [{"port": 80, "protocol": "TCP"}]
    assert "default" not in defs["Master"]["properties"]["timing"]
    assert "default" not in defs["Controller"]["properties"]["selector"]
