"""Lives from the journal: every pod's, every minion's, every fault's, as columns of numbers.

Metrics, expectations and pictures all start here, so that they cannot disagree on what a life is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from experiments.journalfiles import RunFiles
from models.api.records import UNREPORTED

__all__ = ["ENDINGS", "POD_RESOURCES", "Faults", "Lives", "Minions", "Pods", "read_lives"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Codes = NDArray[np.int32]

ENDING_RECORDS: Final = {
    "succeeded": "pod_succeeded",
    "failed": "pod_failed",
    "lost": "pod_lost",
    "withdrawn": "pod_withdrawn",
    "given_up": "pod_given_up",
    "deleted": "pod_removed",
}
ENDINGS: Final = tuple(ENDING_RECORDS)
"""How a pod's life in the record may end, and the kind of the record that says so."""

POD_RESOURCES: Final = ("cpu_millicores", "memory_bytes", "ephemeral_bytes", "gpu_milli")
"""What a pod's creation says that it asks for."""

_NOBODY: Final = 2**32 - 1
_MINION_RESOURCES: Final = ("cpu_millicores", "memory_bytes", "pods", "ephemeral_bytes", "gpu_milli")


@dataclass(frozen=True)
class Pods:
    """One row a pod, in order of creation. A time that was not reached is nan.

    Attributes:
        created_s, bound_s, started_s, ended_s: Simulated times. A pod starts here when the record has it
            running: where its kubelet was not heard that is later than the truth.
        ending: Index into :data:`ENDINGS`, -1 while the pod lives.
        owner: Index into ``owners``, -1 for none.
        owners: Texts as ``workload/batch``.
        minion: Row of :class:`Minions` where the pod was bound, -1 for none.
        found: It was bound when the run began: no scheduler was asked.
        requests: What it asks for, by word of :data:`POD_RESOURCES`.
        recorded_wait_s: What a trace says that it waited, nan where unknown.
        records: How many records of each ending there are; more than pods that ended so is a broken journal.
    """

    created_s: Floats
    bound_s: Floats
    started_s: Floats
    ended_s: Floats
    ending: NDArray[np.int8]
    owner: Codes
    owners: tuple[str, ...]
    minion: Codes
    found: NDArray[np.bool_]
    requests: dict[str, Ints]
    recorded_wait_s: Floats
    records: dict[str, int]

    def __len__(self) -> int:
        return len(self.created_s)

    def asked(self) -> Pods:
        """Return those that a scheduler was asked to place."""
        return self.where(~self.found) if self.found.any() else self

    def where(self, chosen: NDArray[np.bool_]) -> Pods:
        """Return some of the pods; ``records`` are not told apart and are those of all."""
        return Pods(
            self.created_s[chosen],
            self.bound_s[chosen],
            self.started_s[chosen],
            self.ended_s[chosen],
            self.ending[chosen],
            self.owner[chosen],
            self.owners,
            self.minion[chosen],
            self.found[chosen],
            {word: amounts[chosen] for word, amounts in self.requests.items()},
            self.recorded_wait_s[chosen],
            self.records,
        )


@dataclass(frozen=True)
class Minions:
    """One row a minion, in order of registration.

    Attributes:
        names: Without the leading ``minion/``.
        registered_s: When the master knew of it.
        ready: Whether it was ready then.
        allocatable: By resource word; 0 where the run knows nothing of the resource.
        changed_s, changed, up: Crashes and repairs in order of time: when, which row, whether it came up.
        planned: Whether it went down, or had gone down, because an operator rebooted it.
    """

    names: tuple[str, ...]
    registered_s: Floats
    ready: NDArray[np.bool_]
    allocatable: dict[str, Ints]
    changed_s: Floats
    changed: Codes
    up: NDArray[np.bool_]
    planned: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.names)

    def ready_s(self, end_s: float) -> Floats:
        """Seconds that each minion was ready until ``end_s``."""
        # Each turn of the switch adds what is left of the run, or takes it away.
        total = np.where(self.ready, end_s - self.registered_s, 0.0)
        np.add.at(total, self.changed, np.where(self.up, 1.0, -1.0) * (end_s - self.changed_s))
        return total


@dataclass(frozen=True)
class Faults:
    """One row an occurrence, in order of beginning.

    Attributes:
        names: Without the leading ``fault/``.
        occurrence: Counted from 1, for each name.
        minions: Where, empty for nowhere in particular.
        began_s: When.
        ended_s: When it was over, nan while it is not.
        for_ever: It will never be over: every crash of it is one that nobody repairs.
    """

    names: tuple[str, ...]
    occurrence: Ints
    minions: tuple[str, ...]
    began_s: Floats
    ended_s: Floats
    for_ever: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.names)


