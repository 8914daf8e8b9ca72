"""Every notebook runs from its first cell to its last, in a folder of nobody's, and is kept without what it printed."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

_FOLDER = Path(__file__).parents[2] / "notebooks"
_NOTEBOOKS = sorted(_FOLDER.glob("*.ipynb"))


# By notebook: what it prints, and how many pictures it shows.
_SAID = {
    "first_steps": (
        ("Expectations", "Differences paired by seed", "there is no minion 'node-7' in this cluster"),
        3,
    ),
    "sim_vs_docker": (("10 starts and ends", "inconclusive: other processes took", "CPU seconds"), 1),
}


def test_there_are_notebooks() -> None:
    assert [path.stem for path in _NOTEBOOKS] == list(_SAID)


@pytest.mark.parametrize("notebook", _NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_to_its_end(notebook: Path, tmp_path: Path) -> None:
    book = nbformat.read(notebook, as_version=4)
    assert all(cell.outputs == [] and cell.execution_count is None for cell in _code(book)), (
        "clear its outputs"
    )
    client = NotebookClient(
        book, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    )
    client.execute()
    assert [cell.execution_count for cell in _code(book)] == list(range(1, len(_code(book)) + 1))
    printed = "".join(out.get("text", "") for cell in _code(book) for out in cell.outputs)
    expected, pictures = _SAID[notebook.stem]
    for said in expected:
        assert said in printed
    shown = "".join(out.get("data", {}).get("text/html", "") for cell in _code(book) for out in cell.outputs)
    assert shown.count('<img src="data:image/') == pictures


def _code(book: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [cell for cell in book.cells if cell.cell_type == "code"]
