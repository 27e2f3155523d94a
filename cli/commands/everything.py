"""Every command, in the order of the help."""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType

from cli.commands import (
    audit,
    bench,
    cancel,
    collections,
    completion,
    deploy,
    doctor,
    down,
    download,
    functions,
    images,
    keys,
    login,
    logs,
    open,  # noqa: A004 - a command's file is named as it is typed
    profiles,
    quarantine,
    queues,
    retry,
    run,
    schedules,
    soak,
    status,
    task,
    tasks,
    teardown,
    test,
    tokens,
    up,
    upload,
)

SECTIONS: Mapping[str, tuple[ModuleType, ...]] = {
    "the local cloud": (up, down, status, logs),
    "an AWS account": (deploy, keys, teardown),
    "pictures": (upload, download, images, collections, quarantine),
    "work": (tasks, task, cancel, retry, run, schedules, queues, functions),
    "who may, and who did": (login, profiles, tokens, audit),
    "help": (doctor, open, completion),
    "working on Wallify": (test, bench, soak),
}
