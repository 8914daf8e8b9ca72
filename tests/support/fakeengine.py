"""A Docker Engine that runs nothing: its containers say at the gate what they would have found around themselves."""

from __future__ import annotations

import os
from collections.abc import Callable

from experiments.replay.engine import Container, Facts, State
from experiments.replay.work import PERIOD_US, Limits


def found_by(limits: Limits, cpus: str) -> dict[str, str]:
    """What a container under cgroup v1 finds where all is as asked."""
    memory = str(limits.memory_bytes) if limits.memory_bytes is not None else "9223372036854771712"
    return {
        "v1.pids.max": "max" if limits.pids is None else str(limits.pids),
        "v1.memory.limit_in_bytes": memory,
        "v1.memory.memsw.limit_in_bytes": memory,
        "v1.cpu.cfs_quota_us": "-1" if limits.quota_us is None else str(limits.quota_us),
        "v1.cpu.cfs_period_us": str(PERIOD_US),
        "v1.cpu.shares": str(limits.shares),
        "v1.cpuset.cpus": cpus,
        "oom_score_adj": "1000",
        "Uid": "65534\t65534\t65534\t65534",
        "Gid": "65534\t65534\t65534\t65534",
        **dict.fromkeys(("CapPrm", "CapEff", "CapBnd", "CapAmb"), "0" * 16),
        "NoNewPrivs": "1",
        "Seccomp": "2",
        "links": "0",
        "core": "0",
        "root": "read-only",
    }


class FakePipe:
    """A container's streams: what it found, then ``ready``, then what its work says after ``go``."""

    def __init__(self, found: dict[str, str]) -> None:
        self.lines = [f"found {name} {value}" for name, value in found.items()] + ["ready"]
        self.sent: list[str] = []
        self.closed = False

    def line(self, timeout_s: float) -> str | None:
        return self.lines.pop(0) if self.lines else None

    def send(self, text: str) -> None:
        self.sent.append(text)

    def close(self) -> None:
        self.closed = True


class FakeEngine:
    """Keeps limits, or discards them as ``discards`` says, or warns."""

    def __init__(
        self,
        *,
        discards: Callable[[dict[str, str]], None] = lambda found: None,
        warnings: tuple[str, ...] = (),
        lacks: tuple[str, ...] = (),
    ) -> None:
        self.url = "unix:///no/such/socket"
        self.discards, self.warnings, self.lacks = discards, warnings, lacks
        self.pipes: dict[str, FakePipe] = {}
        self.there: dict[str, Container] = {}
        self.pictures: dict[str, dict[str, str]] = {}
        self.made: list[dict[str, object]] = []

    def facts(self) -> Facts:
        machine = os.uname().machine
        return Facts(
            "20.10", "6.1", "v1", "cgroupfs", "overlay2", 4, 8 << 30, "elsewhere", machine, self.lacks
        )

    def import_image(self, tar: bytes, repository: str, tag: str, labels: dict[str, str]) -> None:
        self.pictures[f"{repository}:{tag}"] = labels

    def images(self, label: str) -> list[tuple[str, dict[str, str]]]:
        return list(self.pictures.items())

    def remove_image(self, name: str) -> None:
        self.pictures.pop(name, None)

    def create(self, image, command, limits, *, name, labels, cpus, parent):
        identity = f"id-{len(self.made)}"
        self.made.append({"command": command, "limits": limits, "name": name})
        found = found_by(limits, cpus)
        self.discards(found)
        self.pipes[identity] = FakePipe(found)
        self.there[identity] = Container(identity, labels, running=False)
        return identity, list(self.warnings)

    def attach(self, identity: str) -> FakePipe:
        return self.pipes[identity]

    def start(self, identity: str) -> None:
        self.there[identity] = Container(identity, self.there[identity].labels, running=True)

    def remove(self, identity: str) -> None:
        self.there.pop(identity, None)

    def state(self, identity: str) -> State:
        return State(running=True, pid=1, exit_code=0, oom_killed=False, started_s=0.0, finished_s=0.0)

    def containers(self, label: str | None = None) -> list[Container]:
        key, _, value = (label or "").partition("=")
        return [
            each
            for each in self.there.values()
            if label is None or (key in each.labels and value in ("", each.labels[key]))
        ]
