"""Check that the patches fit the installed versions of MiniStack and Chalice.

The patches replace private names, which may differ in other versions; a wrong patch would fail late and elsewhere.
Therefore the version is compared and each name is looked up before the first patch is applied.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from importlib.metadata import version

MINISTACK, CHALICE = "ministack", "chalice"
VERSIONS: Mapping[str, str] = {MINISTACK: "1.5.33", CHALICE: "1.34.0"}
"""Versions that the patches fit; the pins in requirements-dev.in."""

NAMES: Mapping[str, Mapping[str, Sequence[str]]] = {
    MINISTACK: {
        "ministack.app": (
            "_build_persistence_save_dict",
            "_dispatch_service_request",
            "_load_persisted_state",
            "app",
            "main",
            "pin_request_origin",
        ),
        "ministack.core.iam_actions": ("extract_iam_action",),
        "ministack.core.iam_evaluator": (
            "_fnmatch_compile",
            "fnmatch_iam_cs",
            "is_root_access_key",
            "parse_policy_document",
        ),
        "ministack.core.lambda_runtime": (
            "_PYTHON_WORKER_SCRIPT",
            "Worker",
            "_detect_runtime_binary",
            "kill_workers",
            "zipfile",
        ),
        "ministack.core.lambda_runtime.Worker": ("_drain_stderr_bounded", "_read_stderr"),
        "ministack.core.persistence": ("STATE_DIR", "_json_default", "_state_format_version", "save_state"),
        "ministack.core.responses": ("AccountRegionScopedDict",),
        "ministack.services.apigateway_v1": (
            "_authorizers_v1",
            "_create_authorizer",
            "_create_resource",
            "_get_resources",
            "_get_rest_api",
            "_put_integration",
            "_put_integration_response",
            "_put_method",
            "_put_method_response",
            "_resources",
            "_rest_apis",
            "handle_request",
        ),
        "ministack.services.dynamodb": (
            "_DDB_PAGE_SIZE_BYTES",
            "_INDEX_MEMBERS",
            "_apply_index_projection",
            "_condition_syntax_error",
            "_get_attr_type",
            "_index_item",
            "_index_key_schemas",
            "_index_members",
            "_index_order_keys",
            "_index_order_value",
            "_index_partition",
            "_item_size_bytes",
            "_query",
            "_remove_item",
            "_set_item",
            "_tables",
            "get_state",
        ),
        "ministack.services.lambda_svc": ("_poll_sqs",),
        "ministack.services.s3": (
            "DATA_DIR",
            "_dispatch",
            "_error",
            "_object_versions",
            "_parse_multipart_form",
            "_persist_object",
            "logger",
        ),
        "ministack.services.sqs": ("_queues",),
        "ministack.services.sts": ("is_root_access_key",),
    },
    CHALICE: {
        "botocore.config.Config": ("OPTION_DEFAULTS",),
        "botocore.waiter": ("time",),
        "chalice.awsclient.TypedAWSClient": (
            "DELAY_TIME",
            "_client",
            "import_rest_api",
            "update_api_from_swagger",
            "update_rest_api",
        ),
        "chalice.cli": ("main",),
    },
}
"""Names that the patches use, by package and by module or class."""


class PatchesDoNotFit(Exception):
    """Another version is installed, or a name is missing; the message has details and the remedy."""


def check(package: str, *, installed: str | None = None, names: Mapping[str, Sequence[str]] | None = None) -> None:
    """Check the version of `package` and every name that the patches use.

    Args:
        package: `ministack` or `chalice`.
        installed: The version to compare, for tests.
        names: The names to look up, for tests.

    Raises:
        PatchesDoNotFit: The version is not the pinned one, or a name is missing.

    """
    check_version(package, installed=installed)
    for owner, wanted in (NAMES[package] if names is None else names).items():
        found = _resolve(owner)
        missing = [name for name in wanted if found is None or not hasattr(found, name)]
        if missing:
            raise PatchesDoNotFit(f"{package} {VERSIONS[package]} has no {owner}.{missing[0]}. {_advice(package)}")


def check_version(package: str, *, installed: str | None = None) -> None:
    """Check the version alone, which needs no import of the package.

    Raises:
        PatchesDoNotFit: The version is not the pinned one.

    """
    have = installed or version(package)
    if have != VERSIONS[package]:
        raise PatchesDoNotFit(
            f"{package} {have} is installed, and the patches are for {VERSIONS[package]}. {_advice(package)}"
        )


def _advice(package: str) -> str:
    plain = ", or start without the patches: `./wallify up --plain-emulator`" if package == MINISTACK else ""
    return f"Install {package}=={VERSIONS[package]}, which requirements-dev.txt has{plain}."


def _resolve(dotted: str) -> object:
    """Return the module, or the class in a module; None if it does not exist."""
    module, _, name = dotted.rpartition(".")
    try:
        return importlib.import_module(dotted)
    except ModuleNotFoundError:
        return getattr(importlib.import_module(module), name, None)
