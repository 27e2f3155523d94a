"""Write the table of docs/reference/calls.md: `python -m scripts.calls`.

A test compares the page with what is counted.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.infra.calls import HEAD, table

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "calls.md"


def main() -> int:
    """Replace the table."""
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(HEAD)
    after = rest.partition("\n\n")[2]
    PAGE.write_text(f"{before}{table()}\n{after}", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
