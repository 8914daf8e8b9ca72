# Sentences stand whole, as a user sees them.
# ruff: noqa: ISC004

"""Whose isolation is what in a scenario, what applications are refused, and what is wrong with the words for it."""

from __future__ import annotations

import pytest

from experiments.checking import read_checked
from models.api.specs_isolation import Isolation, Needs
from models.isolation.posture import posture_of
from models.isolation.reading import shipped_catalogue
from models.isolation.rules import IsolationRules, lacking
from sim.errors import ScenarioError
from tests.support.worlds import ran, records

CATALOGUE = shipped_catalogue()
HEAD = """apiVersion: wavetank/v1
name: x
until: 1h
cluster: {minions: [{name: a, cpu: 1, memory: 1Gi}]}
controllers: [{name: shop, replicas: 1, pod: {}}]
"""


def rules(**words):
    return IsolationRules.of(CATALOGUE, Isolation.model_validate(words))


def needs(**words):
    return Needs.model_validate({"pods": "all", **words})


@pytest.mark.parametrize(
    ("profile", "missing"),
    [
        ("privileged", ()),
        ("docker", ("NET_ADMIN", "keyctl", "mount", "/proc/sys/net/core", "/proc/kcore")),
        ("kubernetes", ("NET_ADMIN", "mount", "/proc/sys/net/core", "/proc/kcore")),
        ("hardened", ("NET_ADMIN", "CHOWN", "keyctl", "mount", "/proc/sys/net/core", "/proc/kcore", "root")),
    ],
)
def test_a_profile_takes_away_what_it_takes_away(profile, missing):
    wanted = needs(
        capabilities=["NET_ADMIN", "cap_chown"],
        calls=["keyctl", "mount", "read"],
        writes=["/proc/sys/net/core", "/proc/kcore", "/proc/system", "/data"],
        root=True,
    )
    assert lacking(CATALOGUE, posture_of(CATALOGUE, profile), wanted) == missing


def test_a_capability_lifts_what_it_gates():
    docker = posture_of(CATALOGUE, "docker").switched(off=["apparmor"])
    assert lacking(CATALOGUE, docker, needs(calls=["mount"])) == ("mount",)
    with_it = type(docker)(docker.mechanisms, added=("SYS_ADMIN",), conditions=docker.conditions)
    assert lacking(CATALOGUE, with_it, needs(calls=["mount", "keyctl"])) == ("keyctl",)


def test_of_two_rules_that_match_the_later_holds():
    found = rules(pods=[{"pods": "app=a", "profile": "vm"}, {"pods": "shop", "profile": "hardened"}])
    assert found.posture({"app": "a"}, ()) == rules(default="vm").posture({}, ())
    assert found.posture({"app": "a"}, ("shop",)) == rules(default="hardened").posture({}, ())
    assert found.posture({}, ()) == rules().posture({}, ())


def test_switches_are_over_all_profiles():
    found = rules(mechanisms={"add": ["vm"], "drop": ["seccomp"]}, closed=["keyring"]).posture({}, ())
    assert "vm" in found.mechanisms
    assert "seccomp" not in found.mechanisms
    assert found.closed == ("keyring",)


def test_a_minions_kernel_is_what_it_says():
    found = rules(default="docker-2014").posture({}, (), "6.1.0-13-amd64", "v2")
    assert {program: str(version) for program, version in found.versions}["kernel"] == "6.1.0"
    assert "cgroup-v1" not in found.conditions
    assert "cgroup-v1" in rules(default="docker").posture({}, (), "6.1", "v1").conditions


def test_parameters_take_the_place_of_the_middle():
    found = rules(parameters={"public-exploit": "2h", "race": 0.5})
    assert (found.values["public-exploit"], found.values["race"]) == (7200.0, 0.5)
    assert found.values["open-door"] == 600.0


def crashes(text):
    return [row["container_exited_code"] for row in records(ran(text), "container_exited")]


@pytest.mark.parametrize("pod", ["{}", "{containers: [{name: app}]}"])
def test_who_is_refused_what_he_needs_is_started_again_and_again(pod):
    text = f"""until: 10m
cluster: {{minions: [{{name: a, cpu: 1, memory: 1Gi}}]}}
controllers: [{{name: shop, replicas: 1, pod: {pod}}}]
isolation: {{default: PROFILE, needs: [{{pods: shop, capabilities: [SYS_TIME]}}]}}
"""
    codes = crashes(text.replace("PROFILE", "docker"))
    assert len(codes) >= 5
    assert set(codes) == {1}
    assert crashes(text.replace("PROFILE", "privileged")) == []


