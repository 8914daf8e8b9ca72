"""Whatever goes wrong while images are pulled: in the end all run, and disks, links and pulls add up."""

from __future__ import annotations

from typing import Any

from hypothesis import event, given
from hypothesis import strategies as st

from models.api.loading import load_scenario_text
from models.catalog import vocabulary
from models.cluster.placedbelief import PlacedBelief
from models.control.pulls import ImagePulls
from models.plan import make_plan
from models.testing.observers import unrecorded
from models.testing.rest import broken_at_rest
from models.testing.strategies import FAULTS_END_S, scenarios, text_of
from models.world import World
from tests.support.worlds import records, sinks

IMAGES = [
    {"name": "a:1", "layers": [{"name": "base", "size": "100M"}, {"name": "a", "size": "50M"}]},
    {"name": "b:1", "layers": [{"name": "base"}, {"name": "b", "size": "200M"}]},
    {"name": "c:1", "size": "1G"},
]


@st.composite
def with_images(draw: st.DrawFn) -> dict[str, Any]:
    """A scenario whose pods have images, often of two containers, on disks that hold most of them."""
    made: dict[str, Any] = draw(scenarios())
    made["images"] = IMAGES
    if draw(st.booleans()):
        made["policy"] = {"scheduler": "kubernetes"}
    made["registry"] = {
        "bandwidth": draw(st.sampled_from(["20M/s", "1G/s"])),
        "perMinion": draw(st.sampled_from(["10M/s", "100M/s"])),
        "latency": draw(st.sampled_from(["0s", "500ms", "10s"])),
        "serialPulls": draw(st.booleans()),
        "layersAtOnce": draw(st.integers(1, 3)),
    }
    for pool in made["cluster"]["minions"]:
        pool["imageDisk"] = draw(st.sampled_from(["4G", "100G"]))
        pool["preloaded"] = draw(st.lists(st.sampled_from(["a:1", "b:1", "c:1"]), unique=True, max_size=2))
    for controller in made["controllers"]:
        pod = controller["pod"]
        asked = {"cpu": pod.pop("cpu"), "memory": pod.pop("memory")}
        names = draw(st.lists(st.sampled_from(["a:1", "b:1", "c:1"]), min_size=1, max_size=2))
        policy = draw(st.sampled_from(["Always", "IfNotPresent"]))
        pod["containers"] = [
            {"name": f"c{n}", "image": name, "imagePullPolicy": policy, **(asked if n == 0 else {})}
            for n, name in enumerate(names)
        ]
    for number in range(draw(st.integers(0, 2))):
        at_s = draw(st.integers(0, FAULTS_END_S - 1))
        lasts_s = draw(st.integers(1, min(FAULTS_END_S - at_s, 600)))
        made["faults"].append(
            {"name": f"r{number}", "at": f"{at_s}s", "outage": {"of": "registry"}, "for": f"{lasts_s}s"}
        )
    return made


def left_over(pulls: ImagePulls, world: World) -> list[str]:
    """What should not be there when no pull goes on, computed afresh from the pods that are there."""
    found = []
    if pulls.registry.busy or pulls.registry.down:
        found.append(f"{pulls.registry.busy} layers are on their way")
    for index, state in pulls._minions.items():
        if state.active or state.queue or state.transfers or state.waiting or state.port.connections:
            found.append(f"minion {index} still pulls")
        held = {}
        for stored in state.disk._stored.values():
            held |= dict(zip(stored.image.chain, stored.image.layers, strict=True))
        if state.disk.used_bytes != sum(layer.disk_bytes for layer in held.values()):
            found.append(f"minion {index} has {state.disk.used_bytes} bytes of layers")
        users = dict.fromkeys(state.disk._stored, 0)
        for pod in world.fleet.pods(index):
            assert pod.template.containers is not None
            for each in pod.template.containers.containers:
                users[each.image] += 1
        if users != {name: stored.users for name, stored in state.disk._stored.items()}:
            found.append(f"minion {index}'s images are used by {users}")
    return found


def untold(pulls: ImagePulls, world: World) -> list[str]:
    """Where the record has other images than lie on the disk, though nothing has changed for long; or the belief."""
    if not isinstance(world.belief, PlacedBelief):
        return []
    assert pulls.told is not None
    world.scheduler.client.catch_up()
    found = []
    for index, entry in enumerate(world.store.minions):
        disk = pulls._of(index).disk
        there = {name: stored.image.disk_bytes for name, stored in disk._stored.items()}
        if dict(entry.images) != there:
            found.append(f"minion {index} has {there}, and is said to have {entry.images}")
        if dict(world.belief.images[index]) != there:
            found.append(f"minion {index} has {there}, and is believed to have {world.belief.images[index]}")
    return found


@given(with_images())
def test_all_is_well_when_the_faults_are_over(scenario: dict[str, Any]) -> None:
    text = text_of(scenario)
    world = World(
        make_plan(load_scenario_text(text, "drawn.yaml", vocabulary=vocabulary()), max_events=300_000),
        sinks(),
    )
    world.run()
    rows = records(world)
    for kind in ("image_pulled", "image_failed", "image_removed"):
        event(f"{kind}: {any(row['kind'] == kind for row in rows)}")
    assert broken_at_rest(world) == [], text
    assert list(unrecorded(world, rows)) == []
    assert world.plane is not None
    assert world.plane.images is not None
    assert left_over(world.plane.images, world) == [], text
    assert untold(world.plane.images, world) == [], text
    asked: dict[str, int] = {}
    for row in rows:
        if row["kind"] == "image_pulling":
            asked[row["minion"]] = asked.get(row["minion"], 0) + 1
        elif row["kind"] in {"image_pulled", "image_failed"}:
            asked[row["minion"]] -= 1
            assert asked[row["minion"]] >= 0
        elif row["kind"] == "minion_crashed":
            asked[row["minion"]] = 0
    assert not any(asked.values()), "a pull that neither ended nor was lost with its minion"
