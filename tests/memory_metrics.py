"""The Metrics port in memory: what was counted, for tests to look at."""

from __future__ import annotations

from dataclasses import dataclass, field

from chalicelib.telemetry import unit_of


@dataclass
class MemoryMetrics:
    """See `chalicelib.ports.Metrics`."""

    counted: list[tuple[str, float, dict[str, str]]] = field(default_factory=list)
    emitted: list[tuple[str, float, dict[str, str]]] = field(default_factory=list)
    """Of these, what was flushed."""
    flushes: int = 0

    def count(self, name: str, value: float = 1, **dimensions: str) -> None:
        """See `Metrics.count`."""
        unit_of(name, dimensions)
        self.counted.append((name, value, dimensions))

    def flush(self) -> None:
        """See `Metrics.flush`."""
        self.flushes += 1
        self.emitted = list(self.counted)

    def total(self, name: str, **dimensions: str) -> float:
        """What was counted under that name with these dimensions, among others."""
        return sum(value for value in self.values(name, **dimensions))

    def values(self, name: str, **dimensions: str) -> list[float]:
        """Each number of that name with these dimensions, in order."""
        return [
            value for given, value, having in self.counted if given == name and dimensions.items() <= having.items()
        ]
