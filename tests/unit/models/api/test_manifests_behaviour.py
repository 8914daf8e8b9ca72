"""How a manifest's own annotation says that containers behave; what is told of one that is wrong."""

from __future__ import annotations

import pytest

from models.api.behaviour import Behaviour, Health
from models.api.manifests import read_manifest_text
from models.api.specs_manifests import ManifestPod
from sim.distributions import Constant

POD = """
apiVersion: v1
kind: Pod
metadata:
  name: a
  annotations:
    wavetank/behaviour: '{annotation}'
spec:
  initContainers: [{{name: fetch}}]
  containers: [{{name: app}}, {{name: proxy}}]
"""


def read(annotation: str) -> tuple[list[str], dict[str, Behaviour]]:
    found, problems = read_manifest_text(POD.format(annotation=annotation), "m.yaml")
    told = [str(each) for each in problems]
    (each,) = found.objects
    assert isinstance(each.spec, ManifestPod)
    containers = each.spec.pod.containers
    assert containers is not None
    return told, {each.name: each.behaviour for each in (*containers.init_containers, *containers.containers)}


def test_containers_behave_as_the_annotation_says() -> None:
    told, found = read("{app: {runs: 10s, exitCode: 1, healthyUntil: 5s}, fetch: {runs: 2s}}")
    assert told == []
    assert found == {
        "fetch": Behaviour(runs=Constant(2.0)),
        "app": Behaviour(runs=Constant(10.0), exit_code=1, health=Health(healthy_until=Constant(5.0))),
        "proxy": Behaviour(),
    }


@pytest.mark.parametrize(
    ("annotation", "expected"),
    [
        ("{ap: {runs: 10s}}", ["there is no container 'ap' in this pod; did you mean 'app'?"]),
        ("{app: {run: 10s}}", ["app: 'run' is not a key here: expected exitCode, healthyFrom"]),
        ("{app: {runs: 10}}", ["app.runs: expected a time with a unit"]),
        ("{app: 10s}", ["app: expected how it behaves, as {app: {runs: 10s, exitCode: 1}}"]),
        ("[app]", ["expected containers and how they behave, as {app: {runs: 10s, exitCode: 1}}"]),
        ("{app: ", ["wavetank/behaviour"]),
        ("{app: {exitCode: 256, takes: 3s}, proxy: {stops: soon}}", ["exitCode", "proxy.stops"]),
        ("{app: {takes: 3s}}", ["app: 'slowFrom' is missing"]),
    ],
)
def test_what_is_wrong_is_told_at_the_annotation(annotation: str, expected: list[str]) -> None:
    told, _ = read(annotation)
    for words in expected:
        assert any(words in each for each in told), told
    assert all(each.startswith("m.yaml:7:") for each in told), told
    assert all("metadata.annotations[wavetank/behaviour]" in each for each in told), told
