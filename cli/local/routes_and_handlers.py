"""Print the shape of the app in a folder, its routes and handlers: `python -m cli.local.routes_and_handlers FOLDER`.

While the shape stays the same, new code can be copied into the existing functions; otherwise Chalice must deploy.
"""

from __future__ import annotations

import importlib
import json
import sys
from typing import Any


def main() -> None:
    """Print the shape as JSON."""
    sys.path[0] = sys.argv[1]  # instead of the current folder, which the app must not need
    app = importlib.import_module("app").app
    print(
        json.dumps({"routes": dict(_routes(app)), "handlers": sorted(_handlers(app)), "binary": app.api.binary_types})
    )


def _routes(app: Any) -> Any:  # noqa: ANN401 - a Chalice app
    for path, methods in app.routes.items():
        for method, entry in methods.items():
            cors = vars(entry.cors) if hasattr(entry.cors, "__dict__") else entry.cors
            yield f"{method} {path}", [entry.content_types, repr(cors), getattr(entry.authorizer, "name", None)]


def _handlers(app: Any) -> Any:  # noqa: ANN401
    for handler in [*app.event_sources, *app.pure_lambda_functions, *app.builtin_auth_handlers]:
        yield f"{type(handler).__name__} {sorted((key, repr(value)) for key, value in vars(handler).items())}"


if __name__ == "__main__":
    main()
