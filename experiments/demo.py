"""``make demo``: a real cluster's pods under three policies: which is better, and how sure.

With the openb trace at hand it is ``scenarios/traces/openb-loaded.yaml``; without, a shipped synthetic table of
the same form.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from experiments.cli import main as command

__all__ = ["main"]


def main() -> None:
    """Run the demonstration sweep through the command line."""
    root = Path(__file__).resolve().parent.parent
    shared = Path(os.environ.get("WAVETANK_SHARED") or root.parent / "shared")
    if (shared / "traces" / "openb").is_dir():
        os.environ["WAVETANK_SHARED"] = str(shared)
        scenario = root / "scenarios" / "traces" / "openb-loaded.yaml"
    else:
        print("The openb trace is not here: the shipped synthetic table stands in for it.")
        scenario = root / "scenarios" / "traces" / "synthetic-loaded.yaml"
    print(f"wavetank sweep {scenario.relative_to(root)} --set policy.scheduler=best-fit,first-fit,worst-fit")
    policies = "policy.scheduler=best-fit,first-fit,worst-fit"
    sys.argv = ["wavetank", "sweep", str(scenario), "--set", policies, "--seeds", "8", "--workers", "2"]
    command()


if __name__ == "__main__":
    main()