@dataclass(frozen=True)
class Lives:
    """Everything that lived in one run.

    Attributes:
        end_s: When the run ended; of a run that did not, the time of its last record.
        end_reason: until, drained, interrupted, budget; None of a run that was killed.
        complete: The run came to its own end.
    """

    pods: Pods
    minions: Minions
    faults: Faults
    end_s: float
    end_reason: str | None
    complete: bool


def read_lives(run: RunFiles) -> Lives:
    """Read the lives of a run. Memory: about 100 bytes a pod and 30 a record while reading."""
    # One reading: the numbers of categories are only sure to agree within one frame.
    number = [pl.col(name).to_physical().fill_null(_NOBODY) for name in ("object", "minion")]
    frame = run.events().select("time_s", "kind", *number).collect()
    kinds = frame["kind"].unique()
    code_of = dict(zip(kinds.cast(pl.String), kinds.to_physical(), strict=True))
    events = _Events(
        {name: frame[name].to_numpy() for name in ("time_s", "object", "minion")},
        frame["kind"].to_physical().to_numpy(),
        code_of,
    )
    minions, minion_rows = _read_minions(run, events)
    pods = _read_pods(run, events, minion_rows)
    ended = _own_columns(run, "run_ended", ["time_s", "value", "reason"])
    if ended.height:
        time_s, value, reason = ended.row(-1)
        return Lives(pods, minions, _read_faults(run), time_s, reason, value != 0)
    end_s = float(events.columns["time_s"].max(initial=0.0))
    return Lives(pods, minions, _read_faults(run), end_s, None, False)


@dataclass(frozen=True)
class _Events:
    """The columns that every record has."""

    columns: dict[str, NDArray[Any]]
    kinds: NDArray[np.uint32]
    code_of: dict[str, int]

    def rows(self, *kinds: str) -> Ints:
        """Rows of the records of these kinds, in order."""
        chosen = np.zeros(len(self.kinds), dtype=np.bool_)
        for kind in kinds:
            if kind in self.code_of:
                chosen |= self.kinds == self.code_of[kind]
        return np.flatnonzero(chosen)

    def times_s(self, rows: Ints) -> Floats:
        return self.columns["time_s"][rows]

    def codes(self, column: str, rows: Ints) -> NDArray[np.uint32]:
        """Numbers of the categories of an identity."""
        return self.columns[column][rows]


def _own_columns(run: RunFiles, kind: str, columns: list[str]) -> pl.DataFrame:
    """Columns of the records of one kind."""
    # As text: a category that no record of this run uses would not be known.
    return run.events().filter(pl.col("kind").cast(pl.String) == kind).select(columns).collect()


def _numbered(codes: NDArray[np.uint32]) -> Codes:
    """The row of each code, where codes are listed in order of rows; -1 for any other, and at the end."""
    rows = np.full(int(codes.max(initial=0)) + 2, -1, dtype=np.int32)
    rows[codes] = np.arange(len(codes), dtype=np.int32)
    return rows


def _look_up(codes: NDArray[np.uint32], row_of_code: Codes) -> Codes:
    """Rows of identities by the numbers of their categories; -1 for nobody."""
    return row_of_code[np.minimum(codes, len(row_of_code) - 1)]


def _pod_rows(events: _Events, rows: Ints, row_of_code: Codes) -> Codes:
    found = _look_up(events.codes("object", rows), row_of_code)
    assert (found >= 0).all(), "every record of a pod is about one that was created"
    return found


def _ints(frame: pl.DataFrame, prefix: str, words: tuple[str, ...]) -> dict[str, Ints]:
    return {word: frame[f"{prefix}_{word}"].fill_null(0).to_numpy() for word in words}


def _owners(column: pl.Series) -> tuple[tuple[str, ...], Codes]:
    """The owners' texts in order of appearance, and each pod's place among them."""
    unique = column.drop_nulls().unique(maintain_order=True)
    codes = column.to_physical().fill_null(_NOBODY).to_numpy()
    return tuple(unique.cast(pl.String)), _look_up(codes, _numbered(unique.to_physical().to_numpy()))