def test_a_behaviour_of_his_own_does_not_help_him():
    text = """until: 10m
cluster: {minions: [{name: a, cpu: 1, memory: 1Gi}]}
controllers: [{name: shop, replicas: 1, pod: {containers: [{name: app}]}}]
behaviour: [{pods: shop, runs: 5m}]
isolation: {needs: [{pods: shop, root: true}], default: PROFILE}
"""
    assert set(crashes(text.replace("PROFILE", "hardened"))) == {1}
    assert set(crashes(text.replace("PROFILE", "docker"))) == {0}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "isolation: {default: hardend}",
            "6:22: there is no profile 'hardend'; did you mean 'hardened'?",
        ),
        (
            "isolation: {pods: [{pods: shop, profile: dokcer}]}",
            "6:42: there is no profile 'dokcer'; did you mean 'docker'?",
        ),
        (
            "isolation: {mechanisms: {add: [secomp]}}",
            "6:32: there is no mechanism 'secomp'; did you mean 'seccomp'?",
        ),
        ("isolation: {closed: [keyrings]}", "6:22: there is no surface 'keyrings'; did you mean 'keyring'?"),
        (
            "isolation: {conditions: {add: [cgroup1]}}",
            "6:32: there is no condition 'cgroup1'; did you mean 'cgroup-v1'?",
        ),
        ("isolation: {mechanisms: {add: [vm], drop: [vm]}}", "6:44: 'vm' is asked for both ways"),
        (
            "isolation: {mechanisms: {add: [selinux]}}",
            "6:32: 'selinux' cannot be on with 'apparmor' of the profile 'docker': switch that off",
        ),
        (
            "isolation: {mechanisms: {add: [svirt]}}",
            "6:32: 'svirt' means nothing without 'vm', which the profile 'docker' lacks",
        ),
        (
            "isolation: {needs: [{pods: shop, capabilities: [NET_ADMN]}]}",
            "6:49: 'NET_ADMN' is not a capability of Linux: expected one as NET_RAW; did you mean 'NET_ADMIN'?",
        ),
        (
            "isolation: {needs: [{pods: shop, writes: [data]}]}",
            "6:43: expected a path from the root, as /proc/sys/net",
        ),
        (
            "isolation: {needs: [{pods: shop}]}",
            "6:21: expected capabilities, calls, writes or root, as {capabilities: [NET_ADMIN]}",
        ),
        (
            "isolation: {versions: {kernel: '5.4'}}",
            "6:24: minions say what kernel they have: expected it as {kernel: {version: ...}} of a pool",
        ),
        (
            "isolation: {versions: {runk: '1.1'}}",
            "6:24: no technique asks for a version of 'runk': expected containerd, docker, host-kernel, qemu, runc, "
            "vmware; did you mean 'runc'?",
        ),
        ("isolation: {parameters: {rase: 0.5}}", "6:26: there is no parameter 'rase'; did you mean 'race'?"),
        (
            "isolation: {parameters: {race: 1.2}}",
            "6:32: expected a chance between 0 and 1, but the value is 1.2",
        ),
        (
            "isolation: {parameters: {open-door: 3}}",
            "6:37: expected a time with a unit, as 30s, 15m, 2h or 300d, not the bare number 3; did you mean '3s'?",
        ),
        (
            "faults: [{at: 1m, compromise: {pods: shop, goals: [hostroot]}}]",
            "6:52: there is no privilege 'hostroot'; did you mean 'host-root'?",
        ),
        (
            "faults: [{at: 1m, compromise: {pods: shpo}}]",
            "6:38: nothing is named 'shpo' that pods belong to; did you mean 'shop'?",
        ),
        (
            "faults: [{at: 1m, compromise: {pods: shop, respond: [kil]}}]",
            "6:54: expected kill, cordon, drain or rebuild, not 'kil'; did you mean 'kill'?",
        ),
        (
            "faults: [{at: 1m, compromise: {pods: shop, respond: [kill]}}]",
            "6:19: 'detect' is missing: expected a time or distribution, as 30m, with 'respond'",
        ),
        (
            "faults: [{at: 1m, compromise: {pods: shop, detect: 1h, respond: [rebuild]}}]",
            "6:19: 'rebuilt' is missing: expected a time or distribution, as 20m, with rebuild",
        ),
        (
            "faults: [{at: 1m, compromise: {pods: shop}, for: 1h}]",
            "6:45: 'for' does not go with compromise, which is over at once",
        ),
    ],
)
def test_what_is_wrong_is_one_sentence(tmp_path, text, sentence):
    path = tmp_path / "s.yaml"
    path.write_text(f"{HEAD}{text}\n")
    with pytest.raises(ScenarioError) as caught:
        read_checked(path)
    assert [str(each).removeprefix(f"{path}:") for each in caught.value.diagnostics] == [sentence]


def test_a_catalogue_of_ones_own_is_read_from_beside_the_scenario(tmp_path):
    (tmp_path / "ours.yaml").write_text(
        "apiVersion: wavetank/v1\nextends: shipped\nprofiles: [{name: ours, about: x, inherits: vm}]\n"
    )
    path = tmp_path / "s.yaml"
    path.write_text(f"{HEAD}isolation: {{catalogue: ours.yaml, default: ours}}\n")
    assert read_checked(path).spec.isolation.file == tmp_path / "ours.yaml"
    (tmp_path / "ours.yaml").write_text("apiVersion: wavetank/v1\nextends: nowhere\n")
    with pytest.raises(ScenarioError, match="expected shipped or nothing"):
        read_checked(path)
    path.write_text(f"{HEAD}isolation: {{catalogue: theirs.yaml}}\n")
    with pytest.raises(ScenarioError, match="there is no file"):
        read_checked(path)
