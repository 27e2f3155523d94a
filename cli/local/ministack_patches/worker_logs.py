"""The log of an invocation ends with a mark, so that its answer does not wait for more lines.

Upstream lacks: an end of the log. MiniStack 1.5.33 looks for lines each millisecond after a function has answered: for
50 ms if it wrote none, and until 5 ms have passed without one otherwise
(`ministack.core.lambda_runtime.Worker._drain_stderr_bounded`). The caller waits meanwhile, and the worker is busy, so
that the next request starts another worker.

The worker's script writes the mark to stderr before its answer to stdout. Lines that come later, of a thread that still
runs, belong to the next invocation, as before.

Remove when: the answer of an invocation without output comes at once.
"""

from __future__ import annotations

import queue
import time
from typing import Any

from ministack.core import lambda_runtime

MARK = "\x1ewallify: end of the invocation\x1e"
LONGEST_WAIT = 2.0  # seconds: the mark is on its way, or the worker is dead
_ANSWER = """traceback.format_exc()}) + "\\n")
        _real_stdout.flush()
"""
"""The end of an invocation in MiniStack's script for Python."""
_MARKED = _ANSWER.replace(
    "        _real_stdout.flush()", f"        sys.stderr.write({MARK + chr(10)!r})\n        _real_stdout.flush()"
)


def apply() -> None:
    """Mark the end of each invocation of a Python function, and read its log until there."""
    if lambda_runtime._PYTHON_WORKER_SCRIPT.count(_ANSWER) != 1:  # noqa: SLF001  # private: see above
        raise RuntimeError("MiniStack's script for Python functions has another end of an invocation.")
    lambda_runtime._PYTHON_WORKER_SCRIPT = lambda_runtime._PYTHON_WORKER_SCRIPT.replace(_ANSWER, _MARKED)  # noqa: SLF001
    _read_until_mark(lambda_runtime.Worker)


def _read_until_mark(worker: Any) -> None:  # noqa: ANN401  # MiniStack has no types
    read, drain = worker._read_stderr, worker._drain_stderr_bounded  # noqa: SLF001

    def read_to_the_end(self: Any) -> None:  # noqa: ANN401
        lines = self._stderr_queue
        read(self)
        lines.put(MARK)  # nothing comes any more of a process that has ended

    def drained(self: Any, **waits: float) -> str:  # noqa: ANN401
        is_ours = type(self) is worker and str(self.config.get("Runtime", "")).startswith("python")
        return log_until_mark(self._stderr_queue) if is_ours else str(drain(self, **waits))

    worker._read_stderr, worker._drain_stderr_bounded = read_to_the_end, drained  # noqa: SLF001


def log_until_mark(lines: queue.Queue[str], longest: float = LONGEST_WAIT) -> str:
    """Return the lines before the mark, which is removed, or those that came in `longest` seconds."""
    found: list[str] = []
    until = time.monotonic() + longest
    while (left := until - time.monotonic()) > 0:
        try:
            line = lines.get(timeout=left)
        except queue.Empty:
            break
        text, mark, _ = line.partition(MARK)
        if text or not mark:
            found.append(text)
        if mark:
            break
    return "\n".join(found)
