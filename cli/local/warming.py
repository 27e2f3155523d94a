"""The first answers of a stack that came up: it serves, and its first user need not wait for workers to start."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import httpx

from cli.local.stack import Stack
from cli.trouble import Trouble

AT_ONCE = 2
"""A function serves one request at a time; the third of a first burst starts its own worker, as on AWS."""
PATIENCE = 60.0  # seconds: a cold start on a busy machine takes some


def first_answers(stack: Stack) -> None:
    """Ask the API for its health, a few times at once; Trouble if it is not well."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(_ask, [f"{stack.api_url}/health"] * AT_ONCE))
    if ill := [answer for answer in answers if answer != httpx.codes.OK]:
        raise Trouble(f"The API is up but answers {ill[0]}.", "`./wallify logs` shows why.")


def _ask(url: str) -> int | str:
    try:
        return httpx.get(url, timeout=PATIENCE, trust_env=False).status_code
    except httpx.HTTPError as error:
        return f"nothing ({type(error).__name__})"
