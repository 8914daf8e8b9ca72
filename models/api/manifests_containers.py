"""Reads the containers of a v1 pod: requests and limits, images, probes, hooks.

Rules and sentences: k/k:pkg/apis/core/validation/validation.go, validateContainers(), v1.20.2. Not held to them: a
container without an image, which has nothing to pull here.
"""

from __future__ import annotations

from typing import Final

from models.api.containers import PULL_POLICIES, ContainerSpec, HandlerSpec, ProbeSpec, default_pull_policy
from models.api.manifests_fields import Fields
from models.api.quantities import to_amount, to_bytes, to_millicores
from models.api.specs_names import label_key_problem, parse_dns_name
from sim.diagnostics import nearest_word

__all__ = ["NATIVE", "read_amounts", "read_containers"]

NATIVE: Final = ("cpu", "memory", "ephemeral-storage")
"""Resources that are not extended ones."""
_MAX_SECONDS: Final = 2**31 - 1
_MODELLED: Final = {
    "name", "resources", "ports", "image", "imagePullPolicy",
    "readinessProbe", "livenessProbe", "startupProbe", "lifecycle",
}  # fmt: skip
_SILENT: Final = {"terminationMessagePath", "terminationMessagePolicy"}
"""Fields that every object of a real cluster has and that change nothing here."""
_HANDLERS: Final = ("exec", "httpGet", "tcpSocket", "grpc", "sleep")
_PROBES: Final = ("readinessProbe", "livenessProbe", "startupProbe")


def read_containers(
    spec: Fields, unmodelled: dict[str, None]
) -> tuple[tuple[ContainerSpec, ...], tuple[ContainerSpec, ...]]:
    """Return the containers and the init containers of a pod's spec.

    Args:
        spec: The pod's.
        unmodelled: Names of fields that are passed over are added here.
    """
    names: dict[str, None] = {}
    containers = tuple(_container(each, names, unmodelled) for each in spec.elements("containers"))
    first = []
    for each in spec.elements("initContainers"):
        if each.value.get("restartPolicy") is None:
            for key in (*_PROBES, "lifecycle"):
                if each.has(key):
                    each.problem(key, "Invalid value: must not be set for init containers", on_key=True)
        first.append(_container(each, names, unmodelled))
    return containers, tuple(first)


def _container(container: Fields, names: dict[str, None], unmodelled: dict[str, None]) -> ContainerSpec:
    for key in container.value:
        if key not in _MODELLED and key not in _SILENT:
            unmodelled[f"containers.{key}"] = None
    name = container.named("name", parse_dns_name)
    if not container.has("name"):
        container.problem("name", "Required value")
    elif name in names:
        container.problem("name", f'Duplicate value: "{name}"')
    names[name] = None
    limits, requests = _resources(container.mapping("resources"))
    image = container.text("image")
    liveness, startup = _probe(container, "livenessProbe"), _probe(container, "startupProbe")
    for key, probe in (("livenessProbe", liveness), ("startupProbe", startup)):
        if probe is not None and probe.success_count != 1:
            container.mapping(key).problem(
                "successThreshold", f"Invalid value: {probe.success_count}: must be 1"
            )
    lifecycle = container.mapping("lifecycle")
    if lifecycle.has("postStart"):
        unmodelled["containers.lifecycle.postStart"] = None
    return ContainerSpec(
        name=name,
        image=image,
        image_pull_policy=container.one_of("imagePullPolicy", PULL_POLICIES, default_pull_policy(image)),
        requests=tuple(sorted({**limits, **requests}.items())),
        limits=tuple(sorted(limits.items())),
        readiness=_probe(container, "readinessProbe"),
        liveness=liveness,
        startup=startup,
        pre_stop=_handler(lifecycle.mapping("preStop")) if lifecycle.has("preStop") else None,
    )


