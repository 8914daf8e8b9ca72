"""Manifests of single pods, as text."""

from __future__ import annotations


def pod_text(name: str, rule: str = "", of: str = "", labels: str = "", spec: str = "") -> str:
    """A Pod as one document, which the next may follow.

    Args:
        name: Its own, and its label ``app``.
        rule: ``podAffinity`` or ``podAntiAffinity`` to have it required on a host of, or apart from, others.
        of: The labels of these others.
        labels: More labels of its own.
        spec: More of its spec, a line as ``nodeSelector: {disk: ssd}``.
    """
    affinity = f"""  affinity:
    {rule}:
      requiredDuringSchedulingIgnoredDuringExecution:
        - {{labelSelector: {{matchLabels: {{{of}}}}}, topologyKey: kubernetes.io/hostname}}
"""
    return f"""---
apiVersion: v1
kind: Pod
metadata: {{name: {name}, labels: {{app: {name}{f", {labels}" if labels else ""}}}}}
spec:
  containers: [{{name: c, image: i, resources: {{requests: {{cpu: 100m, memory: 64Mi}}}}}}]
{f"  {spec}" if spec else ""}
{affinity if rule else ""}"""
