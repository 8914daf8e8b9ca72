"""The page of the shipped catalogue is what the data says."""

from __future__ import annotations

from pathlib import Path

from experiments.isolation.cataloguepage import catalogue_page
from models.isolation.reading import shipped_catalogue

PAGE = Path(__file__).resolve().parents[3] / "docs" / "isolation-catalogue.md"


def test_the_page_is_up_to_date():
    written = PAGE.read_text(encoding="utf-8")
    assert written == catalogue_page(shipped_catalogue()), (
        "make it anew: wavetank isolation catalogue > docs/isolation-catalogue.md"
    )


def test_every_row_is_on_the_page():
    catalogue = shipped_catalogue()
    text = catalogue_page(catalogue)
    for section in ("privileges", "surfaces", "mechanisms", "conditions", "parameters", "techniques"):
        for row in getattr(catalogue, section):
            assert f"| {row.name} " in text
            assert row.about in text
