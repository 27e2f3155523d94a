"""The evidence column of docs/operations/faults.md, and what the source of the tests shows: stores, and means."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

PROJECT = Path(__file__).parents[2]
NO_STORE = "none"
"""For a fault that no store has a part in: a queue's, a bucket's or the template's."""
STORES = ("memory", "sqlite", "dynamodb", "postgresql")
_NAMED: Mapping[str, tuple[str, ...]] = {"STORES": STORES, "BACKENDS": STORES}
"""What parametrisations name instead of listing."""
_SPELT = {"postgres": "postgresql"}
_FIXTURES = {"cloud": ("dynamodb",), "crowded": ("postgresql",), "lasting": ("postgresql",)}
"""Those that stand for a store without a parameter."""
_BUILT: Mapping[str, str] = {
    r"\bcloud_on_moto\(|\bDynamoState\(|\btable_on_moto\(": "dynamodb",
    r"\bbase_on_postgresql\(|\ba_server\(|\bpostgresql\(": "postgresql",
    r"\bWorld\(\)": "memory",
}
"""What a test without a parametrisation builds by itself."""
HOWS: Mapping[str, str] = {
    "message": r"\.copies|queue\.|\.drop\(|\.announce|[Rr]ecord|\.messages",
    "exception": r"\braise\b|[Kk]ill|Error\b|Exception|unavailable|side_effect|broken",
    "refused call": r"trouble|[Rr]efus|Outage|Faults|[Ff]aults?\.|throttl|_full|busy",
    "lost answer": r"lose_answers?|lost|'after |[Dd]one=",
    "signal": r"os\.kill|SIG[A-Z]{3,}|send_signal|\.kill\(\)|pg_terminate_backend|\.end_connections|\.crash\b",
    "rlimit": r"setrlimit|RLIMIT_",
    "proxy": r"[Pp]roxy",
    "clock": r"clock|timedelta|\bnow\b",
    "threads": r"ThreadPoolExecutor|Thread\(|together|Barrier",
    "interleaving": r"\.when\(|at_checkpoint|meanwhile|instead|on_listing|meddled",
    "loss": r"\.lose\(|\.orphan\(|\.clear\(\)|drift\(",
    "repeated request": r"\baccept\(|\.post\(|\bagain\b|twice|together\(",
    "input": r"a_png|a_jpeg|body|bytes|token|form|cursor|filename",
    "mass": r"range\(|many|\d{4,}",
    "template": r"template|foundation|config|batch_size|ast\.|source",
}
"""How a fault is made, and what the source of such a test has in it."""
_ROW = re.compile(r"^\| (F\d\d) \| `(tests/[\w/]+\.py)::(\w+)` \| ([\w, ]+) \| ([\w ,]+) \|$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Evidence:
    """A row of the page: this test shows that this fault is survived on these stores."""

    fault: str
    file: str
    test: str
    stores: tuple[str, ...]
    hows: tuple[str, ...]


def evidence_in(page: str) -> tuple[Evidence, ...]:
    """All rows of the page, in order."""
    return tuple(
        Evidence(fault, file, test, tuple(stores.split(", ")), tuple(hows.split(", ")))
        for fault, file, test, stores, hows in _ROW.findall(page)
    )


def stores_of(file: str, test: str) -> set[str]:
    """The stores that the test runs on, by its fixtures' and its own parametrisation, or by what it builds."""
    functions = _functions(file)
    found = set(_stores(functions[test], _fixtures(file), _assigned(file)))
    if found:
        return found
    source = ast.get_source_segment(_text(file), functions[test]) or ""
    return {store for pattern, store in _BUILT.items() if re.search(pattern, source)} or {NO_STORE}


def source_of(file: str, test: str) -> str:
    """The test's source, with that of all in its file that it leads to: helpers, fixtures and constants."""
    parts: Mapping[str, ast.AST] = {**_assigned(file), **_functions(file)}
    found, new = dict[str, None](), [test]
    while new:
        name = new.pop()
        found[name] = None
        mentioned = {node.id for node in ast.walk(parts[name]) if isinstance(node, ast.Name)}
        mentioned |= {node.arg for node in ast.walk(parts[name]) if isinstance(node, ast.arg)}
        new += [one for one in mentioned if one in parts and one not in found]
    return "\n".join(ast.unparse(parts[name]) for name in found)


def _stores(
    function: ast.FunctionDef, fixtures: Mapping[str, ast.FunctionDef], names: Mapping[str, ast.expr]
) -> Iterator[str]:
    for decorator in function.decorator_list:
        yield from (store for node in _walked(decorator, names) for store in _named_stores(node))
    for argument in (one.arg for one in function.args.args):
        yield from _FIXTURES.get(argument, ())
        if argument in fixtures and fixtures[argument] is not function:
            yield from _stores(fixtures[argument], fixtures, names)


def _walked(mark: ast.AST, names: Mapping[str, ast.expr]) -> Iterator[ast.AST]:
    """All of a mark, with what its module gives a name to."""
    for node in ast.walk(mark):
        yield node
        if isinstance(node, ast.Name) and node.id in names:
            yield from _walked(names[node.id], names)


def _named_stores(node: ast.AST) -> tuple[str, ...]:
    if isinstance(node, ast.Name):
        return _NAMED.get(node.id, ())
    told = _SPELT.get(str(node.value), node.value) if isinstance(node, ast.Constant) else None
    return (str(told),) if told in STORES else ()


def _fixtures(file: str) -> Mapping[str, ast.FunctionDef]:
    shared = _functions("tests/faults/conftest.py") if file.startswith("tests/faults/") else {}
    return {**shared, **_functions(file)}


def _functions(file: str) -> Mapping[str, ast.FunctionDef]:
    return {node.name: node for node in ast.walk(_tree(file)) if isinstance(node, ast.FunctionDef)}


def _assigned(file: str) -> Mapping[str, ast.expr]:
    """Marks that a module gives a name to."""
    assigned = [node for node in _tree(file).body if isinstance(node, ast.Assign)]
    return {target.id: node.value for node in assigned for target in node.targets if isinstance(target, ast.Name)}


@cache
def _tree(file: str) -> ast.Module:
    return ast.parse(_text(file))


@cache
def _text(file: str) -> str:
    return (PROJECT / file).read_text(encoding="utf-8")
