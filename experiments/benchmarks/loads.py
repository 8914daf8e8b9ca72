"""The loads that benchmarks run, as scenarios: the same entry as a user's."""

from __future__ import annotations

from pathlib import Path

from models.api.loading import LoadedScenario, read_scenario_text
from models.catalog import vocabulary

__all__ = ["cold", "control", "crowd", "hungry", "machine", "storm"]

_TEMPLATES = 20
_HEADER = """
apiVersion: wavetank/v1
name: {name}
seed: {seed}
until: {until}
cluster:
  minions:
    - {{name: web, count: {minions}, cpu: 16, memory: 64Gi, domains: {{zone: [a, b, c]}}}}
policy: {{scheduler: {policy}}}
"""
_CRASHES = """
faults:
  - name: crashes
    crash: {minions: all}
    timeToFailure: {weibull: {shape: 0.75, mean: 300d}}
    repair: {lognormal: {median: 60m, sigma: 1.4}}
"""


def _pod(template: int) -> str:
    cpu, memory = 100 + 25 * template, 128 + 64 * (7 * template % _TEMPLATES)
    return f"{{cpu: {cpu}m, memory: {memory}Mi, labels: {{app: app-{template}}}}}"


def machine(minions: int, pods: int, *, seed: int = 1, policy: str = "best-fit") -> LoadedScenario:
    """Return the machine row: pods of 20 templates over 24 h by Poisson arrivals, half end, with crashes.

    Args:
        minions: 16 cores and 64 GiB each.
        pods: In all; every second template lives 4 h in the mean, the others for ever.
        seed: Of the run.
        policy: The scheduling policy.
    """
    text = (
        _HEADER.format(name="machine", seed=seed, until="24h", minions=minions, policy=policy)
        + "workloads:\n"
    )
    each = pods // _TEMPLATES
    for template in range(_TEMPLATES):
        # The last arrival of a Poisson source scatters; aiming at 23 h lets all come before the end.
        rate = each / 23
        duration = "" if template % 2 else ", duration: {exponential: {mean: 4h}}"
        text += (
            f"  - {{name: app-{template}, count: {each}, arrivals: {{poisson: {{rate: {rate}/h}}}}, "
            f"pod: {_pod(template)}{duration}}}\n"
        )
    return _load(text + _CRASHES)


def control(minions: int, pods: int, *, until: str = "24h", crashes: bool = True) -> LoadedScenario:
    """Return the control plane's row: pods of 20 controllers, each with a service, with crashes and replacement.

    Args:
        minions: 16 cores and 64 GiB each.
        pods: In all, a twentieth by each controller.
        until: Simulated time.
        crashes: Whether minions crash.
    """
    text = _HEADER.format(name="control", seed=1, until=until, minions=minions, policy="best-fit")
    text += "master: {clients: {all: {qps: 100, burst: 200}}, watchLag: {uniform: {low: 10ms, high: 50ms}}}\n"
    names = [f"app-{template}" for template in range(_TEMPLATES)]
    text += "controllers:\n" + "".join(
        f"  - {{name: {name}, replicas: {pods // _TEMPLATES}, pod: {_pod(template)}}}\n"
        for template, name in enumerate(names)
    )
    text += "services:\n" + "".join(f"  - {{name: {name}, selector: {{app: {name}}}}}\n" for name in names)
    return _load(text + (_CRASHES if crashes else ""))


def cold(minions: int, pods: int, *, until: str = "24h") -> LoadedScenario:
    """Return the control plane's row with an image for each controller, nowhere to begin with, and probes.

    Args:
        minions: 16 cores and 64 GiB each.
        pods: In all, a twentieth by each controller.
        until: Simulated time.
    """
    text = _HEADER.format(name="cold", seed=1, until=until, minions=minions, policy="best-fit")
    text += "master: {clients: {all: {qps: 100, burst: 200}}, watchLag: {uniform: {low: 10ms, high: 50ms}}}\n"
    names = [f"app-{template}" for template in range(_TEMPLATES)]
    text += "images:\n" + "".join(
        f'  - {{name: "{name}:1", layers: [{{name: base, size: 30Mi}}, {{name: {name}-lib, size: 60Mi}}, '
        f"{{name: {name}, size: 10Mi}}]}}\n"
        for name in names
    )
    probes = "{readiness: {period: 10s}, liveness: {period: 10s}}"
    text += "registry: {bandwidth: 12.5G/s, perMinion: 1.25G/s, latency: 100ms}\ncontrollers:\n"
    for template, name in enumerate(names):
        cpu, memory = 100 + 25 * template, 128 + 64 * (7 * template % _TEMPLATES)
        container = f'{{name: app, image: "{name}:1", cpu: {cpu}m, memory: {memory}Mi, probes: {probes}}}'
        pod = f"{{labels: {{app: {name}}}, containers: [{container}]}}"
        text += f"  - {{name: {name}, replicas: {pods // _TEMPLATES}, pod: {pod}}}\n"
    text += "services:\n" + "".join(f"  - {{name: {name}, selector: {{app: {name}}}}}\n" for name in names)
    return _load(text + _CRASHES)


