"""The table of metrics and the code that counts: neither has anything that the other lacks."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from chalicelib.telemetry import METRICS
from tests.architecture.modules import modules


def counted() -> Iterator[tuple[str, frozenset[str]]]:
    """Each `metrics.count("Name", …, dimension=…)` of the product: the name, and the dimensions."""
    for module in modules().values():
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Call) and _counts(node.func):
                assert isinstance(node.args[0], ast.Constant), ast.unparse(node)
                yield str(node.args[0].value), frozenset(str(word.arg) for word in node.keywords)


def _counts(called: ast.expr) -> bool:
    return isinstance(called, ast.Attribute) and called.attr == "count" and "metrics" in ast.unparse(called.value)


def test_metrics_are_counted_with_the_dimensions_of_the_table_and_no_others_are() -> None:
    assert set(counted()) == {(name, frozenset(metric.dimensions)) for name, metric in METRICS.items()}
