"""Reads source text for what would make a run differ from itself, or a file too big to hold in the head."""

from __future__ import annotations

import ast
from collections.abc import Iterator

# An order that nobody chose does no harm where the answer does not depend on it.
ORDERLESS = {"sorted", "set", "frozenset", "len", "min", "max", "any", "all"}
SET_MAKERS = {"set", "frozenset"}
SET_TYPES = {"set", "frozenset", "Set", "FrozenSet", "AbstractSet", "MutableSet"}
SET_METHODS = {"union", "intersection", "difference", "symmetric_difference"}
SET_OPERATORS = (ast.BitOr, ast.BitAnd, ast.Sub, ast.BitXor)
# A sum is among them: adding floats in another order gives other bits.
WALKERS = {
    "list",
    "tuple",
    "iter",
    "enumerate",
    "zip",
    "map",
    "filter",
    "dict",
    "deque",
    "array",
    "sum",
    "fsum",
}

FORBIDDEN_CALLS = {
    "hash": "hash() differs between processes",
    "id": "id() differs between runs",
    "print": "print(): records, not prints",
    "breakpoint": "breakpoint() left behind",
}
FORBIDDEN_MODULES = {"time", "datetime", "random", "secrets"}
FORBIDDEN_NAMES = {
    "numpy.random": "numpy.random outside sim/streams.py",
    "np.random": "numpy.random outside sim/streams.py",
    "os.urandom": "os.urandom is not of this seed",
    "os.getpid": "os.getpid differs between runs",
    "os.times": "os.times is the wall clock",
    "uuid.uuid1": "uuid1 differs between runs",
    "uuid.uuid4": "uuid4 differs between runs",
}


def findings(source: str, *, draws_allowed: bool = False) -> list[str]:
    """Return ``LINE: SENTENCE`` for all that a simulated module must not do, in the order of lines.

    Args:
        source: The text of a module of sim or models.
        draws_allowed: The module is the one door to numpy.random.
    """
    tree = ast.parse(source)
    found = set(_forbidden(tree, draws_allowed=draws_allowed)) | set(_set_walks(tree))
    return [f"{line}: {sentence}" for line, sentence in sorted(found)]


def unsorted_exports(source: str) -> list[str]:
    """Return the names of ``__all__`` as they should stand, if they do not: CONSTANTS, Classes, functions."""
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign) and any(_dotted(target) == "__all__" for target in node.targets):
            names: list[str] = list(ast.literal_eval(node.value))
            wanted = sorted(names, key=lambda name: (_rank(name), name))
            return [] if names == wanted and len(set(names)) == len(names) else wanted
    return []


def _rank(name: str) -> int:
    if name.isupper():
        return 0
    return 1 if name[:1].isupper() else 2


def _dotted(node: ast.AST) -> str:
    """``a.b.c`` of names and attributes; empty for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        owner = _dotted(node.value)
        return f"{owner}.{node.attr}" if owner else ""
    return ""


def _forbidden(tree: ast.Module, *, draws_allowed: bool) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in FORBIDDEN_CALLS:
            yield node.lineno, FORBIDDEN_CALLS[node.func.id]
        named: list[str] = []
        if isinstance(node, ast.Import):
            named = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            named = [f"{node.module}.{alias.name}" for alias in node.names]
        for name in named:
            if name.partition(".")[0] in FORBIDDEN_MODULES:
                yield node.lineno, f"{name}: simulated time and named draws only"
        named.append(_dotted(node))
        for name in named:
            for forbidden, sentence in FORBIDDEN_NAMES.items():
                excused = draws_allowed and forbidden.endswith(".random")
                if not excused and (name == forbidden or name.startswith(f"{forbidden}.")):
                    yield node.lineno, sentence


def _set_walks(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Every place that goes through a set in its own order."""
    sets = _names_of_sets(tree)
    harmless = set()
    for node in ast.walk(tree):  # any(f(x) for x in a_set) may go in any order
        if isinstance(node, ast.Call) and _dotted(node.func) in ORDERLESS and not _has_key(node):
            harmless |= {
                argument for argument in node.args if isinstance(argument, ast.GeneratorExp | ast.ListComp)
            }
    for node in ast.walk(tree):
        for walked in _walked(node, harmless):
            if _is_set(walked, sets):
                yield walked.lineno, f"goes through a set in its own order: {ast.unparse(walked)}"


