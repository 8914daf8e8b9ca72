"""What a scenario may say of its schedulers, and the sentences for what does not go together."""

from __future__ import annotations

import json

import pytest

from models.api.loading import load_scenario_text
from models.api.specs_notes import scenario_notes
from models.catalog import vocabulary
from sim.errors import ScenarioError

HEAD = "apiVersion: wavetank/v1\nname: demo\nuntil: 1h\ncluster: {minions: [{name: web, count: 4, cpu: 8, memory: 32Gi}]}\n"
POD = "workloads: [{name: w, arrivals: {at: 0s}, count: 1, pod: {cpu: 1, schedulerName: batch}}]\n"


def load(text: str, *sets: str):
    return load_scenario_text(HEAD + text, "s.yaml", sets=sets, vocabulary=vocabulary())


def test_what_is_left_out_is_as_the_real_scheduler_has_it() -> None:
    spec = load("schedulers: [{}]\n")
    (one,) = spec.schedulers
    assert (one.name, one.names, one.policy, one.commit, one.conflicts, one.jobs) == (
        "default-scheduler", ("default-scheduler",), None, "kubernetes", None, "incremental",
    )  # fmt: skip
    assert (one.decision.per_job, one.decision.per_pod, str(one.minions)) == (None, None, "all")
    assert spec.master.timing == "kubernetes"
    plain = load("").to_plain()
    assert "schedulers" not in plain, "the hash of a scenario without them stays"


def test_what_is_said_is_written_and_read_again() -> None:
    text = (
        "schedulers:\n  - {name: a, serves: [x, y], policy: {dot-product: {}}, commit: checked, conflicts: coarse,\n"
        "     jobs: gang, decision: {perJob: {exponential: {mean: 3s}}, perPod: 5ms}, minions: tier=web}\n"
    )
    spec = load(text)
    again = load_scenario_text(json.dumps(spec.to_plain()), vocabulary=vocabulary())
    assert again == spec
    assert again.schedulers[0].names == ("x", "y")


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("schedulers: [{nam: a}]", ["5:15: 'nam' is not a key of 'schedulers'; did you mean 'name'?"]),
        ("schedulers: [{name: a, commit: check}]",
         ["5:32: expected kubernetes or checked, not 'check'; did you mean 'checked'?"]),
        ("schedulers: [{name: a, conflicts: fine}]",
         ["5:24: conflicts fine does not go with commit kubernetes, which checks nothing"]),
        ("schedulers: [{name: a, decision: {perJob: 3}}]",
         ["5:43: expected a time with a unit, as 30s, 15m, 2h or 300d, not the bare number 3; did you mean '3s'?"]),
        ("schedulers: [{name: a, policy: bestfit}]",
         [("5:32: there is no scheduling policy 'bestfit': expected one of best-fit, dot-product, fgd, first-fit, "
          "kubernetes, random, worst-fit, package.module:name; did you mean 'best-fit'?")]),
        ("schedulers: [{name: a}, {name: a}]",
         ["5:32: the name 'a' is given twice: element 0 of schedulers has it too"]),
        ("schedulers: [{name: a}, {name: b, serves: [c, a]}]",
         ["5:47: pods that ask for 'a' are taken by the scheduler 'a' already"]),
        ("schedulers: [{name: a, serves: [b]}, {name: b}]",
         ["5:45: pods that ask for 'b' are taken by the scheduler 'a' already"]),
        ("schedulers: [{name: a, minions: zz}]", ["5:33: there are no minions 'zz' in this cluster"]),
        ("master: {timing: instant}\nschedulers: [{name: a}]",
         [("5:18: timing instant does not go with 'schedulers', which needs timing kubernetes: where a decision is a "
          "bind at once, no scheduler meets another's; "
          "did you mean 'kubernetes'?")]),
    ],
)  # fmt: skip
def test_one_mistake_is_one_sentence(text: str, sentences: list[str]) -> None:
    with pytest.raises(ScenarioError) as caught:
        load(text + "\n")
    assert [str(each).removeprefix("s.yaml:") for each in caught.value.diagnostics] == sentences


def test_pods_that_ask_for_nobody_are_told_of() -> None:
    note = "No scheduler takes pods that ask for batch: those of w stay pending."
    assert note in scenario_notes(load(POD))
    assert note in scenario_notes(load(POD + "schedulers: [{}]\n"))
    assert scenario_notes(load(POD + "schedulers: [{name: batch}]\n")) == ()
    (said,) = scenario_notes(load(POD + "schedulers: [{name: batsh}]\n"))
    assert said == f"{note} Was batsh meant?"
    plain = POD.replace(", schedulerName: batch", "")
    (said,) = scenario_notes(load(plain + "schedulers: [{name: batch}]\n"))
    assert said == "No scheduler takes pods that ask for default-scheduler: those of w stay pending."
