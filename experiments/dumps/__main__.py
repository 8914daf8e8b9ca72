"""``python -m experiments.dumps --nodes 200 --pods 5000 dump.json``: a cluster's dump of any size, to try things on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from experiments.dumps.cluster import make_dump

__all__ = ["main"]


def main(
    file: Annotated[Path, typer.Argument(help="where to write")],
    nodes: Annotated[int, typer.Option(help="nodes", min=1)] = 200,
    pods: Annotated[int, typer.Option(help="pods in all")] = 5_000,
    seed: Annotated[int, typer.Option(help="the same bytes for the same seed", min=0)] = 1,
) -> None:
    """Write what `kubectl get nodes,pods,rc,rs,svc -A -o json` prints of a cluster of v1.20."""
    try:
        dump = make_dump(nodes, pods, seed)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    file.write_text(json.dumps(dump, indent=4, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    typer.run(main)