def storm(minions: int, *, warm: bool = False) -> LoadedScenario:
    """Return a pod on each minion at once, of an image that all pull through one registry.

    Args:
        minions: Of which each takes one pod.
        warm: The image is there already, so that nothing is pulled.
    """
    preloaded = ', preloaded: ["agent:2"]' if warm else ""
    return _load(
        f"""
apiVersion: wavetank/v1
name: storm
until: 24h
cluster: {{minions: [{{name: node, count: {minions}, cpu: 4, memory: 16Gi{preloaded}}}]}}
master: {{clients: {{all: {{qps: 100000, burst: 100000}}}}}}
images:
  - {{name: "agent:2", layers: [{{name: base, size: 60Mi}}, {{name: lib, size: 120Mi}}, {{name: agent, size: 60Mi}}]}}
registry: {{bandwidth: 1.25G/s, perMinion: 125M/s, latency: {{uniform: {{low: 100ms, high: 2s}}}}}}
controllers:
  - {{name: agent, replicas: {minions}, pod: {{containers: [{{name: a, image: "agent:2", cpu: 3}}]}}}}
"""
    )


def hungry(minions: int, pods: int, *, until: str = "24h") -> LoadedScenario:
    """Return pods that want other amounts of CPU each hour, half of the minions having fewer cores than that.

    Every fourth pod has a quota that it reaches, and jobs of finite work come and go on all minions.

    Args:
        minions: 16 cores and 64 GiB each, half of them for pods that want more than they asked for.
        pods: In all; the jobs are a tenth of them besides.
        until: Simulated time.
    """
    text = f"""
apiVersion: wavetank/v1
name: hungry
until: {until}
cluster:
  minions:
    - {{name: calm, count: {minions // 2}, cpu: 16, memory: 64Gi, labels: {{tier: calm}}}}
    - {{name: busy, count: {minions - minions // 2}, cpu: 16, memory: 64Gi, labels: {{tier: busy}}}}
policy: {{scheduler: worst-fit}}
master: {{clients: {{all: {{qps: 100000, burst: 100000}}}}, watchLag: {{uniform: {{low: 10ms, high: 50ms}}}}}}
controllers:
"""
    each = pods // 8
    for number in range(8):
        tier, most = (("calm", "400m"), ("busy", "1.2"))[number % 2]
        limits = ", limits: {cpu: 500m}" if number in (2, 3) else ""
        uses = f"{{cpu: {{uniform: {{low: 100m, high: {most}}}}}, redraw: 1h}}"
        text += (
            f"  - {{name: {tier}-{number}, replicas: {each}, pod: {{minions: tier={tier}, containers: "
            f"[{{name: app, cpu: 400m, memory: 256Mi{limits}, uses: {uses}}}]}}}}\n"
        )
    jobs = "{threads: 2, work: {exponential: {mean: 10m}}}"
    return _load(
        text
        + f"""workloads:
  - name: jobs
    count: {pods // 10}
    arrivals: {{poisson: {{rate: {pods // 10 / 23}/h}}}}
    pod: {{cpu: 100m, uses: {jobs}}}
"""
    )


def crowd(minions: int, pods: int, *, until: str, generations: int = 1, stay: bool = False) -> LoadedScenario:
    """Return pods that arrive together and live for 59 min, again after an hour for each further generation.

    Args:
        minions: 16 cores and 64 GiB each.
        pods: In each generation.
        until: When the run ends.
        generations: How many.
        stay: The pods never end.
    """
    text = _HEADER.format(name="crowd", seed=1, until=until, minions=minions, policy="first-fit")
    text += "workloads:" + ("\n" if pods else " []\n")
    each = pods // _TEMPLATES
    lives = "" if stay else ", duration: 59m"
    for generation in range(generations if pods else 0):
        for template in range(_TEMPLATES):
            text += (
                f"  - {{name: app-{generation}-{template}, count: {each}, arrivals: {{at: {generation}h}}, "
                f"pod: {_pod(template)}{lives}}}\n"
            )
    return _load(text)


def _load(text: str) -> LoadedScenario:
    return read_scenario_text(text, "benchmark", Path(), vocabulary=vocabulary())
