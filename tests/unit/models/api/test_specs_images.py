# Sentences stand whole, as a user sees them.

from __future__ import annotations

import math

import pytest

from models.api.loading import load_scenario_text
from models.api.specs import Scenario, Vocabulary, scenario_hash
from models.api.specs_images import tagged
from models.api.specs_notes import scenario_notes
from models.imageplan import image_plan
from models.plan import make_plan
from sim.errors import ScenarioError
from sim.units import UnitError, parse_bytes_per_s

VOCABULARY = Vocabulary(("best-fit",), ("openb", "table"))
HEAD = "apiVersion: wavetank/v1\nname: demo\nuntil: 1h\n"
WEB = "cluster: {minions: [{name: web, count: 4, cpu: 8, memory: 32Gi}]}\n"
MIB = 1 << 20


def load(text: str) -> Scenario:
    return load_scenario_text(
        HEAD + (WEB if "cluster:" not in text else "") + text, "s.yaml", vocabulary=VOCABULARY
    )


# A '~' stands before the place that is told; the text begins at line 5.
MISTAKES = {
    "images: ~{}": "expected a list of images, as [{name: shop/web:1.4, size: 100Mi}], not a mapping",
    "images: [{~nmae: a, size: 1Mi}]": "'nmae' is not a key of 'images'; did you mean 'name'?",
    "images: [{name: ~Shop Web, size: 1Mi}]":
        "expected the name of an image, as shop/web:1.4, not 'Shop Web'; did you mean 'shop-web'?",
    "images: [~{name: a}]": "expected exactly one of layers, size and missing",
    "images: [{name: a, size: 1Mi, ~missing: true}]":
        "expected exactly one of layers, size and missing, not both size and missing",
    "images: [{name: a, size: ~100}]": "expected a size with a unit, as 32Gi, 512Mi or 100M, not the bare number 100; did you mean '100Gi'?",
    "images: [{name: a, layers: [~{name: b}]}]":
        "the layer 'b' has no size: expected 'size' here or in another image that has it",
    "images: [{name: a, layers: [{name: b, size: 1Mi}]}, {name: c, layers: [{name: b, size: ~2Mi}]}]":
        "the layer 'b' has another size elsewhere: 1Mi; did you mean '1Mi'?",
    "images: [{name: a, layers: [{name: b, size: 1Mi, disk: 2Mi}, {name: b, disk: ~3Mi}]}]":
        "the layer 'b' has another disk elsewhere: 2Mi; did you mean '2Mi'?",
    "images: [{name: a, layers: [{name: ~'a b', size: 1Mi}]}]":
        "expected the name of a layer, as debian or sha256:4f06b3e2, not 'a b'",
    "images: [{name: nginx, size: 1Mi}, {name: ~'nginx:latest', size: 1Mi}]":
        "the image 'nginx:latest' is given twice: element 0 of images is it too",
    "registry: {bandwidth: ~1Gi}": "expected bytes a second, as 100Mi/s or 1.25G/s, not '1Gi'; did you mean '1Gi/s'?",
    "registry: {bandwidth: ~10Gbit/s}":
        "expected bytes a second, as 100Mi/s or 1.25G/s, not bits: '10Gbit/s'; did you mean '1.25G/s'?",
    "registry: {perMinion: ~0Mi/s}": "expected bytes a second, as 100Mi/s or 1.25G/s, more than 0, not '0Mi/s'",
    "registry: {layersAtOnce: ~0}": "expected a number of layers between 1 and 1000, but the value is 0",
    "registry: {~pulls: serial}": "'pulls' is not a key of 'registry'; did you mean 'serialPulls'?",
    "images: [{name: a, layers: [{name: b, ~sixe: 1Mi}]}]": "'sixe' is not a key of 'layers'; did you mean 'size'?",
    "faults: [{at: 1m, outage: {of: ~registy}}]": "expected master or registry, not 'registy'; did you mean 'registry'?",
    "master: {timing: ~instant}\nimages: [{name: a, size: 1Mi}]":
        "timing instant does not go with 'images', which needs timing kubernetes; did you mean 'kubernetes'?",
    "cluster: {minions: [{name: w, cpu: 1, memory: 1Gi, preloaded: [~shop/wep]}]}\nimages: [{name: shop/web, size: 1Mi}]":
        "there is no image 'shop/wep' in 'images'; did you mean 'shop/web'?",
    "cluster: {minions: [{name: w, cpu: 1, memory: 1Gi, preloaded: [~a]}]}\nimages: [{name: a, missing: true}]":
        "the image 'a' is missing: no minion can have it",
}  # fmt: skip


@pytest.mark.parametrize("text", MISTAKES)
def test_mistakes_are_told_where_they_are(text: str) -> None:
    written = text.replace("~", "", 1)
    first = 4 if "cluster:" in text else 5
    before = text[: text.index("~")]
    line = first + before.count("\n")
    column = len(before) - (before.rindex("\n") + 1 if "\n" in before else 0) + 1
    with pytest.raises(ScenarioError) as caught:
        load(written)
    told = [str(each) for each in caught.value.diagnostics]
    assert len(told) == 1
    assert told[0].startswith(f"s.yaml:{line}:{column}: "), told[0]
    assert told[0].endswith(MISTAKES[text]), told[0]


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(ScenarioError) as caught:
        load("images: [{name: a, layers: [{name: b}]}, {name: c, size: 3}]\nregistry: {bandwidth: 1}\n")
    assert len(caught.value.diagnostics) == 3


def test_names_have_a_tag() -> None:
    names = ["nginx", "nginx:1", "host:5000/nginx", "a/b@sha256:" + "0" * 64]
    assert [tagged(name) for name in names] == ["nginx:latest", "nginx:1", "host:5000/nginx:latest", names[3]]


