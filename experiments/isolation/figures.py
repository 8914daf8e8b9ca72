"""What attackers won in a run, and how soon: computed from its journal."""

from __future__ import annotations

import math
from typing import Any, Final

import polars as pl

from experiments.journalfiles import RunFiles

__all__ = ["intrusion_figures"]

_OURS: Final = ("pod_compromised", "privilege_won", "minion_taken", "foothold_lost", "intrusion_detected")
_ENDS: Final = ("pod_removed", "pod_succeeded", "pod_failed", "pod_lost")


def intrusion_figures(run: RunFiles) -> dict[str, Any] | None:
    """Return what attackers won; None where no pod was compromised.

    Returns:
        ``attacks``: pods that attackers got into. ``won``: by privilege, by how many of them. ``took_a_minion``: how
        many took one; ``took_a_minion_ratio``. ``minions_taken``: each counted once. ``first_taken_s``: seconds from
        a compromise to its first minion, the least of all. ``pods_reached``, ``tenants_reached``: other pods, and
        their namespaces, that were on a minion while an attacker had there what reaches them. ``detected``: how many
        attackers were noticed.
    """
    if "privilege_won_reaches" not in run.events().collect_schema().names():
        return None
    rows = _rows(run, _OURS, "actor", "reason", "value", "privilege_won_reaches")
    began = rows.filter(pl.col("kind") == "pod_compromised")
    if began.is_empty():
        return None
    won = rows.filter(pl.col("kind") == "privilege_won").with_columns(
        pl.col("reason").str.split(" by ").list.first().alias("privilege")
    )
    taken = rows.filter(pl.col("kind") == "minion_taken")
    by_privilege = won.group_by("privilege").agg(pl.col("object").n_unique()).sort("privilege")
    reached = _reached(run, rows, dict(began.select("actor", "object").iter_rows()))
    took, first_s = taken["actor"].n_unique(), taken["value"].min()
    return {
        "attacks": began.height,
        "won": dict(by_privilege.iter_rows()),
        "took_a_minion": took,
        "took_a_minion_ratio": took / began.height,
        "minions_taken": taken["object"].n_unique(),
        "first_taken_s": first_s if isinstance(first_s, float) else None,
        "pods_reached": len(reached),
        "tenants_reached": len({name.split("/")[1] for name in reached}),
        "detected": rows.filter(pl.col("kind") == "intrusion_detected")["object"].n_unique(),
    }


def _rows(run: RunFiles, kinds: tuple[str, ...], *more: str) -> pl.DataFrame:
    kind = pl.col("kind").cast(pl.String)
    text = [pl.col(name).cast(pl.String) for name in ("object", "minion")]
    other = [pl.col(name).cast(pl.String) if name in {"actor", "reason"} else pl.col(name) for name in more]
    return run.events().filter(kind.is_in(kinds)).select("time_s", kind, *text, *other).collect()


def _reached(run: RunFiles, rows: pl.DataFrame, first: dict[str, str]) -> set[str]:
    """Return the pods that were on a minion while an attacker had there what reaches them.

    Args:
        run: For where pods were.
        rows: What attackers did.
        first: By attacker, the pod that he got into: it is not another.
    """
    spells: dict[tuple[str, str], tuple[float, float]] = {}
    for time_s, kind, attacker, minion, *_, reaches in rows.iter_rows():
        key = (attacker, minion)
        if kind == "privilege_won" and reaches and spells.get(key, (0.0, 0.0))[1] != math.inf:
            spells[key] = (spells.get(key, (time_s, 0.0))[0], math.inf)
        elif kind == "foothold_lost" and key in spells:
            spells[key] = (spells[key][0], time_s)
    if not spells:
        return set()
    ends = _rows(run, _ENDS).group_by("object").agg(pl.col("time_s").min().alias("end_s"))
    bound = _rows(run, ("pod_bound",)).join(ends, on="object", how="left").fill_null(math.inf)
    found: set[str] = set()
    for (attacker, minion), (since_s, until_s) in spells.items():
        there = bound.filter(
            (pl.col("minion") == minion) & (pl.col("time_s") <= until_s) & (pl.col("end_s") >= since_s)
        )
        found.update(name for name in there["object"] if name != first[attacker])
    return found
