"""The registry: names, near misses, and users' own plug-ins by ``package.module:name``."""

from __future__ import annotations

import sys

import pytest

from sim.registry import Registry, UnknownPluginError


@pytest.fixture
def registry():
    made = Registry("scheduling policy")
    made.add("best-fit", "BEST")
    made.add("first-fit", "FIRST")
    return made


@pytest.fixture
def own(tmp_path, monkeypatch):
    """A package of the user's own: one good module, one that lacks a dependency, one that is broken."""
    folder = tmp_path / "ownplugins"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "good.py").write_text("mine = 'MINE'\n")
    (folder / "needy.py").write_text("import package_that_is_not_there\n")
    (folder / "broken.py").write_text("1 / 0\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield
    for name in [name for name in sys.modules if name.partition(".")[0] == "ownplugins"]:
        del sys.modules[name]


def test_what_was_added_is_found_in_order(registry):
    assert registry.get("best-fit") == "BEST"
    assert list(registry) == ["best-fit", "first-fit"]


def test_a_name_is_given_once(registry):
    with pytest.raises(ValueError, match=r"already a scheduling policy named 'best-fit': 'BEST'"):
        registry.add("best-fit", "OTHER")
    assert registry.get("best-fit") == "BEST"


def test_an_unknown_name_is_told_the_nearest(registry):
    with pytest.raises(UnknownPluginError) as caught:
        registry.get("best-fti")
    assert str(caught.value) == "there is no scheduling policy named 'best-fti'; did you mean 'best-fit'?"


def test_a_name_like_no_other_gets_no_guess(registry):
    with pytest.raises(UnknownPluginError) as caught:
        registry.get("qqqqqqqqqqqq")
    assert str(caught.value) == "there is no scheduling policy named 'qqqqqqqqqqqq'"


def test_a_users_own_is_imported_when_asked_for(registry, own):
    assert "ownplugins.good" not in sys.modules
    assert registry.get("ownplugins.good:mine") == "MINE"
    assert list(registry) == ["best-fit", "first-fit"]


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("nowhere_at_all:x", "No module named 'nowhere_at_all'"),
        ("nowhere_at_all.deeper:x", "No module named 'nowhere_at_all'"),
        ("ownplugins.absent:x", "No module named 'ownplugins.absent'"),
        ("ownplugins.good.deeper:x", "No module named 'ownplugins.good.deeper'"),
        ("ownplugins.good:other", "module 'ownplugins.good' has no 'other'"),
        ("ownplugins.good:", "module 'ownplugins.good' has no ''"),
        (":mine", "write package.module:name"),
        (".good:mine", "write package.module:name"),
    ],
)
def test_what_cannot_be_loaded_says_why(registry, own, name, word):
    with pytest.raises(UnknownPluginError) as caught:
        registry.get(name)
    assert str(caught.value).startswith(f"the scheduling policy '{name}' cannot be loaded: ")
    assert word in str(caught.value)


def test_a_fault_inside_the_users_module_is_not_taken_for_a_wrong_name(registry, own):
    with pytest.raises(ModuleNotFoundError, match="package_that_is_not_there"):
        registry.get("ownplugins.needy:x")
    with pytest.raises(ZeroDivisionError):
        registry.get("ownplugins.broken:x")
