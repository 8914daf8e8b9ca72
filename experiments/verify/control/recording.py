"""One recording of a real control plane, read and checked.

The form of the file is that of the folder of recordings (its README): times in seconds from the start of the
recording, sizes as Kubernetes writes them. Fields that are not known are kept and not looked at.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from experiments.verify.control.recordingcheck import name_of, problems_of
from experiments.verify.control.rows import INPUTS
from sim.diagnostics import Diagnostic
from sim.errors import ScenarioError

__all__ = ["Kubelet", "Minion", "Recording", "Row", "read_recording"]

Row = Mapping[str, Any]
"""One row of a log: ``t`` seconds, ``kind``, and the fields of the kind."""

_ZONE = "topology.kubernetes.io/zone"
_MOST_PROBLEMS = 20


@dataclass(frozen=True, slots=True)
class Kubelet:
    """What the fake kubelets of a recording do, all in seconds.

    Attributes:
        start_s: From seeing a pod bound to reporting it Running.
        ready_s: From that to Ready.
        lease_renew_s: Between two renewals of a minion's lease.
    """

    start_s: float
    ready_s: float
    lease_renew_s: float


@dataclass(frozen=True, slots=True)
class Minion:
    """A minion as it was registered.

    Attributes:
        name: Its name.
        cpu: Capacity, as Kubernetes writes it.
        memory: Capacity, as Kubernetes writes it.
        pods: The most pods it takes.
        labels: Its labels.
        registered_s: When it was registered, where the recording says so.
    """

    name: str
    cpu: str
    memory: str
    pods: int
    labels: Mapping[str, str]
    registered_s: float | None

    @property
    def zone(self) -> str:
        """Its zone; empty where it has none."""
        return self.labels.get(_ZONE, "")


@dataclass(frozen=True, slots=True)
class Recording:
    """What was asked of a real control plane and what it did.

    Attributes:
        source: The file.
        scenario: Its name.
        kubernetes: The table of constants, as ``1.20``.
        kubelet: What the fake kubelets do.
        toleration_s: Default toleration of the not-ready and unreachable taints.
        minions: As registered.
        objects: Controllers, services and classes as created, in manifest form.
        log: Rows in order of time.
        event_reasons: Counts of the API's events, after the client's filter.
    """

    source: str
    scenario: str
    kubernetes: str
    kubelet: Kubelet
    toleration_s: float
    minions: tuple[Minion, ...]
    objects: tuple[Mapping[str, Any], ...]
    log: tuple[Row, ...]
    event_reasons: Mapping[str, int] = field(default_factory=dict)

    @property
    def inputs(self) -> tuple[Row, ...]:
        """The rows that say what was done from outside."""
        return tuple(row for row in self.log if row["kind"] in INPUTS)

    @property
    def end_s(self) -> float:
        """The time of the last row."""
        return float(self.log[-1]["t"])

    @property
    def controllers(self) -> tuple[str, ...]:
        """Names of the replication controllers, in order."""
        return tuple(
            item["metadata"]["name"] for item in self.objects if item["kind"] == "ReplicationController"
        )

    @property
    def services(self) -> tuple[str, ...]:
        """Names of the services, in order."""
        return tuple(name_of(item) for item in self.objects if item["kind"] == "Service")


def read_recording(path: Path) -> Recording:
    """Read a recording.

    Raises:
        ScenarioError: It cannot be read, or is not a recording; carries every problem found, one sentence each.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise _refused(path, [f"cannot read the file: {error.strerror or error}"]) from error
    except json.JSONDecodeError as error:
        where = Diagnostic(f"not JSON: {error.msg}", str(path), error.lineno, error.colno)
        raise ScenarioError([where]) from error
    except (UnicodeDecodeError, RecursionError) as error:
        raise _refused(path, ["not JSON: the text cannot be decoded"]) from error
    problems = list(problems_of(data))
    if problems:
        raise _refused(path, problems)
    return _built(path, data)


def _refused(path: Path, sentences: list[str]) -> ScenarioError:
    shown = sentences[:_MOST_PROBLEMS]
    if len(sentences) > len(shown):
        shown.append(f"and {len(sentences) - len(shown)} more problems")
    return ScenarioError([Diagnostic(sentence, str(path), 0, 0) for sentence in shown])


def _built(path: Path, data: Mapping[str, Any]) -> Recording:
    minions = (
        Minion(m["name"], m["cpu"], m["memory"], m["pods"], m.get("labels") or {}, m.get("t"))
        for m in data["minions"]
    )
    kubelet = {name: float(data["kubelet"][name]) for name in ("start_s", "ready_s", "lease_renew_s")}
    return Recording(
        str(path),
        data["scenario"],
        data["kubernetes"],
        Kubelet(**kubelet),
        float(data["toleration_s"]),
        tuple(minions),
        tuple(data["objects"]),
        tuple(sorted(data["log"], key=lambda row: float(row["t"]))),
        data["event_reasons"] if isinstance(data.get("event_reasons"), dict) else {},
    )
