"""Functions run on a separate interpreter, not on that of the emulator.

Upstream lacks: a setting for the interpreter. MiniStack 1.5.33 starts Python functions with the interpreter it runs on
itself (`ministack.core.lambda_runtime._detect_runtime_binary`). That interpreter can import all packages of the
project's environment, so a package that is missing in the deployment would not be noticed.

Remove when: the interpreter of a runtime can be configured.
"""

from __future__ import annotations

from ministack.core import lambda_runtime


def apply(python: str) -> None:
    """Start functions with the interpreter `python`."""
    detect = lambda_runtime._detect_runtime_binary  # noqa: SLF001  # private: see above

    def detected(runtime: str) -> tuple[str, str]:
        binary, worker = detect(runtime)
        return (python if runtime.startswith("python") else binary), worker

    lambda_runtime._detect_runtime_binary = detected  # noqa: SLF001
