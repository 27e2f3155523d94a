"""The first answers of a stack that came up: it serves, and its first user need not wait for workers to start."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import httpx

from cli.errors import CommandError
from cli.local.daemons import Daemon
from cli.local.stack import Stack

AT_ONCE = 2
"""A function serves one request at a time; the third of a first burst starts its own worker, as on AWS."""
PATIENCE = 60.0
"""Seconds for one answer: a cold start on a busy machine takes some."""
BUSY = (httpx.codes.TOO_MANY_REQUESTS, httpx.codes.GATEWAY_TIMEOUT, "nothing")
"""What a stack answers that has not come as far yet: it is asked again, for as long as `progress` lets it."""
TRIES = 10
"""So often in a row any other answer is taken for the last word."""
PAUSE = 1.0  # seconds


def first_answers(stack: Stack) -> None:
    """Ask the API for its health, a few times at once, until it is well; Trouble if it is not, or has ended."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(partial(_last_word, stack), [f"{stack.api_url}/health"] * AT_ONCE))
    if ill := [answer for answer in answers if answer != httpx.codes.OK]:
        raise CommandError(f"The API is up but answers {ill[0]}.", "`./wallify logs` shows why.")


def _last_word(stack: Stack, url: str) -> int | str:
    wrong = 0
    while (answer := _ask(url)) != httpx.codes.OK:
        wrong = 0 if answer in BUSY else wrong + 1
        if wrong == TRIES or Daemon(stack, "front").pid() is None:
            break
        time.sleep(PAUSE)
    return answer


def _ask(url: str) -> int | str:
    try:
        return httpx.get(url, timeout=PATIENCE, trust_env=False).status_code
    except httpx.HTTPError:
        return "nothing"