@pytest.mark.parametrize(
    ("written", "known"),
    [
        ("docker.io/library/nginx", "nginx:latest"), ("library/nginx:1", "nginx:1"), ("docker.io/shop/web:2", "shop/web:2"),
        ("index.docker.io/library/nginx:1", "nginx:1"), ("quay.io/library/nginx:1", "quay.io/library/nginx:1"),
    ],
)  # fmt: skip
def test_spellings_of_docker_hub_are_one(written: str, known: str) -> None:
    assert tagged(written) == known


@pytest.mark.parametrize(
    ("text", "rate"), [("1.25G/s", 1_250_000_000), ("100Mi/s", 100 * MIB), ("1e9/s", 10**9), ("8k/s", 8000)]
)
def test_bytes_a_second(text: str, rate: int) -> None:
    assert parse_bytes_per_s(text) == rate


@pytest.mark.parametrize("text", ["", "/s", "Gi/s", "1Gi/m", 5, None, True, "1e999Gi/s", "-1Gi/s", "1Gi/s/s"])
def test_not_bytes_a_second(text: object) -> None:
    with pytest.raises(UnitError):
        parse_bytes_per_s(text)


FULL = """
cluster:
  minions:
    - {name: web, count: 2, cpu: 8, memory: 32Gi, preloaded: [shop/db:2], imageDisk: 10Gi}
    - {name: big, cpu: 8, memory: 32Gi, ephemeral-storage: 7Gi}
images:
  - {name: shop/web:1.4, layers: [{name: debian, size: 30Mi, disk: 100Mi}, {name: web, size: 60Mi}]}
  - {name: shop/db:2, layers: [{name: debian}, {name: db, size: 200Mi}]}
  - {name: redis, size: 40Mi}
  - {name: typo:1, missing: true}
registry: {bandwidth: 1G/s, perMinion: 100M/s, latency: 1s, serialPulls: false, layersAtOnce: 5}
"""


def test_a_scenario_becomes_a_plan() -> None:
    plan = make_plan(load(FULL)).control
    assert plan is not None
    images = plan.images
    assert images is not None
    web, db = images.image("shop/web:1.4"), images.image("shop/db:2")
    assert web is not None
    assert db is not None
    assert [tuple(layer) for layer in web.layers] == [
        ("debian", 30 * MIB, 100 * MIB), ("web", 60 * MIB, 150 * MIB),
    ]  # fmt: skip
    assert web.chain[0] == db.chain[0]
    assert images.image("redis") is images.image("redis:latest")
    assert images.image("typo:1") is None
    other = images.image("docker.io/other")
    assert other is not None
    assert [(layer.download_bytes, layer.disk_bytes) for layer in other.layers] == [(100 * MIB, 250 * MIB)]
    assert images.image("docker.io/other") is other
    assert [images.disk_bytes(minion) for minion in range(3)] == [10 << 30, 10 << 30, 7 << 30]
    assert [list(images.there(minion)) for minion in (0, 2)] == [[db], []]
    assert (images.bandwidth_bytes_per_s, images.link_bytes_per_s(0), images.latency.quantile(0.5)) == (
        1e9,
        1e8,
        1.0,
    )
    assert (images.serial, images.layers_at_once, images.limits) == (False, 5, (5.0, 10.0))


def test_defaults_are_the_constants_and_can_be_overridden() -> None:
    plan = image_plan(load("registry: {}\nconstants: {image_default_bytes: 1e6, image_disk_ratio: 2}"), [])
    assert plan is not None
    assert (plan.bandwidth_bytes_per_s, plan.link_bytes_per_s(0), plan.serial, plan.layers_at_once) == (
        1.25e9, 1.25e8, True, 3,
    )  # fmt: skip
    unlimited = image_plan(load("registry: {}\nconstants: {registry_pull_rate_per_s: 0}"), [])
    assert unlimited is not None
    assert unlimited.limits == (math.inf, 10.0)
    made_up = plan.image("any")
    assert made_up is not None
    assert made_up.disk_bytes == 2_000_000


@pytest.mark.parametrize(
    "text", ["controllers: [{name: a, pod: {}}]", "images: []\ncontrollers: [{name: a, pod: {}}]"]
)
def test_where_nothing_is_said_of_images_none_is_followed(text: str) -> None:
    plan = make_plan(load(text)).control
    assert plan is not None
    assert plan.images is None


def test_a_disabled_outage_of_the_registry_changes_nothing_else() -> None:
    text = "faults: [{{at: 1m, outage: {{of: registry}}, for: 1m, enabled: {}}}]"
    for enabled in ("true", "false"):
        spec = load(text.format(enabled))
        assert spec.has_images
        plan = make_plan(spec).control
        assert plan is not None
        assert plan.images is not None
        assert not plan.outages, "the master never goes down"


def test_it_is_written_back_as_it_was() -> None:
    spec = load(FULL)
    again = Scenario.model_validate(spec.to_plain())
    assert again == spec
    assert scenario_hash(again) == scenario_hash(spec)


def test_images_that_are_made_up_are_noted(tmp_path: object) -> None:
    manifest = f"{tmp_path}/p.yaml"
    with open(manifest, "w") as file:
        file.write(
            "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\n"
            "spec: {containers: [{name: a, image: redis}, {name: b, image: 'other:1'}]}\n"
        )
    text = f"workloads: [{{manifest: {manifest}}}]\nimages: [{{name: redis, size: 40Mi}}]"
    assert "Images that are not described are one layer of 100Mi: other:1." in scenario_notes(load(text))
    assert not any(
        "Images" in note for note in scenario_notes(load(f"workloads: [{{manifest: {manifest}}}]"))
    )