def _read_pods(run: RunFiles, events: _Events, minion_rows: Codes) -> Pods:
    created = events.rows("pod_created")
    row_of_code = _numbered(events.codes("object", created))
    own = [f"pod_created_{word}" for word in (*POD_RESOURCES, "recorded_wait_s")]
    asked = _own_columns(run, "pod_created", ["owner", *own])
    owners, owner = _owners(asked["owner"])
    bound_s, started_s, ended_s = (np.full(len(created), np.nan) for _ in range(3))
    ending, minion = np.full(len(created), -1, dtype=np.int8), np.full(len(created), -1, dtype=np.int32)
    rows = events.rows("pod_bound")
    at = _pod_rows(events, rows, row_of_code)
    bound_s[at], minion[at] = events.times_s(rows), _look_up(events.codes("minion", rows), minion_rows)
    found = np.zeros(len(created), dtype=bool)
    found[at] = _own_columns(run, "pod_bound", ["actor"])["actor"].is_null().to_numpy()
    rows = events.rows("pod_started")
    heard = _own_columns(run, "pod_started", ["reason"])["reason"].cast(pl.String) != UNREPORTED
    rows = rows[heard.fill_null(True).to_numpy()]
    started_s[_pod_rows(events, rows, row_of_code)] = events.times_s(rows)
    rows = events.rows("pod_reported")
    started_s[_pod_rows(events, rows, row_of_code)] = events.times_s(rows)
    records = {}
    for number, (word, kind) in enumerate(ENDING_RECORDS.items()):
        rows = events.rows(kind)
        at = _pod_rows(events, rows, row_of_code)
        ended_s[at], ending[at], records[word] = events.times_s(rows), number, len(rows)
    return Pods(
        events.times_s(created),
        bound_s,
        started_s,
        ended_s,
        ending,
        owner,
        owners,
        minion,
        found,
        _ints(asked, "pod_created", POD_RESOURCES),
        asked["pod_created_recorded_wait_s"].fill_null(float("nan")).to_numpy(),
        records,
    )


def _read_minions(run: RunFiles, events: _Events) -> tuple[Minions, Codes]:
    known = events.rows("minion_registered")
    row_of_code = _numbered(events.codes("object", known))
    own = [f"minion_registered_{word}" for word in _MINION_RESOURCES]
    told = _own_columns(run, "minion_registered", ["object", "value", *own])
    changes = events.rows("minion_crashed", "minion_repaired")
    minions = Minions(
        tuple(told["object"].cast(pl.String).str.strip_prefix("minion/")),
        events.times_s(known),
        (told["value"].fill_null(1.0) != 0).to_numpy(),
        _ints(told, "minion_registered", _MINION_RESOURCES),
        events.times_s(changes),
        _look_up(events.codes("object", changes), row_of_code),
        np.isin(changes, events.rows("minion_repaired")),
        _planned(run),
    )
    return minions, row_of_code


def _planned(run: RunFiles) -> NDArray[np.bool_]:
    """Of every crash and repair in order, whether it is of a reboot."""
    kind = pl.col("kind").cast(pl.String)
    changes = run.events().filter(kind.is_in(["minion_crashed", "minion_repaired"]))
    told = changes.select(kind, pl.col("object", "reason").cast(pl.String)).with_columns(
        planned=pl.when(pl.col("kind") == "minion_crashed").then(pl.col("reason").eq_missing("reboot"))
    )
    known = told.select(pl.col("planned").forward_fill().over("object").fill_null(False)).collect()
    return np.asarray(known["planned"].to_numpy(), dtype=np.bool_)


def _read_faults(run: RunFiles) -> Faults:
    kinds = ["fault_began", "fault_ended", "minion_crashed"]
    columns = ["seq", "time_s", "kind", "object", "minion", "value", "cause"]
    frame = run.events().filter(pl.col("kind").cast(pl.String).is_in(kinds)).select(columns).collect()
    frame = frame.with_columns(pl.col("kind", "object", "minion").cast(pl.String))
    rows: list[tuple[str, float, str, float]] = []
    seqs: list[int] = []
    ended_s: list[float] = []
    repaired: dict[int, bool] = {}
    # A fault can hit one minion again only after it was over there.
    running: dict[tuple[str, str], int] = {}
    for seq, time_s, kind, name, minion, value, cause in frame.iter_rows():
        if kind == "fault_began":
            running[name, minion] = len(rows)
            rows.append((name, value or 1.0, minion or "", time_s))
            seqs.append(seq)
            ended_s.append(math.nan)
        elif kind == "fault_ended":
            place = running.pop((name, minion), None)
            if place is not None:
                ended_s[place] = time_s
        else:
            repaired[cause] = repaired.get(cause, False) or value is not None
    return Faults(
        tuple(row[0].removeprefix("fault/") for row in rows),
        np.array([row[1] for row in rows], dtype=np.int64),
        tuple(row[2].removeprefix("minion/") for row in rows),
        np.array([row[3] for row in rows], dtype=np.float64),
        np.array(ended_s, dtype=np.float64),
        np.array([seq in repaired and not repaired[seq] for seq in seqs], dtype=np.bool_),
    )
