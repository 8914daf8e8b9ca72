# Sentences stand whole, as a user sees them.
# ruff: noqa: ISC004

"""What is wrong with a catalogue is told all at once, each with its place."""

from __future__ import annotations

import pytest

from models.isolation.reading import read_catalogue, read_catalogue_text, shipped_catalogue
from sim.errors import ScenarioError

HEAD = "apiVersion: wavetank/v1\nextends: shipped\n"
TECHNIQUE = (
    "techniques:\n"
    "  - {name: mine, class: kernel, about: x, from: [process-in-container], to: host-root, surface: files,\n"
    "     time: {parameter: public-exploit}, standing: assumed, reference: y, MORE}\n"
)


def refused(text):
    with pytest.raises(ScenarioError) as caught:
        read_catalogue_text(text, "c.yaml")
    return [str(each) for each in caught.value.diagnostics]


def technique(more):
    return TECHNIQUE.replace("MORE", more)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            technique("capabilities: [NET_RAVV]"),
            "c.yaml:5:89: 'NET_RAVV' is not a capability of Linux: expected one as NET_RAW; did you mean 'NET_RAW'?",
        ),
        (
            technique("").replace("reference: y, ", ""),
            "c.yaml:4:5: 'reference' is missing: expected where it is described",
        ),
        (technique("success: 1.2"), "c.yaml:5:83: expected a chance between 0 and 1, but the value is 1.2"),
        (
            technique("success: 0"),
            "c.yaml:5:83: expected a chance above 0: what never succeeds is no technique",
        ),
        (
            technique("").replace("surface: files", "surface: fils"),
            "c.yaml:4:97: there is no surface 'fils'; did you mean 'files'?",
        ),
        (
            "conditions: [{name: odd, about: x, surface: hypervizor}]\n",
            "c.yaml:3:45: there is no surface 'hypervizor'; did you mean 'hypervisor'?",
        ),
        (
            "profiles: [{name: mine, about: x, inherits: mine}]\n",
            "c.yaml:3:45: the profile 'mine' inherits itself",
        ),
        (
            "profiles:\n- {name: a, about: x, inherits: b}\n- {name: b, about: x, inherits: a}\n",
            "c.yaml:4:33: the profile 'a' inherits itself through b",
        ),
        (
            "profiles: [{name: mine, about: x, mechanisms: {add: [vm], drop: [vm]}}]\n",
            "c.yaml:3:66: the mechanism 'vm' is added and dropped in one profile",
        ),
        (
            "profiles: [{name: mine, about: x, inherits: docker, mechanisms: {add: [selinux]}}]\n",
            "c.yaml:3:72: 'selinux' cannot be on with 'apparmor': switch one of them off",
        ),
        (
            "profiles: [{name: mine, about: x, mechanisms: {add: [svirt]}}]\n",
            "c.yaml:3:54: 'svirt' means nothing without 'vm': switch that on too",
        ),
        (
            "profiles: [{name: mine, about: x, capabilities: {add: [CHOWN], drop: [CHOWN]}}]\n",
            "c.yaml:3:71: the capability 'CHOWN' is added and dropped in one profile",
        ),
        (
            "profiles: [{name: mine, about: x, conditions: {add: [cgroup-v1], drop: [cgroup-v1]}}]\n",
            "c.yaml:3:73: the condition 'cgroup-v1' is added and dropped in one profile",
        ),
        (
            'profiles: [{name: mine, about: x, versions: {kernl: "5.10"}}]\n',
            "c.yaml:3:46: no technique asks for a version of 'kernl': expected containerd, docker, host-kernel, "
            "kernel, qemu, runc, vmware; did you mean 'kernel'?",
        ),
        (
            "profiles: [{name: mine, about: x, versions: {kernel: 5.10}}]\n",
            "c.yaml:3:54: expected a version in quotes, as \"5.10\" or \"1.0-rc6\", not '5.1'; did you mean '\"5.1\"'?",
        ),
        (
            technique("blockedBy: [secomp]"),
            "c.yaml:5:86: there is no mechanism 'secomp'; did you mean 'seccomp'?",
        ),
        (
            technique("slowedBy: {apparmour: 2}"),
            "c.yaml:5:85: there is no mechanism 'apparmour'; did you mean 'apparmor'?",
        ),
        (
            technique("slowedBy: {apparmor: {parameter: race}}"),
            "c.yaml:5:107: expected a parameter that is a factor, but this one is a chance",
        ),
        (
            technique("slowedBy: {apparmor: 0.5}"),
            "c.yaml:5:95: expected a factor between 1 and 1000000, but the value is 0.5",
        ),
        (
            technique("").replace("{parameter: public-exploit}", "{exponential: {mean: 4h}}"),
            "c.yaml:5:12: an assumed time is a parameter, so that results over it are ranges: "
            "expected {parameter: NAME}",
        ),
        (
            technique("").replace("standing: assumed, ", ""),
            "c.yaml:4:5: 'standing' is missing: expected measured, published or assumed",
        ),
        (
            technique("success: 0.5")
            .replace("{parameter: public-exploit}", "{uniform: {low: 1h, high: 2h}}")
            .replace("assumed", "published"),
            "c.yaml:5:88: a chance of success below 1 goes with an exponential time alone",
        ),
        (
            technique('versions: {kernel: [{since: "5.2", before: "5.1"}]}'),
            "c.yaml:5:94: expected since to be before 'before'",
        ),
        (
            technique("versions: {kernel: [{}]}"),
            "c.yaml:5:94: expected since, before or both, as {before: \"4.8.3\"}",
        ),
        (
            technique("").replace("to: host-root", "to: process-in-container"),
            "c.yaml:4:77: a technique cannot win what it starts from",
        ),
        (
            technique("").replace("class: kernel", "class: given"),
            "c.yaml:5:12: what is given takes no time: expected 0s; did you mean '0s'?",
        ),
        (
            technique("blockdBy: [seccomp]"),
            "c.yaml:5:74: 'blockdBy' is not a key of 'techniques'; did you mean 'blockedBy'?",
        ),
        (
            "parameters: [{name: p, about: x, reference: y}]\n",
            "c.yaml:3:14: expected exactly one of time, factor and chance",
        ),
        (
            "parameters: [{name: p, about: x, reference: y, time: {low: 2h, middle: 1h, high: 3h}}]\n",
            "c.yaml:3:54: expected low <= middle <= high",
        ),
        (
            "parameters: [{name: p, about: x, reference: y, chance: {low: 0.1, middle: 0.2, high: 1.2}}]\n",
            "c.yaml:3:86: expected a chance between 0 and 1, but the value is 1.2",
        ),
        (
            "parameters: [{name: p, about: x, reference: y, factor: {lo: 1, middle: 2, high: 3}}]\n",
            "c.yaml:3:57: 'lo' is not a key of a range: expected {low: 1, middle: 4, high: 20}; did you mean 'low'?",
        ),
        ("surfaces: [{name: vm, about: }]\n", "c.yaml:3:23: expected a value, but there is nothing here"),
        ("frobnicate: 3\n", "c.yaml:3:1: 'frobnicate' is not a key of a catalogue: expected apiVersion, extends, "
         "privileges, parameters, surfaces, conditions, mechanisms, profiles, techniques"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_place(text, sentence):
    assert sentence in refused(HEAD + text)


def test_all_mistakes_are_told_at_once():
    text = HEAD + technique("blockedBy: [secomp], conditions: [cgroup-v3]").replace("files", "fils")
    found = refused(text + "profiles: [{name: mine, about: x, inherits: mine}]\n")
    assert len(found) == 4


def test_a_row_of_the_same_name_takes_the_place_of_the_shipped_one():
    shipped = shipped_catalogue()
    own = read_catalogue_text(
        HEAD
        + technique("").replace("name: mine", "name: dirty-cow")
        + "profiles: [{name: mine, about: x, inherits: vm}]\n"
    )
    assert [t.name for t in own.techniques] == [t.name for t in shipped.techniques]
    place = [t.name for t in own.techniques].index("dirty-cow")
    assert own.techniques[place].to == "host-root"
    assert [p.name for p in own.profiles] == [*(p.name for p in shipped.profiles), "mine"]


def test_the_same_name_twice_in_one_file_is_a_mistake():
    text = HEAD + "profiles: [{name: a, about: x}, {name: a, about: y}]\n"
    assert refused(text) == ["c.yaml:3:40: the profile 'a' is given twice"]


def test_a_catalogue_may_stand_alone():
    text = """apiVersion: wavetank/v1
privileges: [{name: in, about: x, entry: true}, {name: out, about: y, out: true}]
surfaces: [{name: door, about: x, namespaced: never, leaks: all, reference: y}]
techniques: [{name: walk, class: lateral, about: x, from: [in], to: out, surface: door, time: 2h, standing: measured, reference: y}]
"""
    assert [t.name for t in read_catalogue_text(text).techniques] == ["walk"]
    without = text.replace(", entry: true", "")
    assert refused(without) == [
        "c.yaml:2:1: expected a privilege with entry: true, with which an attacker begins"
    ]


def test_a_file_that_is_not_there_is_one_sentence():
    with pytest.raises(ScenarioError) as caught:
        read_catalogue("no-such-file.yaml")
    assert [str(each) for each in caught.value.diagnostics] == [
        "no-such-file.yaml: the catalogue cannot be read: No such file or directory"
    ]
