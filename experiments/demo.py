"""``make demo``: a shop that loses a minion and heals; then a real cluster's pods under three policies.

The first is ``scenarios/cluster/quickstart.yaml``. The second says which policy is better, and how sure that is: with
the openb trace at hand it is ``scenarios/traces/openb-loaded.yaml``; without, a shipped synthetic table of its form.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from experiments.cli import main as command

__all__ = ["main"]


def main() -> None:
    """Run both through the command line; end with the worse of their exit statuses: a bug's before all."""
    root = Path(__file__).resolve().parent.parent
    scenarios = root / "scenarios"
    quickstart = scenarios / "cluster" / "quickstart.yaml"
    healed = _run(f"run {quickstart.relative_to(root)}", ["run", str(quickstart)])
    shared = Path(os.environ.get("WAVETANK_SHARED") or root.parent / "shared")
    if (shared / "traces" / "openb").is_dir():
        os.environ["WAVETANK_SHARED"] = str(shared)
        loaded = scenarios / "traces" / "openb-loaded.yaml"
    else:
        print("The openb trace is not here: the shipped synthetic table stands in for it.")
        loaded = scenarios / "traces" / "synthetic-loaded.yaml"
    policies = "policy.scheduler=best-fit,first-fit,worst-fit"
    words = ["sweep", str(loaded), "--set", policies, "--seeds", "8", "--workers", "2"]
    compared = _run(f"sweep {loaded.relative_to(root)} --set {policies}", words)
    sys.exit(next((status for status in (70, 130, 3, 2, 1) if status in {healed, compared}), 0))


def _run(shown: str, words: list[str]) -> int:
    """Say what could be typed, do it, and return its exit status."""
    print(f"\n$ wavetank {shown}\n", flush=True)
    sys.argv = ["wavetank", *words]
    try:
        command()
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 0
    return 0


if __name__ == "__main__":
    main()
