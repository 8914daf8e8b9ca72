"""The matrix of mechanisms and techniques, printed and as comma-separated values."""

from __future__ import annotations

import csv
import io

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from models.isolation.matrix import BLOCKS, OPENS, SLOWS, matrix
from models.isolation.specs import Catalogue

__all__ = ["matrix_csv", "print_matrix"]


def matrix_csv(catalogue: Catalogue) -> str:
    """Return all cells: a line for each mechanism and surface, a column for each technique."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["row", "kind", *(technique.name for technique in catalogue.techniques)])
    for row in matrix(catalogue):
        writer.writerow([row.name, "surface" if row.is_surface else "mechanism", *row.cells])
    return text.getvalue()


def print_matrix(catalogue: Catalogue, console: Console) -> None:
    """Print what each row blocks, slows and opens; what is not named it does nothing to."""
    rows = matrix(catalogue)
    for is_surface, title in ((False, "mechanisms"), (True, "surfaces, taken away")):
        table = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left")
        table.add_column("", no_wrap=True)
        words = (BLOCKS,) if is_surface else (BLOCKS, SLOWS, OPENS)
        for word in words:
            table.add_column(word, overflow="fold")
        for row in rows:
            if row.is_surface == is_surface:
                cells = (", ".join(row.techniques(catalogue, word)) for word in words)
                table.add_row(escape(row.name), *map(escape, cells))
        console.print(table)
