"""The report is one file that opens without a network, and no name in it is taken for markup."""

from __future__ import annotations

import html.parser
import json
import re
from pathlib import Path

import pytest

from experiments.report import write_report
from experiments.runfolder import write_json
from tests.support.folders import run_in

_TEXT = """
until: 400s
cluster: {minions: [{name: a, count: 2, cpu: 2, memory: 8Gi}]}
workloads: [{name: w, arrivals: {at: 10s}, count: 5, duration: 100s, pod: {cpu: 1, memory: 1Gi}}]
faults: [{name: one, at: 50s, crash: {minion: a-0}, repair: 60s}]
expect: [created(w) == 5, lost() == 0]
"""


class _Page(html.parser.HTMLParser):
    """What a browser would fetch or run."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.tags: set[str] = set()
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.addresses += [value or "" for name, value in attrs if name in {"src", "href", "data", "action"}]

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run_in(tmp_path_factory.mktemp("reported"), _TEXT).folder


def test_it_fetches_nothing_and_runs_nothing(folder: Path) -> None:
    page = _Page(write_report(folder).read_text())
    assert len(page.addresses) == 4
    assert all(address.startswith("data:image/svg+xml;base64,") for address in page.addresses)
    assert not page.tags & {"script", "link", "iframe", "object", "embed"}


def test_it_is_the_same_file_each_time(folder: Path) -> None:
    assert write_report(folder).read_bytes() == write_report(folder).read_bytes()


def test_its_table_is_that_of_the_summary(folder: Path) -> None:
    text = " ".join(_Page(write_report(folder).read_text()).texts)
    summary = json.loads((folder / "summary.json").read_text())
    for phrase in (
        "created(w) == 5",
        "passed",
        "failed",
        f"digest {summary['digest']}",
        "1 of 2 expectations failed",
    ):
        assert phrase in text


def test_names_are_escaped(folder: Path) -> None:
    evil = '<img src=x onerror="alert(1)">&$\\alpha$'
    path = folder / "summary.json"
    summary = json.loads(path.read_text())
    changed = json.loads(json.dumps(summary))
    changed["name"] = changed["expectations"][0]["text"] = changed["faults"]["listed"][0]["name"] = evil
    changed["notes"] = [evil]
    changed["offered_load"] = {evil: {"cpu": 0.5}}
    write_json(path, changed)
    try:
        text = write_report(folder).read_text()
    finally:
        write_json(path, summary)
    page = _Page(text)
    assert "<img src=x" not in text
    assert all(address.startswith("data:") for address in page.addresses)
    assert sum(evil in re.sub(r"\s+", " ", said) for said in page.texts) >= 4


def test_a_run_cut_short_says_so(tmp_path: Path) -> None:
    folder = run_in(tmp_path, _TEXT).folder
    manifest = json.loads((folder / "manifest.json").read_text())
    write_json(folder / "manifest.json", {**manifest, "complete": False})
    (folder / "summary.json").unlink()
    assert "The run is not complete" in write_report(folder).read_text()
