"""Files of a lake on any Beam file system: written aside first, then moved to where readers see them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Final

from apache_beam.io.filesystem import BeamIOError, CompressionTypes
from apache_beam.io.filesystems import FileSystems

from schemas.errors import LakeError

UNPUBLISHED: Final = "_newsbeam/tmp"
"""Folder inside a lake that mirrors it and holds what readers are not to see yet."""


def write_file(path: str, content: bytes) -> None:
    """Write a whole file on any Beam file system, making the folders above it.

    Raises:
        LakeError: it cannot be written.
    """
    try:
        _make_folder_of(path)
        with FileSystems.create(path, "application/octet-stream", CompressionTypes.UNCOMPRESSED) as file:
            file.write(content)
    except OSError as error:
        raise LakeError(f"{path} cannot be written: {error}. Nothing of this cycle was kept; run again.") from error


def check_claim(root: str, claim: str, run_id: str) -> None:
    """Check that a lake's claim (path inside it, JSON) names a run: a job of before that comes back must not go on.

    Raises:
        LakeError: it names another run.
    """
    with FileSystems.open(FileSystems.join(root, claim), "application/json", CompressionTypes.UNCOMPRESSED) as file:
        holder = json.loads(file.read()).get("run_id")
    if holder != run_id:
        raise LakeError(f"{root} is written by run {holder} now; run {run_id} has to be ended (cancel its job)")


def publish_files(unpublished: str, root: str, paths: Iterable[str]) -> None:
    """Move files (paths inside the lake) to where readers see them. What has been moved already stays as it is.

    Args:
        unpublished: folder that mirrors the lake.
        root: folder of the lake.

    Raises:
        LakeError: one cannot be moved, or is nowhere.
    """
    for path in paths:
        source, target = FileSystems.join(unpublished, path), FileSystems.join(root, path)
        try:
            _make_folder_of(target)
            FileSystems.rename([source], [target])
        except (OSError, BeamIOError) as error:
            # Done before, by a bundle that was then done again, or at this moment by another thread.
            if not FileSystems.exists(target) or FileSystems.exists(source):
                raise LakeError(f"{target} cannot be published: {error}") from error


def find_paths(folder: str, pattern: str) -> list[str]:
    """Return the files below a folder that match a glob, as paths inside the folder, sorted; none where it is not."""
    (found,) = FileSystems.match([FileSystems.join(folder, pattern)])
    # Not every file system gives paths back as they were asked for: what they end with is the same.
    depth = pattern.count("/") + 1
    return sorted("/".join(found_file.path.split("/")[-depth:]) for found_file in found.metadata_list)


def delete_files(folder: str, paths: Iterable[str]) -> None:
    """Delete files (paths inside the folder). One that is no longer there is as it should be."""
    for path in paths:
        try:
            FileSystems.delete([FileSystems.join(folder, path)])
        except (OSError, BeamIOError) as error:
            if FileSystems.exists(FileSystems.join(folder, path)):
                raise LakeError(f"{FileSystems.join(folder, path)} cannot be deleted: {error}") from error


def _make_folder_of(path: str) -> None:
    folder = FileSystems.split(path)[0]
    if not FileSystems.exists(folder):
        try:
            FileSystems.mkdirs(folder)
        except OSError:
            if not FileSystems.exists(folder):  # else another thread or worker has just made it
                raise
