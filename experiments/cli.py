"""The command line: ``wavetank run | validate | sweep | report | explain | headroom | verify`` and others.

Exit status: 0 ok, 1 an expectation failed, 2 bad input, 3 inconclusive, an invariant broken or a budget used up,
70 a bug (traceback, seed, how to repeat), 130 interrupted.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import shlex
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from experiments.isolation.commands import app as isolation_app
from experiments.progress import progress_bar
from experiments.replay.commands import add_host_commands
from experiments.verify.commands import app as verify_app
from sim.diagnostics import Diagnostic, render_diagnostics
from sim.errors import PluginError, ScenarioError, SimulationError, WavetankError
from sim.units import format_duration_s, parse_bytes

__all__ = ["app", "main"]

# Typer carries its own copy of click in some versions: this is the root of the usage errors of either.
_UsageError: Any = typer.BadParameter.__mro__[2]

app = typer.Typer(
    help="Simulates clusters of containers: scheduling and failure studies.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
_out = Console()
_err = Console(stderr=True)

Sets = Annotated[
    list[str] | None, typer.Option("--set", help="Override: path=YAML, as policy.scheduler=random.")
]
Scenario = Annotated[Path, typer.Argument(help="A scenario, YAML.")]


@app.command()
def run(
    file: Scenario,
    sets: Sets = None,
    out: Annotated[Path | None, typer.Option(help="Folder of the run; absent or empty.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed, in place of the scenario's.")] = None,
    max_events: Annotated[int | None, typer.Option(help="Budget of dispatched events.", min=1)] = None,
    max_memory: Annotated[str | None, typer.Option(help="Budget of memory, as 500MB or 2Gi.")] = None,
    report: Annotated[bool, typer.Option(help="Write report.html.")] = True,
) -> None:
    """Run a scenario and print its table."""
    from experiments.checking import check_traces, read_checked
    from experiments.run import execute, plan_of
    from experiments.runfolder import given_folder, new_folder
    from experiments.summary import print_summary

    chosen = [*(sets or []), *([] if seed is None else [f"seed={seed}"])]
    loaded = read_checked(file, chosen)
    limit = None if max_memory is None else _memory(max_memory)
    # Everything that can be wrong with the input is said before a folder is made.
    check_traces(loaded)
    plan_of(loaded)
    folder = new_folder(Path("runs"), loaded.spec.name) if out is None else given_folder(out)
    with progress_bar() as bar:
        task = bar.add_task(loaded.spec.name, total=None)

        def told(now_s: float, until_s: float, events: int) -> None:
            total = until_s if math.isfinite(until_s) else None
            text = f"{format_duration_s(round(now_s))} simulated, {events:,} events"
            bar.update(task, completed=now_s, total=total, description=text)

        outcome = execute(loaded, folder, max_events=max_events, max_memory_bytes=limit, progress=told)
    print_summary(outcome.summary, _out)
    if report:
        from experiments.report import write_report

        write_report(folder)
        _out.print(f"report: {folder / 'report.html'}", soft_wrap=True, highlight=False)
    if outcome.problem is not None:
        _err.print(escape(f"wavetank: {outcome.problem}"), soft_wrap=True)
    if outcome.reason == "interrupted":
        _err.print(f"wavetank: interrupted; what was written is in {folder}", soft_wrap=True)
    raise typer.Exit(outcome.status)


@app.command()
def validate(
    files: Annotated[list[Path], typer.Argument(help="Scenarios, or Kubernetes' own manifests and dumps.")],
    sets: Sets = None,
) -> None:
    """Check scenarios and what they name, or manifests, and say all that is wrong; users' code is not loaded."""
    from experiments.checking import check_traces, read_checked, read_objects
    from models.api.specs_notes import scenario_notes

    objects, problems = read_objects(files)
    for name, read in objects.items() if not problems else ():
        _out.print(f"{name}: ok: {read.summary}", highlight=False, soft_wrap=True, markup=False)
        for note in read.notes:
            _out.print(f"note: {note}", highlight=False, soft_wrap=True, markup=False)
    for file in files:
        if str(file) in objects:
            continue
        try:
            loaded = read_checked(file, sets or [])
            check_traces(loaded)
        except ScenarioError as error:
            problems += error.diagnostics
        else:
            _out.print(f"{file}: ok", highlight=False, soft_wrap=True)
            for note in scenario_notes(loaded.spec):
                _out.print(f"note: {note}", highlight=False, soft_wrap=True, markup=False)
    if problems:
        raise ScenarioError(problems)


