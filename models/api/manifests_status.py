"""Reads what the API says has become of a pod, who owns an object, and when: a cluster's dump is a snapshot.

Form: k8s.io/api core/v1 types.go, PodStatus; apimachinery meta/v1 types.go, OwnerReference, v0.20.2.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from models.api.manifests_fields import Fields
from models.api.specs_taints import Taint

__all__ = ["OwnerReference", "PodRecord", "read_epoch_s", "read_owner", "read_record"]

PodPhase = Literal["Pending", "Running", "Succeeded", "Failed", "Unknown"]
_PHASES: Final[tuple[PodPhase, ...]] = ("Pending", "Running", "Succeeded", "Failed", "Unknown")
_TIME: Final = re.compile(
    r"([0-9]{4})-(0[1-9]|1[0-2])-([0-2][0-9]|3[01])T([01][0-9]|2[0-3]):([0-5][0-9]):([0-5][0-9]|60)(\.[0-9]+)?"
    r"(Z|[+-][0-2][0-9]:[0-5][0-9])"
)


@dataclass(frozen=True, slots=True)
class OwnerReference:
    """Who made an object and looks after it (``controller: true``)."""

    kind: str
    name: str
    uid: str


@dataclass(frozen=True, slots=True)
class PodRecord:
    """A pod as the API has it.

    Attributes:
        ready: Its Ready condition is True.
        ready_since_s: When it last became ready, in seconds since 1970; None where that is not said.
        restarts: The most of any of its containers.
        reason: Why it is as it is, where it says so, as Evicted.
    """

    phase: PodPhase
    ready: bool = False
    ready_since_s: float | None = None
    restarts: int = 0
    reason: str = ""

    @property
    def has_ended(self) -> bool:
        """Whether nothing of it runs any more or ever will."""
        return self.phase in {"Succeeded", "Failed"}


def read_record(status: Fields) -> PodRecord | None:
    """Return what a pod's status says; None where it has no phase, as what a person wrote."""
    if not status.value.get("phase"):
        return None
    ready, since_s = False, None
    for condition in status.elements("conditions"):
        if condition.value.get("type") == "Ready":
            ready = condition.text("status") == "True"
            since_s = read_epoch_s(condition, "lastTransitionTime")
    restarts = [
        each.integer("restartCount", 0, 0, 2**31 - 1) for each in status.elements("containerStatuses")
    ]
    return PodRecord(
        phase=status.one_of("phase", _PHASES, "Unknown"),
        ready=ready,
        ready_since_s=since_s,
        restarts=max(restarts, default=0),
        reason=status.text("reason"),
    )


def read_taint_times(spec: Fields) -> Iterator[tuple[str, float]]:
    """Yield the NoExecute taints of a Node's spec that say since when it has them, as text, with seconds since 1970."""
    for each in spec.elements("taints"):
        since_s = read_epoch_s(each, "timeAdded")
        if since_s is not None and each.value.get("effect") == "NoExecute" and each.text("key"):
            taint = Taint.model_construct(key=each.text("key"), value=each.text("value"), effect="NoExecute")
            yield str(taint), since_s


def read_owner(metadata: Fields) -> OwnerReference | None:
    """Return who controls an object; None for nobody."""
    found = None
    for each in metadata.elements("ownerReferences"):
        for key in ("apiVersion", "kind", "name", "uid"):
            if not each.value.get(key):
                each.problem(key, f'Invalid value: "": {key} must not be empty')
        if not each.flag("controller"):
            continue
        owner = OwnerReference(each.text("kind"), each.text("name"), each.text("uid"))
        if found is not None:
            says = 'Only one reference can have Controller set to true. Found "true" in references for'
            each.problem("controller", f"Invalid value: true: {says} {found.name} and {owner.name}")
        else:
            found = owner
    return found


def read_epoch_s(fields: Fields, key: str) -> float | None:
    """Return a time in seconds since 1970; None where there is none."""
    text = fields.text(key)
    if not text:
        return None
    match = _TIME.fullmatch(text)
    if match is None:
        fields.problem(key, f'Invalid value: "{text[:60]}": expected a time as 2021-03-15T12:00:00Z')
        return None
    year, month, day, hour, minute, second = (int(match[group]) for group in range(1, 7))
    zone = match[8]
    ahead_s = (
        0 if zone == "Z" else (1 if zone[0] == "+" else -1) * (int(zone[1:3]) * 3600 + int(zone[4:]) * 60)
    )
    return float(_days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second - ahead_s)


def _days(year: int, month: int, day: int) -> int:
    """Days from 1970-01-01 in the proleptic Gregorian calendar (Howard Hinnant, days_from_civil)."""
    year -= month <= 2
    era, of_era = divmod(year, 400)
    of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    return era * 146_097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719_468
