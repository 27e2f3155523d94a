"""Room for requests at the API's function: a number of places, and a bounded line of requests that wait for one.

On AWS the account's concurrency limits how many requests are worked on at once, and Lambda and API Gateway refuse the
rest with 429. One machine has far less room: without a limit a burst starts a process for each request, and then none
of them is answered in time.
"""

from __future__ import annotations

import asyncio


class Crowded(Exception):
    """All places are taken, and the line is full or did not move in time."""


class Admission:
    """Admits requests in the order of their arrival.

    A request that is cancelled while it waits leaves the line and never takes a place.
    """

    def __init__(self, places: int, line: int, patience: float) -> None:
        self._free = asyncio.Semaphore(places)
        self._line, self._patience = line, patience
        self._waiting = 0

    async def enter(self) -> None:
        """Take a place, which `leave` gives back.

        Raises:
            Crowded: `line` requests are waiting already, or `patience` seconds went by.
        """
        if self._waiting >= self._line and self._free.locked():
            raise Crowded
        self._waiting += 1
        try:
            async with asyncio.timeout(self._patience):
                await self._free.acquire()
        except TimeoutError:
            raise Crowded from None
        finally:
            self._waiting -= 1

    def leave(self) -> None:
        """Give a place back."""
        self._free.release()
