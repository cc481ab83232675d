"""Texts that others wrote are shown, never obeyed, whatever way out they take."""

import dataclasses
import json
import re
import types
import typing
import xml.etree.ElementTree as ET
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auditor.exports.files import render_files
from auditor.judging import asked
from auditor.records.chain import Link
from auditor.records.history import add, audits
from auditor.records.store import Folder
from auditor.report.index import render_index
from auditor.report.outcome import word
from auditor.report.summary import render as render_summary
from auditor.report.terminal import evidence_tables, verdict_table
from auditor.spec.marked import parse as parse_spec
from auditor.telling.console import Console
from auditor.telling.escaping import on_terminal, unfit, visible
from auditor.values import Run, SpecError
from tests.report.page import parse, run_of_everything
from tests.support import spec

# Not those of `auditor.telling.escaping`: C0 and C1 controls, bidi marks, surrogates, and what XML can't hold.
FORBIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)
COMMAND = re.compile(r"^\s*::[\w-]+(\s[^\n]*)?::|##\w*\[", re.MULTILINE)
PIECES = [
    "\x00", "\x07", "\x1b[2J", "\x1b]8;;http://x\x07", "\x9b31m", "\x7f", "\r", "\n", "\t", "\u2028", "\u202e",
    "\u2066", "\u200b", "\ud800", "\udfff", "\ufffe", "\uffff", "\U0001ffff", "::error::", "##[error]",
    "\n::set-output name=x::y", "::warning file=a,line=1::", "##vso[task.complete]", "##teamcity[x]", "]]>", "<b>", "&",
    "'", '"', "|", "`", "{{ 1 }}", "[x](y)", "%", "/", "é", " ", "long word ", "☃",
]  # fmt: skip
HOSTILE = st.lists(st.sampled_from(PIECES), min_size=1, max_size=12).map("".join)
NAMES = ("id", "case", "audit", "check", "run")
"""What is a name on disk, or of a check; specs refuse what is no plain name."""


