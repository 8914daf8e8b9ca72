"""A whole cluster in the form of ``kubectl get nodes,pods,rc,rs,svc -A -o json``, v1.20."""

from __future__ import annotations

from experiments.dumps.apps import count_pods, make_apps, make_owners, make_services
from experiments.dumps.nodes import ALLOCATABLE_MILLICORES, make_nodes, masters_of
from experiments.dumps.parts import Chance, Json
from experiments.dumps.pods import make_pods, make_system_pods, system_count

__all__ = ["make_dump"]


def make_dump(nodes: int, pods: int, seed: int = 1) -> Json:
    """Return the list of all objects; the same for the same numbers.

    Args:
        nodes: How many.
        pods: How many in all, those of the system among them.
        seed: Of sizes, ages and mishaps.

    Raises:
        ValueError: Fewer pods than the system itself has.
    """
    own = system_count(nodes) + 2
    if pods < own:
        raise ValueError(f"the system alone has {own} pods on {nodes} nodes: expected at least so many")
    chance = Chance(seed)
    made = make_nodes(nodes, chance)
    workers = max(1, nodes - masters_of(nodes) - 2)
    apps = make_apps(
        pods - own + 2, 0.9 * ALLOCATABLE_MILLICORES * workers / max(pods - own, workers), chance
    )
    found = [*make_system_pods(made), *make_pods(apps, made, chance)]
    owners = [owner for app in apps for owner in make_owners(app)]
    count_pods(owners, found)

    def place(each: Json) -> tuple[str, str]:
        return each["metadata"]["namespace"], each["metadata"]["name"]

    items = [
        *made,
        *sorted(found, key=place),
        *sorted((each for each in owners if each["kind"] == "ReplicationController"), key=place),
        *sorted((each for each in owners if each["kind"] == "ReplicaSet"), key=place),
        *sorted(make_services(apps), key=place),
    ]
    return {
        "apiVersion": "v1",
        "items": items,
        "kind": "List",
        "metadata": {"resourceVersion": "", "selfLink": ""},
    }
