"""Reads the descriptions of AWS's services that the package brings, and the runtime's own where it brings none."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

from botocore.exceptions import DataNotFoundError
from botocore.loaders import Loader

FOLDER = Path(__file__).parent.parent / "aws_data_files"
"""Where the package has them; in a checkout there are none."""


class PackagedLoader(Loader):  # type: ignore[misc]  # botocore has no types
    """botocore's loader of descriptions over the package's folder; whatever is not there is read as always.

    `chalicelib.aws_data` makes the folder. Listing the runtime's folders alone, hundreds of services, takes longer than
    to read what is here.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(extra_search_paths=[str(folder)], include_default_search_paths=False)

    @cached_property
    def _runtime(self) -> Loader:
        return Loader()

    def load_service_model(self, service_name: str, type_name: str, api_version: str | None = None) -> Any:  # noqa: ANN401
        """See botocore."""
        try:
            return super().load_service_model(service_name, type_name, api_version)
        except DataNotFoundError:
            return self._runtime.load_service_model(service_name, type_name, api_version)

    def load_data_with_path(self, name: str) -> Any:  # noqa: ANN401
        """See botocore."""
        try:
            return super().load_data_with_path(name)
        except DataNotFoundError:
            return self._runtime.load_data_with_path(name)

    def determine_latest_version(self, service_name: str, type_name: str) -> Any:  # noqa: ANN401
        """See botocore."""
        try:
            return super().determine_latest_version(service_name, type_name)
        except DataNotFoundError:
            return self._runtime.determine_latest_version(service_name, type_name)

    def is_builtin_path(self, path: str) -> bool:
        """Return True: what the package brings are parts of botocore's own files."""
        return super().is_builtin_path(path) or Path(path).is_relative_to(self.search_paths[0])
