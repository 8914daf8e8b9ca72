"""Draws the picture of README.md: runs the scenario that stands there, and draws its pods by phase.

.venv/bin/python -m experiments.readmepicture
"""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import Final

from experiments.checking import read_checked
from experiments.journalfiles import open_run
from experiments.plots import draw_phases
from experiments.plotstyle import styled
from experiments.run import execute
from experiments.steps import read_cluster_steps

__all__ = ["draw", "main"]

_ROOT: Final = Path(__file__).resolve().parent.parent
_DOTS_PER_INCH: Final = 90


def draw(readme: Path, out: Path) -> None:
    """Run the first scenario of a page and write the picture of its pods as PNG."""
    found = re.search(
        r"^```yaml \S+\n(.*?)^```$", readme.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
    if found is None:
        raise ValueError(f"there is no scenario in {readme}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "run"
        folder.mkdir()
        scenario = Path(name) / "scenario.yaml"
        scenario.write_text(found[1], encoding="utf-8")
        summary = execute(read_checked(scenario), folder).summary
        steps = read_cluster_steps(open_run(folder))
        figure = draw_phases(steps, summary["faults"]["listed"], summary["end_s"])
    with styled():
        figure.savefig(out, dpi=_DOTS_PER_INCH, metadata={"Software": None})


def main() -> None:
    """Draw ``docs/images/first.png``."""
    out = _ROOT / "docs" / "images" / "first.png"
    out.parent.mkdir(exist_ok=True)
    draw(_ROOT / "README.md", out)


if __name__ == "__main__":
    main()