@app.command()
def sweep(
    file: Scenario,
    sets: Sets = None,
    seeds: Annotated[int, typer.Option(help="Seeds for each combination.", min=1, max=100_000)] = 10,
    first_seed: Annotated[int, typer.Option(help="The first seed.", min=0)] = 1,
    workers: Annotated[int, typer.Option(help="Processes.", min=1, max=256)] = 2,
    level: Annotated[float, typer.Option(help="Level of the intervals.", min=0.5, max=0.99999)] = 0.95,
    out: Annotated[Path, typer.Option(help="Where sweeps lie.")] = Path("sweeps"),
) -> None:
    """Run a scenario over axes (--set path=a,b,c) and seeds, and compare by pairs."""
    from experiments.report import write_sweep_report
    from experiments.sweep import compare, open_sweep, run_sweep, worst_status
    from experiments.sweepchecks import checked_design
    from experiments.sweeptable import print_sweep

    design, total = checked_design(file, file.stem, sets or [], seeds, first_seed)
    folder = open_sweep(design, out)
    with progress_bar() as bar:
        task = bar.add_task(f"{total} runs", total=total)
        try:
            results = run_sweep(design, folder, workers, lambda result: bar.advance(task))
        except KeyboardInterrupt:
            words = (
                f"wavetank: interrupted; the same command goes on with the runs that are whole in {folder}"
            )
            bar.console.print(escape(words), soft_wrap=True)
            raise typer.Exit(130) from None
    for result in results:
        if result.problem:
            _err.print(escape(f"seed {result.seed} {dict(result.axes)}: {result.problem}"), soft_wrap=True)
    reused = sum(result.reused for result in results)
    if reused:
        _out.print(f"{reused} of {total} runs were there already", highlight=False)
    print_sweep(compare(folder, level=level), _out)
    write_sweep_report(folder, level=level)
    _out.print(f"report: {folder / 'report.html'}", soft_wrap=True, highlight=False)
    raise typer.Exit(worst_status(results))


@app.command()
def report(run_folder: Annotated[Path, typer.Argument(metavar="RUN", help="A run's folder.")]) -> None:
    """Write report.html anew; also of a run that was killed."""
    from experiments.report import write_report, write_sweep_report

    is_sweep = (run_folder / "design.json").is_file()
    path = write_sweep_report(run_folder) if is_sweep else write_report(run_folder)
    _out.print(f"report: {path}", soft_wrap=True, highlight=False)


@app.command()
def explain(
    run_folder: Annotated[Path, typer.Argument(metavar="RUN", help="A run's folder.")],
    thing: Annotated[
        str, typer.Argument(metavar="OBJECT", help="As pod/default/web-3 or pod/default/web-3#2.")
    ],
    decision: Annotated[
        bool, typer.Option("--decision", help="The scheduler's decisions about this pod, with scores.")
    ] = False,
) -> None:
    """Tell an object's life with its chain of causes, or why a pod went where it went."""
    from experiments.explain import explain as tell

    _out.print(tell(run_folder, thing, decisions=decision), markup=False, highlight=False, soft_wrap=True)


