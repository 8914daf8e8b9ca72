from __future__ import annotations

import json
from collections import Counter

import pytest
from typer.testing import CliRunner

from experiments.dumps.cluster import make_dump
from experiments.dumps.nodes import ALLOCATABLE_MILLICORES
from models.api.quantities import to_millicores


@pytest.fixture(scope="module")
def items():
    return make_dump(12, 150)["items"]


def of(items, kind):
    return [each for each in items if each["kind"] == kind]


def test_it_has_as_many_nodes_and_pods_as_asked_and_their_owners(items):
    kinds = Counter(each["kind"] for each in items)
    assert (kinds["Node"], kinds["Pod"]) == (12, 150)
    uids = {each["metadata"]["uid"]: each for each in items}
    assert len(uids) == len(items)
    names = {(each["kind"], each["metadata"].get("namespace"), each["metadata"]["name"]) for each in items}
    assert len(names) == len(items)
    for pod in of(items, "Pod"):
        (owner,) = pod["metadata"]["ownerReferences"]
        if owner["kind"] in {"ReplicaSet", "ReplicationController"}:
            assert uids[owner["uid"]]["metadata"]["name"] == owner["name"]
            selector = uids[owner["uid"]]["spec"]["selector"]
            labels = selector.get("matchLabels", selector)
            assert labels.items() <= pod["metadata"]["labels"].items()


def test_controllers_have_the_pods_that_they_want_and_old_revisions_none(items):
    owned = Counter(pod["metadata"]["ownerReferences"][0]["uid"] for pod in of(items, "Pod"))
    controllers = of(items, "ReplicaSet") + of(items, "ReplicationController")
    assert all(owned[each["metadata"]["uid"]] == each["spec"]["replicas"] for each in controllers)
    assert any(each["spec"]["replicas"] == 0 for each in controllers)


def test_no_node_has_more_than_it_can_take(items):
    spent = Counter()
    for pod in of(items, "Pod"):
        if "nodeName" in pod["spec"]:
            for each in pod["spec"]["containers"]:
                spent[pod["spec"]["nodeName"]] += to_millicores(each["resources"]["requests"]["cpu"])
    assert spent
    assert max(spent.values()) <= ALLOCATABLE_MILLICORES


def test_it_has_what_happens_in_clusters(items):
    phases = Counter(pod["status"]["phase"] for pod in of(items, "Pod"))
    assert phases["Running"] > 100
    assert phases["Pending"] == 2
    assert phases["Succeeded"] + phases["Failed"] > 0
    assert [node["metadata"]["name"] for node in of(items, "Node") if node["spec"].get("unschedulable")]
    assert any(
        each["status"] == "Unknown" for node in of(items, "Node") for each in node["status"]["conditions"]
    )


def test_the_seed_makes_it():
    assert make_dump(3, 40, 7) == make_dump(3, 40, 7)
    assert make_dump(3, 40, 7) != make_dump(3, 40, 8)


def test_a_file_is_written_as_kubectl_prints_it(tmp_path):
    import typer

    from experiments.dumps.__main__ import main

    app = typer.Typer()
    app.command()(main)
    file = tmp_path / "dump.json"
    done = CliRunner().invoke(app, [str(file), "--nodes", "2", "--pods", "30"])
    assert done.exit_code == 0
    text = file.read_text()
    assert text.startswith(
        '{\n    "apiVersion": "v1",\n    "items": [\n        {\n            "apiVersion": "v1",\n'
    )
    assert json.loads(text) == make_dump(2, 30)
    done = CliRunner().invoke(app, [str(file), "--nodes", "2", "--pods", "3"])
    assert done.exit_code == 2
    assert "the system alone has" in done.output
