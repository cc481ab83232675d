"""How the files of a checkpoint are named, and whether their digests are the ones that a spec means."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from auditor.spec import Source
from auditor.values import Parameters, references


def paths_of(source: Source) -> list[Path]:
    """The files and folders that a source names."""
    return [Path(reference.name) for reference in references(source.params) if reference.to == "file"]


def labelled(path: Path, files: Iterable[Path]) -> dict[str, Path]:
    """Files that are read for a path, as `sha256sum` names them in its folder, or in it if it is one."""
    folder = path if path.is_dir() else path.parent
    return {file.relative_to(folder).as_posix(): file for file in files}


def all_labelled(paths: Iterable[Path], params: Parameters) -> dict[str, Path]:
    """The files of several paths; those of one name in different folders with as much of their paths as differs."""
    pairs = [pair for path in paths for pair in labelled(path, params.files_at(path)).items()]
    places: dict[str, set[Path]] = {}
    for label, file in pairs:
        places.setdefault(label, set()).add(file)
    found = {}
    for label, file in pairs:
        several = places[label]
        shared = Path(os.path.commonpath([place.parent for place in several])) if len(several) > 1 else None
        found[label if shared is None else file.relative_to(shared).as_posix()] = file
    return found


def unlike(wanted: str | Mapping[str, str] | None, whole: str | None, digests: Mapping[str, str]) -> str | None:
    """Say where a checkpoint isn't the one that the spec means, or None.

    wanted: its digest, or that of every file, as far as the spec says. whole: its digest, if it has a single one.
    """
    if isinstance(wanted, str):
        if whole is None:
            return f"`sha256` is one digest of several paths; give one for each of {', '.join(digests)}"
        return None if whole == wanted else f"its SHA-256 is {whole}, the spec says {wanted}"
    for label in sorted({*digests, *(wanted or digests)}):
        expected = (wanted or digests).get(label)
        if label not in digests:
            return f"it has no file {label!r}, for which the spec gives a digest; it has {', '.join(digests)}"
        if expected is None:
            return f"the spec gives no digest of its file {label!r}, which has {digests[label]}"
        if expected != digests[label]:
            return f"the SHA-256 of {label!r} is {digests[label]}, the spec says {expected}"
    return None
