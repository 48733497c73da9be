"""Data sets of the Hugging Face Hub, read through ``huggingface_hub``: a range of a file, or all of it into its cache."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

Value = TypeVar("Value")

NAME = re.compile(r"(?P<prefix>hf:)?(?:datasets/)?(?P<name>[\w.-]+/[\w.-]+)(?:@(?P<revision>[^@]+))?")


@dataclass(frozen=True)
class HubFile:
    """A file of a data set of the hub, at one commit.

    Attributes:
        repository: The data set, ``owner/name``.
        commit: Its commit: what a branch is at may change while it is read.
        name: The file's path in it.
    """

    repository: str
    commit: str
    name: str

    def __str__(self) -> str:
        return f"hf:{self.repository}@{self.commit[:7]}/{self.name}"

    @property
    def suffix(self) -> str:
        """The end of its name, from the dot on."""
        return PurePosixPath(self.name).suffix

    def open(self) -> Any:
        """The file, of which only what is read is sent."""
        from huggingface_hub import HfFileSystem

        path = f"datasets/{self.repository}@{self.commit}/{self.name}"
        # Parquet's readers know what they want: nothing is read ahead.
        return _asked(str(self), lambda: HfFileSystem().open(path, "rb", cache_type="none"))

    def download(self) -> Path:
        """The file in the hub's cache on this machine."""
        from huggingface_hub import hf_hub_download

        return Path(
            _asked(str(self), lambda: hf_hub_download(self.repository, self.name, repo_type="dataset", revision=self.commit))
        )


def hub_files(source: str) -> list[HubFile] | None:
    """All files of a data set by its name, ``hf:owner/name``, ``owner/name`` or ``owner/name@revision``.

    Returns:
        The files, or None if ``source`` names no data set.

    Raises:
        FileNotFoundError: If the hub does not know it.
        ImportError: If ``huggingface_hub`` is not installed.
        OSError: If the hub does not answer.
    """
    match = NAME.fullmatch(source)
    if match is None or (match["prefix"] is None and Path(source).exists()):
        return None
    try:
        from huggingface_hub import HfApi
    except ImportError as error:
        place = "" if match["prefix"] else "there is no such file or folder; for a data set of the hub "
        raise ImportError(f'Cannot read "{source}": {place}install huggingface_hub (pip install "relabel-maps[hub]")') from error
    name, revision = match["name"], match["revision"]
    info = _asked(source, lambda: HfApi().dataset_info(name, revision=revision))
    return [HubFile(name, info.sha, file.rfilename) for file in info.siblings]


def _asked(what: str, ask: Callable[[], Value]) -> Value:
    from huggingface_hub.utils import RepositoryNotFoundError, RevisionNotFoundError

    try:
        return ask()
    except (RepositoryNotFoundError, RevisionNotFoundError) as error:
        raise FileNotFoundError(
            f'Cannot read "{what}": there is no such file or folder, and the hub has no such data set or revision '
            "(a private one needs HF_TOKEN)"
        ) from error
    # What carries requests differs between versions, and so do its errors.
    except Exception as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise OSError(f'Cannot read "{what}" from the hub: {reason}') from error