def poisoned(kind: Any, value: Any, poison: Callable[[str], str], spare: tuple[str, ...] = ()) -> Any:
    """A value in which every text has been changed, but for what can be one of a few words and fields to spare."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if kind is str:
        return poison(value)
    if origin in (typing.Union, types.UnionType):
        fits = next((k for k in arguments if isinstance(k, type) and isinstance(value, k)), None)
        mappings = [k for k in arguments if typing.get_origin(k) is not None and isinstance(value, Mapping)]
        return poisoned(fits or (mappings or [None])[0], value, poison, spare)
    if dataclasses.is_dataclass(kind) and dataclasses.is_dataclass(value):
        hints = typing.get_type_hints(type(value))
        fields = [f.name for f in dataclasses.fields(value) if f.init and f.name not in spare]
        return dataclasses.replace(
            value, **{name: poisoned(hints[name], getattr(value, name), poison, spare) for name in fields}
        )
    if origin is tuple and value:
        kinds = arguments[:1] * len(value) if arguments[-1] is Ellipsis else arguments
        return tuple(poisoned(k, item, poison, spare) for k, item in zip(kinds, value, strict=True))
    if isinstance(value, Mapping) and arguments:
        name = (lambda key: key) if spare and arguments[1].__name__ == "Record" else poison
        return {name(key): poisoned(arguments[1], item, poison, spare) for key, item in value.items()}
    return poison(value) if kind is Any and isinstance(value, str) else value


def hostile(text: str, spare: tuple[str, ...] = ()) -> Run:
    return poisoned(Run, run_of_everything(), lambda said: f"{said}{text}", spare)


fuzzed = settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))


@fuzzed
@given(HOSTILE)
def test_every_output_is_well_formed_and_shows_no_such_character(text):
    run = hostile(text)
    assert text in run.title
    assert any(text in name for record in run.records.values() if record.evidence for name in record.evidence.metrics)
    files = {name: content.decode() for name, content in render_files(run).items()}
    for name, content in files.items():
        assert not FORBIDDEN.search(content), name
    parse(files["index.html"])
    parse(files["declaration.html"])
    ET.fromstring(files["junit.xml"].encode())
    for name in ("results.json", "results.sarif", "gl-code-quality.json"):
        json.loads(files[name])
        assert files[name].isascii()
    summary = render_summary(run)
    assert not FORBIDDEN.search(summary)
    for width in (20, 80):
        table = verdict_table(run, False, width)
        assert not FORBIDDEN.search(table)
        assert not COMMAND.search(table)
    console = Console(width=40)
    with console.capture() as printed:
        for record in run.records.values():
            for shown in evidence_tables(
                record, tuple(t.columns[0] for t in record.evidence.tables[:1]) if record.evidence else ()
            ):
                console.print(shown)
    assert not FORBIDDEN.search(printed.get())
    assert not COMMAND.search(printed.get())


@fuzzed
@given(HOSTILE)
def test_what_is_stored_is_read_back_as_it_was(tmp_path_factory, text):
    # Two halves of a surrogate pair that meet are one letter, to JSON and to whoever reads it.
    text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
    folder = tmp_path_factory.mktemp("reports") / "audit"
    run = hostile(text, NAMES)
    Folder(folder).save_run(run)
    found = Folder(folder).load_run()
    assert found.title == run.title
    for case, record in run.records.items():
        assert found.records[case].verdict == record.verdict or "nan" in repr(record.verdict)
        if record.evidence:
            kept = found.records[case].evidence
            assert list(kept.metrics) == list(record.evidence.metrics)
            for name, metric in record.evidence.metrics.items():
                np.testing.assert_array_equal(kept.metrics[name].values, metric.values)
    add(folder, found, Link(found.id, "own", "", folder.name, found.spec_digest, "records"), asked(found), word)
    page = render_index(audits(folder.parent))["index.html"].decode()
    assert not FORBIDDEN.search(page)
    parse(page)


def test_no_two_names_share_an_array(tmp_path):
    from auditor.values import Evidence, mean

    run = run_of_everything()
    names = {
        "a": [1.0],
        "a/values": [2.0],
        "a\x00b": [3.0],
        "a\x00c": [4.0],
        "a%00b": [5.0],
        "\ud800": [6.0],
        "": [7.0],
    }
    found = Evidence("", {name: mean(values) for name, values in names.items()})
    record = dataclasses.replace(next(iter(run.records.values())), evidence=found)
    Folder(tmp_path).save(record)
    kept = Folder(tmp_path).load(record.run, record.case).evidence.metrics
    assert {name: metric.values.tolist() for name, metric in kept.items()} == names


@given(st.text())
def test_any_text_can_be_shown(text):
    for said in (visible(text), on_terminal(text)):
        assert not FORBIDDEN.search(said)
        assert not unfit(said)
        said.encode()
    assert not COMMAND.search(on_terminal(text))
    assert visible(visible(text)) == visible(text)


def test_honest_texts_stay_as_they_are():
    for said in (
        "a.audit.yaml::case",
        "naïve – ≥ 0.9 → 中文 👩‍🚀",
        "C:\\x",
        "std::vector",
        "time 10::20",
        "# heading [x]",
    ):
        assert on_terminal(said) == said


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ("audit: tiny", 'audit: tiny\ntitle: "a\\e[31mb"', "2:8: the character ␛ "),
        ("audit: tiny", 'audit: tiny\ntitle: "a\\u202eb"', "2:8: the character ⟨U+202E⟩ "),
        ("audit: tiny", 'audit: tiny\ntitle: "a\\0b"', "2:8: the character ␀ "),
        ("check: accuracy", '"che\\0ck": accuracy', "8:15: the character ␀ "),
        ("check: accuracy", 'check: accuracy, title: "\\x9b"', "8:39: the character ⟨U+009B⟩ "),
    ],
)
def test_a_spec_is_refused_where_such_a_character_stands(old, new, place):
    text = spec("- {id: one, check: accuracy}").replace(old, new)
    with pytest.raises(SpecError, match="can't be seen, or hides others: leave it out") as refused:
        parse_spec(text, "x.yaml")
    assert f"x.yaml:{place}" in str(refused.value)
