"""Lists of classes beside models, as a session first saw them.

They decide whether a model is measured on data at all, so they are part of what a result depends on.
"""

import os
from pathlib import Path

from auditor.loading.checkpoint_files import paths_of
from auditor.loading.class_names import Listing, with_names
from auditor.loading.holding import Files
from auditor.loading.named_files import beside, of_file, within
from auditor.spec import Source
from auditor.telling.reason import os_reason, reason
from auditor.values import Classifier, ModelError


class Naming:
    """Names the classes of models; files: what the session knows of files."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._found: dict[str, tuple[Path, ...]] = {}

    def named(self, classifier: Classifier, copy: Source, original: Source) -> Classifier:
        """A model that was opened of a copy, with the names that its files and those beside the original list.

        Raises ModelError where two lists contradict each other, or one can't be read.
        """
        listings: list[Listing] = []
        for path, its in zip(paths_of(copy), paths_of(original), strict=True):
            try:
                listings += within(path)
            except ModelError:
                raise
            except Exception as error:  # zipfile's and h5py's own errors: all mean the same here
                told = f"{its} may tell the names of its classes, and they can't be read: {reason(error)}"
                raise ModelError(told) from error
        for path in self._beside(original):  # what isn't a part of the model isn't copied
            try:
                listings += of_file(path.name, self._files.content(path), "beside the model")
            except OSError as error:
                told = f"{path}, which may list the model's classes, can't be read: {os_reason(error)}"
                raise ModelError(told) from error
        return with_names(classifier, listings)

    def digests(self, source: Source) -> dict[str, str]:
        """SHA-256 of each file beside a model that may list its classes; raise OSError if one can't be read."""
        found = self._beside(source)
        top = os.path.commonpath([path.parent for path in found]) if found else ""
        return {path.relative_to(top).as_posix(): self._files.digest(path) for path in found}

    def _beside(self, source: Source) -> tuple[Path, ...]:
        key = f"{source.extension} {source.params.model_dump_json()}"
        if key not in self._found:
            paths = paths_of(source)
            own = [file for path in paths for file in source.params.files_at(path)]
            self._found[key] = beside(paths, own)
        return self._found[key]
