"""Without a network, `up` says so rather than sending the reader through a traceback."""

from __future__ import annotations

import subprocess

import pytest
from chalice.deploy.packager import NoSuchPackageError

from cli.errors import CommandError
from cli.local import emulator, functions
from cli.local.stack import Stack

FAILED = f"chalice.deploy.packager.NoSuchPackageError: {NoSuchPackageError('pillow==13.0.0')}"


def test_a_layer_that_cannot_be_made_is_laid_on_the_network(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    ended = subprocess.CompletedProcess([], returncode=1, stdout=f"Traceback …\n{FAILED}\n")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: ended)
    monkeypatch.setattr(functions, "deploy_environment", emulator.client_environment)
    monkeypatch.setattr(functions, "delete_functions", lambda _: None)
    monkeypatch.setattr(functions, "restore_layers", lambda _: None)

    with pytest.raises(CommandError, match=r"The packages for the functions cannot be downloaded\. Check the network"):
        functions.deploy_functions(stack)
