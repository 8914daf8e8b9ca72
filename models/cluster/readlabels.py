"""Labels of pods that were changed, as they were read; and what such pods are like then."""

from __future__ import annotations

from models.api.scheduling_templates import relabelled
from models.api.types import Pod, PodTemplate

__all__ = ["ReadLabels"]

Labels = tuple[tuple[str, str], ...]


class ReadLabels:
    """Templates of pods that have other labels than they began with: their indices are below 0."""

    def __init__(self) -> None:
        self._of: dict[int, PodTemplate] = {}
        self._like: dict[tuple[int, Labels], PodTemplate] = {}

    def template(self, pod: Pod) -> PodTemplate:
        """Return what a pod is like, with the labels that were read of it. HOT."""
        return self._of.get(pod.arrival, pod.template) if self._of else pod.template

    def change(self, pod: Pod, labels: Labels) -> None:
        """Read that a pod has other labels."""
        template = pod.template
        if labels == template.labels:
            self._of.pop(pod.arrival, None)
            return
        key = (template.index, labels)
        found = self._like.get(key)
        if found is None:
            found = self._like[key] = relabelled(template, labels, -1 - len(self._like))
        self._of[pod.arrival] = found

    def forget(self, pod: Pod) -> None:
        """Forget a pod."""
        self._of.pop(pod.arrival, None)

    def clear(self) -> None:
        """Forget all pods."""
        self._of.clear()
