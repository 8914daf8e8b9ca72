"""Every example of README.md and docs/: files are written, commands run, output compared, in the order of the page.

A fenced block says what it is by its first line: ``yaml NAME``, ``python NAME``, ``csv NAME`` is a file; ``sh`` are
commands, each ending with 0 or with what ``# exit N`` after it says; ``output`` are lines, each of which stands in what
the commands before it printed, but for blanks. Other kinds of blocks, and indented commands, are not examples but mistakes.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from experiments.readmepicture import draw

_ROOT = Path(__file__).resolve().parents[2]
_PAGES = [_ROOT / "README.md", *sorted((_ROOT / "docs").glob("*.md"))]
_FENCE = re.compile(r"^```(.*?)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_EXIT = re.compile(r"#\s*exit (\d+)\s*$")
_FILES = ("yaml", "python", "csv")


def _blocks(page: Path) -> list[tuple[list[str], str]]:
    return [(info.split(), body) for info, body in _FENCE.findall(page.read_text(encoding="utf-8"))]


def _squeezed(text: str) -> str:
    return " ".join(text.split())


def _run(line: str, folder: Path) -> tuple[int, str]:
    """Run one command as a user would; ``make`` is only asked whether it knows the target."""
    words = shlex.split(line, comments=True)
    environment = {**os.environ, "COLUMNS": "300"}
    if words[0] == "make":
        words, folder = ["make", "-n", *words[1:]], _ROOT
    elif words[0].removeprefix(".venv/bin/") == "wavetank":
        # Not by -m, which would put the folder on the path by itself.
        words = [sys.executable, "-c", "from experiments.cli import main; main()", *words[1:]]
        environment["PYTHONSAFEPATH"] = "1"
    elif words[0].removeprefix(".venv/bin/") == "python":
        words = [sys.executable, *words[1:]]
    else:
        pytest.fail(f"an example types '{words[0]}', which no test knows how to run")
    done = subprocess.run(
        words, cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("page", _PAGES, ids=lambda page: page.name)
def test_examples_do_what_the_page_says(page: Path, tmp_path: Path) -> None:
    printed = ""
    for info, body in _blocks(page):
        if info[:1] == ["sh"]:
            printed = ""
            for line in body.splitlines():
                wanted = _EXIT.search(line)
                status, said = _run(line, tmp_path)
                assert status == (int(wanted[1]) if wanted else 0), f"{line}\n{said}"
                printed += said
        elif info == ["output"]:
            for line in body.splitlines():
                assert _squeezed(line) in _squeezed(printed), f"'{line}' is not in\n{printed}"
        else:
            assert len(info) == 2, f"{page.name}: a block of '{' '.join(info)}' is nothing that can be run"
            assert info[0] in _FILES
            (tmp_path / info[1]).write_text(body, encoding="utf-8")


@pytest.mark.parametrize("page", _PAGES, ids=lambda page: page.name)
def test_no_command_hides_from_the_tests(page: Path) -> None:
    outside = _FENCE.sub("", page.read_text(encoding="utf-8"))
    assert not re.search(r"^ {4,}(\.venv/bin/)?(wavetank|make) ", outside, re.MULTILINE)
    assert "```" not in outside


@pytest.mark.parametrize("page", _PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), target


def test_there_are_examples() -> None:
    assert sum(info[:1] == ["sh"] for page in _PAGES for info, _ in _blocks(page)) >= 8


def test_the_picture_of_the_readme_is_drawn_from_its_scenario(tmp_path: Path) -> None:
    draw(_ROOT / "README.md", tmp_path / "first.png")
    drawn, kept = ((folder / "first.png").read_bytes() for folder in (tmp_path, _ROOT / "docs" / "images"))
    # Width and height stand in the first chunk; letters may be set a little differently elsewhere.
    assert drawn[:24] == kept[:24]
    assert len(kept) < 200_000
