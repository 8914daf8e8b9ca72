"""What attackers won in a run, and how soon: computed from its journal."""

from __future__ import annotations

from typing import Any

import polars as pl

from experiments.journalfiles import RunFiles

__all__ = ["intrusion_figures"]

_KINDS = (
    "pod_compromised",
    "privilege_won",
    "minion_taken",
    "intrusion_detected",
)


def intrusion_figures(run: RunFiles) -> dict[str, Any] | None:
    """Return what attackers won; None where no pod was compromised.

    Returns:
        ``attacks``: pods that attackers got into. ``won``: by privilege, by how many of them. ``took_a_minion``: how
        many took one; ``took_a_minion_ratio``. ``minions_taken``: each counted once. ``first_taken_s``: seconds from
        a compromise to the first minion, the least. ``pods_reached``, ``tenants_reached``: other pods, and namespaces
        of them, on the minions where anything was won, at the most of any time, summed over minions. ``detected``:
        how many were noticed.
    """
    kind = pl.col("kind").cast(pl.String)
    names = run.events().collect_schema().names()
    if "privilege_won_pods" not in names:
        return None
    text = [pl.col(name).cast(pl.String) for name in ("object", "actor", "minion", "reason")]
    rows = (
        run.events()
        .filter(kind.is_in(_KINDS))
        .select(kind, *text, "value", "privilege_won_pods", "privilege_won_tenants")
        .collect()
    )
    began = rows.filter(pl.col("kind") == "pod_compromised")
    if began.is_empty():
        return None
    won = rows.filter(pl.col("kind") == "privilege_won").with_columns(
        pl.col("reason").str.split(" by ").list.first().alias("privilege")
    )
    taken = rows.filter(pl.col("kind") == "minion_taken")
    by_privilege = won.group_by("privilege").agg(pl.col("object").n_unique()).sort("privilege")
    reached = won.group_by("minion").agg(pl.col("privilege_won_pods", "privilege_won_tenants").max())
    attacks, took = began.height, taken["actor"].n_unique()
    first_s = taken["value"].min()
    return {
        "attacks": attacks,
        "won": dict(by_privilege.iter_rows()),
        "took_a_minion": took,
        "took_a_minion_ratio": took / attacks,
        "minions_taken": taken["object"].n_unique(),
        "first_taken_s": first_s if isinstance(first_s, float) else None,
        "pods_reached": int(reached["privilege_won_pods"].sum()),
        "tenants_reached": int(reached["privilege_won_tenants"].sum()),
        "detected": rows.filter(pl.col("kind") == "intrusion_detected")["object"].n_unique(),
    }
