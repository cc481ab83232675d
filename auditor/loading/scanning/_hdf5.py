"""HDF5 files: weights of Keras, and whole legacy checkpoints."""

from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from auditor.loading.scanning import _keras
from auditor.loading.scanning._threat import Threat, unreadable

MAGIC = b"\x89HDF\r\n\x1a\n"
_RATIO = 100
_ROOM = 64 << 20


def is_hdf5(path: Path) -> bool:
    """Whether a file is HDF5: its signature may stand after a block of something else."""
    with path.open("rb") as file:
        size = path.stat().st_size
        offset = 0
        while offset + len(MAGIC) <= size:
            file.seek(offset)
            if file.read(len(MAGIC)) == MAGIC:
                return True
            offset = max(512, 2 * offset)
    return False


def threats(name: str, source: Path | IO[bytes]) -> Iterator[Threat]:
    """Look for links and data that lie in other files, sizes that unfold, and a configuration of Keras."""
    import h5py

    found: list[Threat] = []
    try:
        with h5py.File(source, "r") as file:
            file.visititems_links(lambda where, link: found.extend(_of_link(f"{name} › {where}", file, where, link)))
            config = file.attrs.get("model_config")
            if config is not None:
                found += _keras.of_text(f"{name} › model_config", config)
    except (OSError, KeyError, ValueError, TypeError, RuntimeError, SystemError) as error:
        found.append(unreadable(name, error))
    yield from found


def _of_link(called: str, file: Any, where: str, link: Any) -> Iterator[Threat]:
    import h5py

    if isinstance(link, h5py.ExternalLink):
        yield Threat("critical", called, "outside file", f"it is a link into another file, {link.filename!r}")
        return
    if not isinstance(link, h5py.HardLink) or file.get(where, getclass=True) is not h5py.Dataset:
        return
    dataset = file[where]
    elsewhere = [part[0] for part in dataset.external or ()]
    if dataset.is_virtual:
        elsewhere += [part.file_name for part in dataset.virtual_sources() if part.file_name != "."]
    if elsewhere:
        yield Threat("critical", called, "outside file", f"its values are bytes of another file, {elsewhere[0]!r}")
    stored = dataset.id.get_storage_size()
    if dataset.nbytes > max(_ROOM, _RATIO * stored):
        yield Threat("critical", called, "bomb", f"{stored} bytes unfold to {dataset.nbytes}")