def _has_key(call: ast.Call) -> bool:
    """With ``key=`` equal ones keep the order they came in."""
    return any(keyword.arg == "key" for keyword in call.keywords)


def _walked(node: ast.AST, harmless: set[ast.expr]) -> list[ast.expr]:
    """The expressions that a node goes through in order."""
    match node:
        case ast.For() | ast.AsyncFor():
            return [node.iter]
        case ast.ListComp() | ast.GeneratorExp() | ast.DictComp():
            return [] if node in harmless else [part.iter for part in node.generators]
        case ast.Starred() | ast.YieldFrom():
            return [node.value]
        case ast.Call(func=ast.Name(id=name)) if name in WALKERS:
            return [argument for argument in node.args if not isinstance(argument, ast.Starred)]
        case ast.Call(func=ast.Name(id="sorted" | "min" | "max")) if _has_key(node):
            return node.args
        case ast.Call(func=ast.Attribute(attr="join" | "extend" | "fromkeys")):
            return node.args
        case ast.Call(func=ast.Attribute(attr="pop", value=owner), args=[]):
            return [owner]
        case ast.Assign(targets=[ast.Tuple() | ast.List()]):
            return [node.value]
        case _:
            return []


def _is_set(node: ast.expr, sets: set[str]) -> bool:
    match node:
        case ast.Set() | ast.SetComp():
            return True
        case ast.Call(func=function) if _dotted(function) in SET_MAKERS:
            return True
        case ast.Call(func=ast.Attribute(attr=name, value=owner)):
            return name in SET_METHODS or (name == "copy" and _is_set(owner, sets))
        case ast.BinOp(left=left, right=right, op=operator) if isinstance(operator, SET_OPERATORS):
            return _is_set(left, sets) or _is_set(right, sets)
        case ast.IfExp(body=body, orelse=other):
            return _is_set(body, sets) or _is_set(other, sets)
        case _:
            return _dotted(node) in sets


def _names_of_sets(tree: ast.Module) -> set[str]:
    """Names and attributes that somewhere in the module are annotated or assigned as a set.

    Scopes are not told apart: a name that is a set in one function is not to be a list in the next.
    """
    sets: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.arg) and node.annotation is not None and _annotates_set(node.annotation):
            sets.add(node.arg)
        elif isinstance(node, ast.AnnAssign) and _annotates_set(node.annotation):
            name = _dotted(node.target)
            sets |= {name, f"self.{name}"}
    before = -1
    while before < len(sets):  # a = b, where b has turned out to be a set
        before = len(sets)
        for node in ast.walk(tree):
            if isinstance(node, ast.Assign) and _is_set(node.value, sets):
                sets |= {_dotted(target) for target in node.targets} - {""}
            elif isinstance(node, ast.NamedExpr) and _is_set(node.value, sets):
                sets.add(node.target.id)
        sets.discard("")
    return sets


def _annotates_set(annotation: ast.expr) -> bool:
    if isinstance(annotation, ast.Subscript):
        name = _dotted(annotation.value).rpartition(".")[2]
        return name in SET_TYPES or (
            name in {"Final", "ClassVar", "Optional"} and _annotates_set(annotation.slice)
        )
    if isinstance(annotation, ast.BinOp):
        return _annotates_set(annotation.left) or _annotates_set(annotation.right)
    return _dotted(annotation).rpartition(".")[2] in SET_TYPES
