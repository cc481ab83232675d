"""Whether the files of a report are what its records render to."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from auditor.evidence.findings import Finding, found
from auditor.exports.files import drawn_by, render_files
from auditor.records import manifest
from auditor.report.content import content
from auditor.report.layout import PICTURES
from auditor.telling.reason import reason
from auditor.values import Run


def rendered(path: Path, run: Run) -> Iterator[Finding]:
    """Render a run again, as its folder says that it was, and compare."""
    layout = manifest.layout(path)
    # Drawn anew, never taken from a cache.
    made = render_files(run, layout or manifest.USUAL)
    told = manifest.drawn_by(path)
    if told is not None and told != drawn_by():
        yield from _of_other_versions(path, made, told)
        return
    same = {name: (path / name).is_file() and (path / name).read_bytes() == made[name] for name in made}
    pictures = [name for name in made if name.startswith(PICTURES)]
    if pictures and all(same[name] for name in pictures):
        seen = f"its {len(pictures)} pictures are what the records render to"
        yield found(PICTURES, "rendered", ok=True, seen=seen)
        same = {name: same[name] for name in made if name not in pictures}
    early = "; an earlier auditor drew it, which `auditor report` renders again" if told is None else ""
    for name, ok in same.items():
        seen = "it is what the records render to" if ok else f"it isn't what the records render to{early}"
        yield found(name, "rendered", ok, seen)


def _of_other_versions(path: Path, made: Mapping[str, bytes], told: Mapping[str, str]) -> Iterator[Finding]:
    """Files whose pictures were drawn by other versions than are installed: alike in all but how charts are drawn."""
    here = drawn_by()
    other = ", ".join(
        f"{name} {told.get(name, '?')}, not {here[name]}" for name in here if told.get(name) != here[name]
    )
    for name in (name for name in made if not name.startswith(PICTURES)):
        try:
            stored = (path / name).read_bytes()
            if name.endswith(".html"):
                alike = content(stored, lambda n: (path / n).read_bytes()) == content(made[name], lambda n: made[n])
            else:
                alike = stored == made[name]
            why = "" if alike else "its content isn't what the records render to"
        except (OSError, KeyError, ValueError) as error:
            why = f"it can't be compared: {reason(error)}"
        said = "its text, tables, numbers and images are what the records render to; its charts are not compared"
        if name.endswith(".html"):
            yield found(name, "rendered", not why, f"{why or said} (rendered with {other}: not compared byte by byte)")
        else:
            yield found(name, "rendered", not why, why or "it is what the records render to")
