"""The memory store of one process, used by others: what a worker has written outlives the worker.

Each call goes over a connection of its own to a thread of the process that has the store, which answers one call at a
time. So a worker that dies in the midst of a call has made it or not, as with a database.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Client, Connection, Listener
from threading import Thread

from chalicelib.adapters.memory import MemoryState

_HERE = ("127.0.0.1", 0)
_KEY = b"only for tests"
PORTS = ("tasks", "catalog", "tokens", "schedules", "audit", "expiring")


@contextmanager
def served(state: MemoryState) -> Iterator[int]:
    """The port at which the store is used from elsewhere."""
    with Listener(_HERE, authkey=_KEY) as listener:
        Thread(target=_serve, args=(listener, state), daemon=True).start()
        yield listener.address[1]


def _serve(listener: Listener, state: MemoryState) -> None:
    with suppress(OSError):  # the listener was closed: the test is over
        while True:
            with suppress(EOFError), listener.accept() as connection:
                _answer(connection, state)


def _answer(connection: Connection, state: MemoryState) -> None:
    port, verb, args, named = connection.recv()
    try:
        answer = (True, getattr(getattr(state, port), verb)(*args, **named))
    except Exception as fault:  # noqa: BLE001  the caller's business
        answer = (False, fault)
    connection.send_bytes(pickle.dumps(answer))


@dataclass(frozen=True)
class RemoteState:
    """The six ports of a store that is served elsewhere."""

    at: int

    def __getattr__(self, port: str) -> RemotePort:
        if port not in PORTS:
            raise AttributeError(port)
        return RemotePort(self.at, port)


@dataclass(frozen=True)
class RemotePort:
    """One port: every verb of it is a call."""

    at: int
    port: str

    def __getattr__(self, verb: str) -> RemoteVerb:
        if verb.startswith("_"):
            raise AttributeError(verb)
        return RemoteVerb(self.at, self.port, verb)


@dataclass(frozen=True)
class RemoteVerb:
    """One verb of a port."""

    at: int
    port: str
    verb: str

    def __call__(self, *args: object, **named: object) -> object:
        """What the store answers or raises."""
        with Client((_HERE[0], self.at), authkey=_KEY) as connection:
            connection.send((self.port, self.verb, args, named))
            is_good, answer = pickle.loads(connection.recv_bytes())  # noqa: S301  from our own test
        if is_good:
            return answer
        raise answer
