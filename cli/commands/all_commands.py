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
    "local cloud": (
        local_cloud.register_up,
        local_cloud.register_down,
        local_cloud.register_status,
        logs.register,
    ),
    "AWS": (deploy.register_deploy, keys.register, deploy.register_teardown),
    "images": (
        upload.register,
        download.register,
        images.register,
        collections.register,
        quarantine.register,
    ),
    "tasks and jobs": (
        tasks.register_tasks,
        tasks.register_task,
        tasks.register_cancel,
        tasks.register_retry,
        schedules.register_run,
        schedules.register_schedules,
        queues.register_queues,
        queues.register_functions,
    ),
    "access": (
        profiles.register_login,
        profiles.register_profiles,
        tokens.register,
        audit.register,
    ),
    "help": (doctor.register, local_cloud.register_open, completion.register),
    "development": (test.register, bench.register_bench, bench.register_soak),
}
