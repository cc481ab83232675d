"""SHA-256 of every file of a finished audit, so that one changed byte is found and named.

    reports/<audit>/manifest.json   {"files": {"run.json": …, "records/…/record.json": …, "index.html": …}}

It says which run this is, and ties it to the one before (`auditor.records.chain`). It keeps how pages were laid out,
too, and what drew their charts, as nothing else says how to render the same files again.
A manifest can be written anew by whoever changes the files; `auditor attest` signs it.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from auditor.records.chain import Link, digest_of, read, tied
from auditor.records.formats import FORMAT
from auditor.records.store import PARTIAL, write_text
from auditor.telling.lists import first
from auditor.telling.reason import named_reason
from auditor.values import RecordError, Run

NAME = "manifest.json"
_APART = (".locks", PARTIAL, NAME, "attestation.json", "attestation.svr.json", "attestation.sigstore.json")


@dataclass(frozen=True)
class Layout:
    """How the files of an audit are laid out.

    size: the bytes that a page takes at most, if that is possible. folder: whether its style, script and pictures lie
    beside it however small it is, for viewers that refuse what stands within a page. flat: whether `junit.xml` has its
    tests in the audit's suite, for readers that look for none in suites within suites. signed_by: the SHA-256 of the
    public key whose statement lies beside the page, which then says so; nothing if none was made.
    """

    size: int = 15_000_000
    folder: bool = False
    flat: bool = False
    signed_by: str = ""


USUAL = Layout()


def seal(folder: Path, layout: Layout, drawn_by: Mapping[str, str], run: Run, audit: str, previous: str) -> Link:
    """Write the manifest of all files in an audit's folder.

    layout: that of its files. drawn_by: the versions of the libraries that drew its pictures. run: what lies there.
    audit: what the history calls the folder. previous: the link of the run before.
    """
    found = {name: digest(folder / name) for name in files(folder)}
    tie = tied(run, audit, _of_records(found), previous)
    laid_out = {"page_bytes": layout.size, "folder": layout.folder, "junit_flat": layout.flat}
    by = {"signed_by": layout.signed_by} if layout.signed_by else {}
    told = {"chain": asdict(tie), **laid_out, **by, "drawn_by": dict(drawn_by)}
    content = {"format": FORMAT, **told, "files": found}
    write_text(folder / NAME, json.dumps(content, indent=1, sort_keys=True) + "\n")
    return tie


def records_digest(folder: Path) -> str:
    """The digest of an audit's records as they are, as links have it."""
    return digest_of(_of_records({name: digest(folder / name) for name in files(folder) if _is_record(name)}))


def _of_records(found: Mapping[str, str]) -> dict[str, str]:
    return {name: sha256 for name, sha256 in found.items() if _is_record(name)}


def files(folder: Path) -> list[str]:
    """Every file of an audit that a manifest covers, relative to its folder."""
    found = (path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*")) if not path.is_dir())
    return [name for name in found if name.split("/")[0] not in _APART]


def digest(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def layout(folder: Path) -> Layout | None:
    """How the pages of an audit were laid out; None where no manifest says so."""
    try:
        told = json.loads((folder / NAME).read_text("utf-8"))
        # Earlier ones say nothing of the others.
        found = Layout(
            told["page_bytes"], told.get("folder", False), told.get("junit_flat", False), told.get("signed_by", "")
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    sound = isinstance(found.size, int) and isinstance(found.folder, bool) and isinstance(found.flat, bool)
    return found if sound and isinstance(found.signed_by, str) else None


def link(folder: Path) -> Link | None:
    """Where the run in a folder stands in the chain of its audit; None where no manifest says so."""
    try:
        return read(json.loads((folder / NAME).read_text("utf-8"))["chain"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def drawn_by(folder: Path) -> dict[str, str] | None:
    """The versions of the libraries that drew the pictures of an audit; None where no manifest says so."""
    try:
        told = json.loads((folder / NAME).read_text("utf-8"))["drawn_by"]
        return {str(name): str(version) for name, version in told.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def changed(folder: Path) -> tuple[str, ...]:
    """Which of an audit's records aren't as its manifest says, in words; pages are made of them again, and no matter.

    A run that was cut off has no manifest, and looks like one whose manifest was removed: that is said too. Raises
    RecordError for a manifest that can't be read.
    """
    if not (folder / NAME).exists():
        return (f"there is no {NAME}: the run was cut off, or somebody removed it",)
    return tuple(f"{name} {why}" for name, why in broken(folder).items() if _is_record(name))


def _is_record(name: str) -> bool:
    return name == "run.json" or name.startswith("records/")


def check_sealed(folder: Path) -> None:
    """Raise RecordError where records aren't as they were sealed, so that nothing is made of them that looks sound."""
    told = changed(folder) if (folder / NAME).exists() else ()
    if told:
        message = f"{folder} isn't as it was sealed: {first(told)}. Run the audit again"
        raise RecordError(f"{message}; --accept-changed takes the records as they are, and every page then says so")


def broken(folder: Path) -> dict[str, str]:
    """What doesn't agree with the manifest: a file's name, and what is wrong with it.

    Raises RecordError where there is no manifest, or none that can be read.
    """
    try:
        promised = json.loads((folder / NAME).read_text("utf-8"))["files"]
        wanted = {str(name): str(sha256) for name, sha256 in promised.items()}
    except FileNotFoundError as error:
        raise RecordError(f"{folder} has no {NAME}: the run wasn't finished, or the file was removed") from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise RecordError(f"{folder / NAME} can't be read: {named_reason(error)}") from error
    there = files(folder)
    wrong = {name: "is not in the manifest" for name in there if name not in wanted}
    wrong |= {name: "is missing" for name in wanted if name not in there}
    for name in there:
        if name in wanted and (folder / name).is_symlink():
            wrong[name] = "is a link, not a file"
        elif name in wanted and digest(folder / name) != wanted[name]:
            wrong[name] = "has been changed"
    return dict(sorted(wrong.items()))