@app.command()
def headroom(
    file: Annotated[Path, typer.Argument(metavar="SCENARIO|DUMP", help="A scenario, or a cluster's dump.")],
    pod: Annotated[Path, typer.Option(help="A manifest with one pod, or one controller.")],
    sets: Sets = None,
    at: Annotated[str, typer.Option(help="When: after all that happens until then, as 10m.")] = "0s",
) -> None:
    """Say how many more pods of a kind fit, what stops the next one, and what is stranded then."""
    from experiments.headroom import headroom as fill
    from experiments.headroom import headroom_lines, headroom_section
    from experiments.summary import print_section

    found = fill(file, pod, sets or [], at=at)
    for line in headroom_lines(found):
        _out.print(line, markup=False, highlight=False, soft_wrap=True)
    _out.print()
    print_section(headroom_section(found), _out)


@app.command()
def schema(
    markdown: Annotated[bool, typer.Option("--markdown", help="The reference of all keys instead.")] = False,
) -> None:
    """Print the JSON Schema of scenarios, for editors."""
    if markdown:
        from experiments.scenarioreference import scenario_reference

        print(scenario_reference(), end="")
        return
    from models.api.schema import scenario_json_schema

    print(json.dumps(scenario_json_schema(), indent=2))


def _texts(diagnostics: Sequence[Diagnostic]) -> dict[str, str]:
    """Return the texts of the files that problems are in, where they can be read."""
    texts = {}
    for source in dict.fromkeys(diagnostic.source for diagnostic in diagnostics):
        with contextlib.suppress(OSError, ValueError):
            texts[source] = Path(source).read_text(encoding="utf-8")
    return texts


def _memory(text: str) -> int:
    try:
        return parse_bytes(text.removesuffix("B") if text.endswith(("KB", "MB", "GB", "iB")) else text)
    except ValueError as error:
        raise ScenarioError([Diagnostic(str(error), "--max-memory", 1, 1)]) from error


def _guarded(call: Callable[[], Any]) -> int:
    try:
        call()
    except ScenarioError as error:
        print(render_diagnostics(error.diagnostics, _texts(error.diagnostics)), file=sys.stderr)
        return 2
    except SimulationError as error:
        if error.__cause__ is not None or not isinstance(error, PluginError):
            traceback.print_exception(error.__cause__ or error)
        words = shlex.join(["wavetank", *sys.argv[1:]])
        print(f"\nwavetank: {error}\nrepeat it with: {words}  (seed {error.seed})", file=sys.stderr)
        return 70
    except WavetankError as error:
        print(f"wavetank: {error}", file=sys.stderr)
        return error.exit_status
    except _UsageError as error:
        error.show()
        return 2
    except typer.Exit as error:
        return int(error.exit_code)
    except (typer.Abort, KeyboardInterrupt):
        print("wavetank: interrupted", file=sys.stderr)
        return 130
    except Exception:
        traceback.print_exc()
        words = shlex.join(["wavetank", *sys.argv[1:]])
        print(f"\nwavetank: this is a bug; repeat it with: {words}", file=sys.stderr)
        return 70
    return 0


# Last, so that what is wanted most is listed first.
app.add_typer(verify_app, name="verify")
app.add_typer(isolation_app, name="isolation")
add_host_commands(app)


def main() -> None:
    """Entry point of the command ``wavetank``."""
    # Beside the clone, wherever the command is typed; the current folder's own neighbour comes first.
    beside = Path(__file__).resolve().parent.parent.parent / "shared"
    given = bool(os.environ.get("WAVETANK_SHARED"))
    if not given and not (Path.cwd().parent / "shared").is_dir() and beside.is_dir():
        os.environ["WAVETANK_SHARED"] = str(beside)
    # Users' plug-ins may lie where the command is typed; last, so that nothing of ours is hidden by a file there.
    if str(Path.cwd()) not in sys.path:
        sys.path.append(str(Path.cwd()))
    result = 0

    def call() -> None:
        nonlocal result
        answer = app(standalone_mode=False)
        result = answer if isinstance(answer, int) else 0

    status = _guarded(call)
    sys.exit(status or result)


if __name__ == "__main__":
    main()
