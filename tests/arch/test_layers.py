"""Who may import whom: the contracts of .importlinter, and what import-linter cannot say."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PLUGIN_FOLDERS = ("policies", "controllers", "isolation", "failures", "workloads", "autoscalers")

# What the plug-ins of one folder stand on; everything else in a folder is one plug-in a file. Isolation is one model in
# several files: what is plugged in there are catalogues, which are data.
COMMON_GROUND = {
    "models.workloads": {"models.workloads.tracing", "models.workloads.templates"},
    "models.isolation": {"models.isolation"},
}

RUN_LINTER = "from importlinter.cli import lint_imports_command; lint_imports_command()"


def _lint(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable,
        "-c",
        RUN_LINTER,
        "--config",
        str(ROOT / ".importlinter"),
        "--no-cache",
        "--no-logo",
    ]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def _imports(source: str) -> Iterator[tuple[int, str]]:
    """Line and dotted name of all that is imported; ``from a import b`` counts as ``a.b``."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def _within(name: str, *packages: str) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def _trespasses(module: str, source: str) -> list[str]:
    """What a module of a plug-in folder imports beyond ``models.api``, ``sim`` and its common ground.

    A plug-in may be a package, whose modules know one another.
    """
    folder = module.rpartition(".")[0]
    own = (folder,) if folder.count(".") > 1 else ()
    allowed = ("models.api", *own, *COMMON_GROUND.get(folder, ()))
    return [
        f"{module}:{line} imports {name}"
        for line, name in _imports(source)
        if _within(name, "models", "experiments") and not _within(name, *allowed)
    ]


def test_every_import_follows_the_contracts() -> None:
    result = _lint(ROOT)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize(
    ("module", "line", "contract"),
    [
        ("sim/bad.py", "import models.api", "experiments above models above sim"),
        ("models/api/bad.py", "import models.control.bad", "the layers inside models"),
        ("models/machines/bad.py", "import models.control.bad", "the layers inside models"),
        ("models/policies/bad.py", "import models.machines.bad", "a plug-in sees models.api and sim"),
        ("models/policies/bad.py", "import models.policies.other", "policies know nothing of one another"),
        (
            "models/policies/bad.py",
            "import models.failures.other",
            "plug-in folders know nothing of one another",
        ),
        ("models/new/bad.py", "", "the layers inside models"),
        ("sim/bad.py", "import sim.other", "no circles"),
        ("sim/bad.py", "import time", "no wall clock"),
        ("models/api/bad.py", "from random import random", "no wall clock"),
        ("models/api/bad.py", "import polars", "no wall clock"),
        ("models/api/bad.py", "import simpy", "simulated time passes in sim.engine alone"),
        ("experiments/bad.py", "import simpy", "simulated time passes in sim.engine alone"),
        ("models/api/bad.py", "import pyarrow", "pyarrow in the journal"),
        ("sim/bad.py", "import networkx", "networkx in cluster"),
        ("models/world.py", "import hypothesis", "hypothesis in models.testing"),
        ("experiments/bad.py", "import docker", "docker in experiments.replay"),
        ("models/kernel/bad.py", "import numba", "numba in models.kernel.cpucompiled"),
    ],
)
def test_a_breach_breaks_its_contract(tmp_path: Path, module: str, line: str, contract: str) -> None:
    tree = dict.fromkeys(("sim/other.py", "models/control/bad.py", "models/machines/bad.py"), "")
    tree |= {"models/policies/other.py": "", "models/failures/other.py": "", "models/api/__init__.py": ""}
    tree |= {"experiments/__init__.py": "", module: line}
    if contract == "no circles":
        tree["sim/other.py"] = "import sim.bad"
    for name, text in tree.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    for path in sorted(tmp_path.rglob("*.py")):
        for folder in path.relative_to(tmp_path).parents[:-1]:
            (tmp_path / folder / "__init__.py").touch()
    result = _lint(tmp_path)
    assert result.returncode == 1, result.stdout + result.stderr
    told = " ".join(result.stdout.split("Broken contracts")[-1].split())
    assert contract in told


def _plugin_modules() -> list[str]:
    folders = [ROOT / "models" / folder for folder in PLUGIN_FOLDERS]
    paths = [path for folder in folders for path in sorted(folder.rglob("*.py"))]
    return [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in paths]


@pytest.mark.parametrize("module", _plugin_modules())
def test_a_plugin_imports_what_a_users_own_could(module: str) -> None:
    assert _trespasses(module, (ROOT / f"{module.replace('.', '/')}.py").read_text()) == []


def test_a_trespass_is_seen() -> None:
    lines = (
        "import models.machines",
        "from models import world",
        "from models.policies import other",
        "import sim.units",
    )
    assert _trespasses("models.policies.mine", "\n".join(lines)) == [
        "models.policies.mine:1 imports models.machines",
        "models.policies.mine:2 imports models.world",
        "models.policies.mine:3 imports models.policies.other",
    ]
    assert _trespasses("models.workloads.mine", "from models.workloads.tracing import TraceRow") == []
    assert _trespasses("models.policies.mine", "from models.api.types import Pod") == []
    assert _trespasses("models.policies.mine.filter", "import models.policies.mine.plugin") == []
    assert _trespasses("models.policies.mine.filter", "import models.policies.minerals") != []
    assert _trespasses("models.policies.mine", "import models.apiary") != []


def test_every_folder_is_a_package() -> None:
    folders = [path.parent for top in ("sim", "models", "experiments") for path in (ROOT / top).rglob("*.py")]
    missing = sorted(
        {str(folder.relative_to(ROOT)) for folder in folders if not (folder / "__init__.py").is_file()}
    )
    assert missing == [], "an install would leave these out: they have no __init__.py"
