"""Every command, in the order of the help."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from cli.commands import (
    audit,
    bench,
    collections,
    completion,
    deploy,
    doctor,
    download,
    images,
    keys,
    local_cloud,
    logs,
    profiles,
    quarantine,
    queues,
    schedules,
    tasks,
    test,
    tokens,
    upload,
)
from cli.commands.parser import Commands

Register = Callable[[Commands], None]
"""Declares one command, or a pair such as `login` and `logout`."""

SECTIONS: Mapping[str, tuple[Register, ...]] = {
    "the local cloud": (
        local_cloud.register_up,
        local_cloud.register_down,
        local_cloud.register_status,
        logs.register,
    ),
    "an AWS account": (deploy.register_deploy, keys.register, deploy.register_teardown),
    "pictures": (
        upload.register,
        download.register,
        images.register,
        collections.register,
        quarantine.register,
    ),
    "work": (
        tasks.register_tasks,
        tasks.register_task,
        tasks.register_cancel,
        tasks.register_retry,
        schedules.register_run,
        schedules.register_schedules,
        queues.register_queues,
        queues.register_functions,
    ),
    "who may, and who did": (
        profiles.register_login,
        profiles.register_profiles,
        tokens.register,
        audit.register,
    ),
    "help": (doctor.register, local_cloud.register_open, completion.register),
    "working on Wallify": (test.register, bench.register_bench, bench.register_soak),
}
