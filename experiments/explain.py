"""A life with its chain of causes: each record of an object, and under it what led to it.

    3,600.000 s  #7  pod/default/a was created by workload/batch
    3,600.000 s  #8  pod/default/a found no minion (0 of 2 minions: Insufficient cpu x 2)
    5,400.000 s  #11 pod/default/a was bound to minion/web-0 by scheduler/default
      because 5,400.000 s  #10 pod/default/z succeeded on minion/web-0
        because 3,000.000 s  #4  pod/default/z started on minion/web-0

A cause is the record without which the one above it would not have happened; each record is told once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl

from experiments.isolation.sentences import SENTENCES as OF_INTRUSIONS
from experiments.journalfiles import RunFiles, open_run
from experiments.wording import say_bytes, say_count, say_number, say_share, say_time
from sim.diagnostics import Diagnostic, nearest_word
from sim.errors import ScenarioError

__all__ = ["explain"]

Row = Mapping[str, Any]

_COLUMNS = (
    "seq", "time_s", "kind", "object", "actor", "owner", "minion", "container", "cause", "value", "reason",
    "container_exited_code", "container_exited_ran_s", "container_out_of_memory_child", "container_used_wanted_s",
    "container_moved_wanted_bytes",
    "files_read_charged_bytes", "pod_decided_feasible", "pod_decided_minions",
)  # fmt: skip
_DEEPEST = 12
"""So many causes are told under one record: in a full cluster a chain runs through a thousand lives."""
_LIKELY = 300

_SENTENCES: Final[Mapping[str, Callable[[Row], str]]] = {
    "run_started": lambda row: "the run began",
    "minion_registered": lambda row: f"{row['object']} was registered{'' if row['value'] else ', not ready'}",
    "workload_offered": lambda row: f"{row['object']} offers {say_share(row['value'])} of {row['reason']}",
    "pod_created": lambda row: (
        f"{row['object']} was created by {row['owner'] or row['actor']}, to run "
        + ("for ever" if row["value"] is None else f"for {say_time(row['value'])}")
    ),
    "pod_unschedulable": lambda row: f"{row['object']} found no minion{_in_brackets(row)}",
    "pod_nominated": lambda row: (
        f"{row['object']} waits for room on {row['minion']}"
        if row["minion"]
        else f"{row['object']} waits for room on no minion any more"
    ),
    "pod_preempted": lambda row: f"{row['object']} has to go from {row['minion']}{_in_brackets(row)}",
    "pod_bound": lambda row: (
        f"{row['object']} was bound to {row['minion']} by {row['actor']}"
        if row["actor"]
        else f"{row['object']} was there on {row['minion']} when the run began"
    ),
    "bind_refused": lambda row: (
        f"the master refused to bind {row['object']} to {row['minion']}{_in_brackets(row)}"
    ),
    "pod_started": lambda row: f"{row['object']} started on {row['minion']}",
    "pod_succeeded": lambda row: f"{row['object']} succeeded on {row['minion']}{_in_brackets(row)}",
    "pod_failed": lambda row: f"{row['object']} failed on {row['minion']}{_in_brackets(row)}",
    "pod_lost": lambda row: f"{row['object']} was lost with {row['minion']}{_in_brackets(row)}",
    "pod_withdrawn": lambda row: f"{row['object']} was withdrawn, it had not run",
    "pod_given_up": lambda row: f"{row['object']} was given up, it had not run",
    "pod_ready": lambda row: f"{row['object']} became ready on {row['minion']}",
    "pod_unready": lambda row: f"{row['object']} was not ready any more{_in_brackets(row)}",
    "pod_reported": lambda row: f"{row['object']} was reported to run, late, by {row['minion']}",
    "pod_terminating": lambda row: f"{row['object']} was asked to end{_in_brackets(row)}",
    "pod_stopped": lambda row: f"{row['object']} stopped on {row['minion']}{_in_brackets(row)}",
    "pod_removed": lambda row: f"{row['object']} was gone",
    "pod_initialized": lambda row: f"{row['object']} was initialized",
    "container_started": lambda row: (
        f"{_container(row)} started" + (f", restart {say_number(row['value'])}" if row["value"] else "")
    ),
    "container_exited": lambda row: (
        f"{_container(row)} ended with exit code {row['container_exited_code']}{_in_brackets(row)}"
        f" after {say_time(row['container_exited_ran_s'])}"
    ),
    "container_held_back": lambda row: (
        f"{_container(row)} waits {say_time(row['value'])} for its next start{_in_brackets(row)}"
    ),
    "container_short": lambda row: f"{_container(row)} was short of CPU{_in_brackets(row)}",
    "container_out_of_memory": lambda row: (
        f"{'a child of ' if row['container_out_of_memory_child'] else ''}{_container(row)} was killed for want of"
        f" memory, holding {say_bytes(row['value'])}{_in_brackets(row)}"
    ),
    "fork_refused": lambda row: (
        f"{_container(row)} was refused a process, having {say_number(row['value'])}{_in_brackets(row)}"
    ),
    "fork_bomb_began": lambda row: f"{_container(row)} began to fork, and so does each of its processes",
    "fork_bomb_grew": lambda row: f"{_container(row)} had {say_number(row['value'])} processes",
    "fork_bomb_limited": lambda row: (
        f"{_container(row)} could have no more than {say_number(row['value'])} processes{_in_brackets(row)}"
    ),
    "processes_exhausted": lambda row: (
        f"{row['object']} could start no process any more, having {say_number(row['value'])}{_in_brackets(row)}"
    ),
    "processes_freed": lambda row: f"{row['object']} could start processes again",
    "container_held": lambda row: f"{_container(row)} had come to hold {say_bytes(row['value'])}",
    "files_read": lambda row: (
        f"{_container(row)} read {say_bytes(row['value'])} of files, of which"
        f" {say_bytes(row['value'] - row['files_read_charged_bytes'])} were cached"
    ),
    "files_reclaimed": lambda row: f"{row['object']} gave {say_bytes(row['value'])} of file pages back",
    "files_left": lambda row: f"{_container(row)} left {say_bytes(row['value'])} of file pages charged to it",
    "minion_low": lambda row: (
        f"{row['object']} was low on memory, {say_bytes(row['value'])} available{_in_brackets(row)}"
    ),
    "pod_evicted": lambda row: f"{row['object']} was evicted, {row['minion']} being low{_in_brackets(row)}",
    "minion_pressed": lambda row: f"the master has {row['object']} as {row['reason']}={bool(row['value'])}",
    "container_used": lambda row: (
        f"{_container(row)} had used {say_time(row['value'])} of CPU,"
        f" of {say_time(row['container_used_wanted_s'])} that it wanted"
    ),
    "container_waited": lambda row: f"{_container(row)} was short of its disk{_in_brackets(row)}",
    "container_moved": lambda row: (
        f"{_container(row)} had moved {say_bytes(row['value'])} to and from its disk,"
        f" of {say_bytes(row['container_moved_wanted_bytes'])} that it wanted"
    ),
    "probe_failed": lambda row: f"{_container(row)} failed its probe{_in_brackets(row)}",
    "pod_labelled": lambda row: f"{row['object']} was labelled {row['reason'] or 'with nothing'}",
    "pod_owned": lambda row: f"{row['object']} now belongs to {row['owner'] or 'nobody'}",
    "minion_condition": lambda row: f"the master has {row['object']} as Ready={row['reason']}",
    "minion_tainted": lambda row: f"{row['object']} has taints: {row['reason'] or 'none'}",
    "controller_created": lambda row: f"{row['object']} was created for {say_number(row['value'])} pods",
    "controller_scaled": lambda row: (
        f"{row['object']} was asked for {say_number(row['value'])} pods{_in_brackets(row)}"
    ),
    "controller_status": lambda row: f"{row['object']} wrote its status",
    "controller_removed": lambda row: f"{row['object']} was gone",
    "endpoints_written": lambda row: f"{row['object']} has {say_number(row['value'])} ready endpoints",
    "image_pulling": lambda row: f"{row['minion']} was to pull {row['actor']} for {row['object']}",
    "image_pulled": lambda row: (
        f"{row['actor']} was there for {row['object']} on {row['minion']}, after {say_time(row['value'])}"
    ),
    "image_failed": lambda row: (
        f"{row['actor']} could not be had for {row['object']} on {row['minion']}{_in_brackets(row)}"
    ),
    "image_removed": lambda row: f"{row['object']} was removed from {row['minion']} to make room",
    "fault_began": lambda row: f"{row['object']} struck{_where(row)}{_occurrence(row)}",
    "fault_ended": lambda row: f"{row['object']} was over{_at(row)}{_occurrence(row)}",
    "operator_step": lambda row: f"{row['object']}: an operator {row['reason']}{_where(row)}",
    "minion_crashed": lambda row: (
        f"{row['object']} {'went down for a reboot, to be back' if row['reason'] else 'crashed, to be repaired'} "
        + ("never" if row["value"] is None else f"after {say_time(row['value'])}")
    ),
    "minion_repaired": lambda row: f"{row['object']} was up again",
    "pod_decided": lambda row: f"{row['object']}: {_decided(row)}",
    "minion_scored": lambda row: (
        f"{row['minion']} would score {say_number(row['value'], 9)} for {row['object']}"
    ),
    "policy_note": lambda row: (
        f"{row['actor']} noted{_of(row)}: {row['reason'] or ''}"
        + ("" if row["value"] is None else f" {say_number(row['value'])}")
    ),
    "run_ended": lambda row: f"the run ended{_in_brackets(row)}",
    **OF_INTRUSIONS,
}


_OF_DECISIONS: Final = ("pod_decided", "minion_scored")


def explain(folder: Path, thing: str, *, decisions: bool = False) -> str:
    """Tell the life of ``KIND/NAMESPACE/NAME[#n]`` in order of time, or what was decided about it.

    Args:
        folder: A run's folder.
        thing: As ``pod/default/batch-3``, ``pod/default/web-1#2`` or ``minion/web-3``.
        decisions: Only the scheduler's decisions about this pod, each with the best minions and their scores.

    Returns:
        One line a record, causes indented below it.

    Raises:
        ScenarioError: There is no such object in the run; says the nearest. Or there is no run, or decisions were
            not written.
    """
    thing = thing.removesuffix("#1")
    run = open_run(folder)
    objects = run.events().select(pl.col("seq"), pl.col("kind"), pl.col("object"), pl.col("cause")).collect()
    mine = objects.filter(pl.col("object").cast(pl.String) == thing)
    told_apart = pl.col("kind").cast(pl.String).is_in(_OF_DECISIONS)
    own = mine.filter(~told_apart)["seq"].to_list()
    if mine.is_empty():
        names = objects["object"].drop_nulls().unique().cast(pl.String).to_list()
        raise ScenarioError([_unknown(folder, thing, names)])
    if decisions:
        return _decisions(folder, run, thing, mine.filter(told_apart)["seq"].to_list())
    chains = _chains(own, objects["seq"].to_numpy(), objects["cause"].fill_null(-1).to_numpy())
    told = sorted({seq for chain in chains for seq in _shown(chain)})
    rows = {row["seq"]: row for row in _rows(run, told)}
    sentences = {seq: _sentence(row) + _restarted(row, rows) for seq, row in rows.items()}
    lines = [line for chain in chains for line in _lines(chain, sentences)]
    return "\n".join([*lines, *(f"note: {note}" for note in run.notes)])


def _rows(run: RunFiles, seqs: list[int]) -> list[dict[str, Any]]:
    """The records of these numbers, in order, names as text."""
    text = [
        pl.col(name).cast(pl.String)
        for name in ("kind", "object", "actor", "owner", "minion", "container", "reason")
    ]
    there = [name for name in _COLUMNS if name in run.events().collect_schema().names()]
    return (
        run.events().select(there).filter(pl.col("seq").is_in(seqs)).with_columns(text).collect().to_dicts()
    )


def _decisions(folder: Path, run: RunFiles, thing: str, seqs: list[int]) -> str:
    """One line a decision, and below it the best minions with what each plug-in gave them."""
    if not seqs:
        message = f"no decision about '{thing}' was written: run it with --set journal.scheduling=full"
        raise ScenarioError([Diagnostic(message, str(folder), code="no-decisions")])
    lines, place = [], 0
    for row in _rows(run, seqs):
        if row["kind"] == "pod_decided":
            lines.append(_sentence(row))
            place = 0
        else:
            place += 1
            lines.append(f"  {place}. {row['minion']}  {say_number(row['value'], 9)}  ({row['reason']})")
    return "\n".join([*lines, *(f"note: {note}" for note in run.notes)])


def _decided(row: Row) -> str:
    if row["minion"] is None:
        return row["reason"] or "no minion would do"
    counts = f"{say_count(row['pod_decided_feasible'])} of {say_count(row['pod_decided_minions'])} minions would do"
    return f"{counts}, {row['minion']} was chosen"


def _container(row: Row) -> str:
    return f"{row['object']}, {row['container']}," if row["container"] else f"{row['object']}, its container,"


def _unknown(folder: Path, thing: str, names: list[str]) -> Diagnostic:
    # Nearness is slow to tell: of many names only those that begin most alike are compared.
    names.sort(key=lambda name: (-_same_letters(name, thing), abs(len(name) - len(thing)), name))
    message = f"no record of this run is about '{thing}'"
    if "/" not in thing:
        message += ", an object is KIND/NAMESPACE/NAME or KIND/NAME, as pod/default/batch-3 or minion/web-3"
        near = nearest_word(thing, (name.rsplit("/", 1)[-1] for name in names[:_LIKELY]))
        full = [name for name in names if name.rsplit("/", 1)[-1] in (thing, near)]
        return Diagnostic(message, str(folder), hint=full[0] if full else None, code="unknown-object")
    return Diagnostic(message, str(folder), hint=nearest_word(thing, names[:_LIKELY]), code="unknown-object")


def _same_letters(first: str, second: str) -> int:
    """How many letters two names begin with alike."""
    return next((i for i, (a, b) in enumerate(zip(first, second, strict=False)) if a != b), len(second))


def _chains(own: list[int], seqs: np.ndarray[Any, Any], causes: np.ndarray[Any, Any]) -> list[list[int]]:
    """For each record of the object: itself, then its causes as far as they were not told before.

    A chain ends at a root, or with the negative of (1 + seq) of a record that stands above.
    """
    place_of = dict(zip(own, range(len(own)), strict=True))
    told: set[int] = set()
    chains = []
    for seq in own:
        chain = [seq]
        told.add(seq)
        while (cause := int(causes[np.searchsorted(seqs, chain[-1])])) >= 0:
            if cause in told:
                # Its own record just above needs no pointing at.
                if not (len(chain) == 1 and place_of.get(cause) == place_of[seq] - 1):
                    chain.append(-1 - cause)
                break
            told.add(cause)
            chain.append(cause)
        chains.append(chain)
    return chains


def _shown(chain: list[int]) -> list[int]:
    """The records of a chain that are told: all of a short one, the first and the last of a long one."""
    records = [seq for seq in chain if seq >= 0]
    return records if len(records) <= _DEEPEST + 2 else [*records[: _DEEPEST + 1], records[-1]]


def _lines(chain: list[int], sentences: Mapping[int, str]) -> list[str]:
    shown = _shown(chain)
    records = sum(seq >= 0 for seq in chain)
    lines = []
    for depth, seq in enumerate(shown):
        indent = "  " * depth + ("because " if depth else "")
        if depth == len(shown) - 1 and len(shown) < records:
            lines.append(f"{'  ' * depth}... {records - len(shown)} more causes, back to")
        lines.append(f"{indent}{sentences[seq]}")
    if chain[-1] < 0:
        lines.append(f"{'  ' * len(shown)}because of #{-1 - chain[-1]}, above")
    return lines


def _sentence(row: Row) -> str:
    tell = _SENTENCES.get(row["kind"])
    what = f"{row['object'] or ''} {row['kind'].replace('_', ' ')}".strip() if tell is None else tell(row)
    return f"{row['time_s']:,.3f} s  #{row['seq']}  {what}"


def _restarted(row: Row, rows: Mapping[int, Row]) -> str:
    """Say of a container's end by which probe it was restarted, and what it lacked for that."""
    probe = rows.get(row["cause"]) if row["kind"] == "container_exited" else None
    if probe is None or probe["kind"] != "probe_failed" or probe["reason"] == "Readiness":
        return ""
    why = rows.get(probe["cause"])
    name = str(probe["reason"]).lower()
    if why is not None and why["kind"] == "container_short":
        return f", restarted: {name} timed out: {why['reason']}"
    return f", restarted: {name} failed"


def _in_brackets(row: Row) -> str:
    return f" ({row['reason']})" if row["reason"] else ""


def _occurrence(row: Row) -> str:
    return "" if row["value"] is None else f", occurrence {say_number(row['value'])}"


def _where(row: Row) -> str:
    return f" {row['minion']}" if row["minion"] else ""


def _at(row: Row) -> str:
    return f" at {row['minion']}" if row["minion"] else ""


def _of(row: Row) -> str:
    return f" about {row['object']}" if row["object"] else ""
