"""What owns pods, and which services there are: by which names and labels an expectation may speak of them.

A run's manifest keeps the list, so that a run can be judged from its folder alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from models.api.selectors import Selector, parse_selector
from models.api.specs import GeneratedWorkload, Scenario

__all__ = ["Named", "chosen", "owners_of", "read_named", "services_of", "written"]


@dataclass(frozen=True)
class Named:
    """One object that can be asked for.

    Attributes:
        object: Its text in the journal, as ``controller/default/web``.
        names: What it answers to.
        labels: Those of its pods.
    """

    object: str
    names: tuple[str, ...]
    labels: Mapping[str, str] = field(default_factory=dict)

    def is_in(self, selector: Selector) -> bool:
        """Whether a selector means it."""
        return selector.matches(self.labels, self.names)


def owners_of(scenario: Scenario) -> tuple[Named, ...]:
    """Return workloads and controllers."""
    return tuple(_owners(scenario))


def _owners(scenario: Scenario) -> Iterator[Named]:
    for workload in scenario.workloads:
        labels = workload.pod.labels if isinstance(workload, GeneratedWorkload) else {}
        yield Named(f"workload/{workload.name}", (workload.name,), labels)
    for controller, names in scenario.named_controllers:
        yield Named(f"controller/{controller.key}", names, controller.pod.labels)


def services_of(scenario: Scenario) -> tuple[Named, ...]:
    """Return services; they are asked for by name."""
    return tuple(Named(f"service/{each.key}", (each.name, each.key)) for each in scenario.all_services)


def written(named: Iterable[Named]) -> list[dict[str, Any]]:
    """Return what a run's manifest keeps."""
    return [{"object": each.object, "names": list(each.names), "labels": dict(each.labels)} for each in named]


def read_named(manifest: Mapping[str, Any], key: str) -> tuple[Named, ...]:
    """Return what a run's manifest kept under ``owners`` or ``services``; nothing where it was not written."""
    return tuple(
        Named(each["object"], tuple(each["names"]), each["labels"]) for each in manifest.get(key, ())
    )


def chosen(named: Iterable[Named], selector: str, kind: str = "") -> tuple[str, ...]:
    """Return the objects that the text of a selector means, those of one kind where it is given; empty: all."""
    wanted = parse_selector(selector or "all")
    return tuple(each.object for each in named if each.object.startswith(kind) and each.is_in(wanted))