def _resources(resources: Fields) -> tuple[dict[str, int], dict[str, int]]:
    """The limits and the requests."""
    limits, requests = read_amounts(resources.mapping("limits")), read_amounts(resources.mapping("requests"))
    given = resources.mapping("requests")
    for key, amount in requests.items():
        if key in limits and amount > limits[key]:
            says = f'requests: Invalid value: "{given.value[key]}": must be less than or equal to {key} limit'
            resources.tell((*given.path, key), resources.name(says))
    return limits, requests


def read_amounts(resources: Fields) -> dict[str, int]:
    """Return amounts by resource: cpu in millicores, sizes in bytes, others whole; those that are right."""
    found: dict[str, int] = {}
    for key in resources.value:
        readers = {"cpu": to_millicores, "memory": to_bytes, "ephemeral-storage": to_bytes}
        read = readers.get(key, to_bytes if key.startswith("hugepages-") else to_amount)
        if key not in NATIVE and "/" not in key and not key.startswith("hugepages-"):
            says = (
                f'{resources.names}[{key}]: Invalid value: "{key}": must be a standard resource type or fully'
            )
            hint = nearest_word(key, NATIVE)
            resources.tell((*resources.path, key), f"{says} qualified", hint, on_key=True)
        elif label_key_problem(key) is not None:
            says = f'{resources.names}[{key}]: Invalid value: "{key}": must be a qualified name'
            resources.tell((*resources.path, key), says, on_key=True)
        else:
            found[key] = resources.quantity(key, read)
    return found


def _probe(container: Fields, key: str) -> ProbeSpec | None:
    if not container.has(key):
        return None
    probe, known = container.mapping(key), len(container.problems)
    handler = _handler(probe)
    seconds = {
        name: probe.integer(name, 0, 0, _MAX_SECONDS)
        for name in (
            "initialDelaySeconds", "periodSeconds", "timeoutSeconds", "successThreshold", "failureThreshold",
        )
    }  # fmt: skip
    if handler is None or len(container.problems) > known:
        return None
    # 0 is as if it were not there (SetDefaults_Probe).
    return ProbeSpec(
        handler,
        initial_delay_s=float(seconds["initialDelaySeconds"]),
        period_s=float(seconds["periodSeconds"] or 10),
        timeout_s=float(seconds["timeoutSeconds"] or 1),
        success_count=seconds["successThreshold"] or 1,
        failure_count=seconds["failureThreshold"] or 3,
    )


def _handler(fields: Fields) -> HandlerSpec | None:
    """What a probe or a hook does; told where it is not exactly one thing."""
    given = [key for key in _HANDLERS if fields.has(key)]
    if not given:
        fields.tell(fields.path, f"{fields.names}: Required value: must specify a handler type")
        return None
    for key in given[1:]:
        fields.problem(key, "Forbidden: may not specify more than 1 handler type", on_key=True)
    if given[0] == "exec":
        return _exec(fields.mapping("exec"))
    how = fields.mapping(given[0])
    if given[0] == "sleep":
        return HandlerSpec("sleep", seconds=float(how.integer("seconds", 0, 0, _MAX_SECONDS)))
    port = how.value.get("port")
    if port is None:
        how.problem("port", "Required value")
    elif not isinstance(port, str) or not port:
        port = how.integer("port", 1, 1, 65535)
    if given[0] == "httpGet":
        return HandlerSpec("httpGet", port=port, path=how.text("path", "/"))
    return HandlerSpec("tcpSocket" if given[0] == "tcpSocket" else "grpc", port=port)


def _exec(fields: Fields) -> HandlerSpec:
    command = fields.value.get("command")
    if not command:
        fields.problem("command", "Required value")
    elif not isinstance(command, list) or not all(isinstance(word, str) for word in command):
        fields.problem("command", 'Invalid type: expected "array" of "string"')
    else:
        return HandlerSpec("exec", command=tuple(command))
    return HandlerSpec("exec")
