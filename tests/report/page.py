"""Synthetic runs for the report's tests, and a page parsed with nothing but the standard library."""

import base64
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser

import numpy as np
from PIL import Image

from auditor.judging.verdict import judge
from auditor.values import (
    Bars,
    Baseline,
    Curve,
    Diagnostic,
    Earlier,
    Evidence,
    Expectation,
    Failure,
    Figure,
    Heatmap,
    ImageGrid,
    Metric,
    Panel,
    PlannedCase,
    Record,
    Run,
    Series,
    Strip,
    Table,
    Verdict,
    Waiver,
    exact,
    mean,
    median,
    proportion,
)

VOID = {"meta", "img", "br", "input", "link"}
TITLE = "How often is it right?"
HOSTILE = (
    "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'&\x1b[31m\u202egnp\u200b\ud800"
    "\r\n| --- |`code`*_[x](http://y){0}\\@z"
)


@dataclass
class Node:
    """An element: its tag, attributes, parent and what it holds, texts and elements alike."""

    tag: str
    attributes: dict[str, str]
    parent: "Node | None"
    content: "list[Node | str]" = field(default_factory=list)

    @property
    def text(self) -> str:
        return "".join(part if isinstance(part, str) else part.text for part in self.content)

    def walk(self) -> "Iterator[Node]":
        for part in self.content:
            if isinstance(part, Node):
                yield part
                yield from part.walk()

    def all(self, tag: str = "", **attributes: str) -> "list[Node]":
        """Elements of a tag with these attributes; of `class_`, one of the classes."""
        wanted_class = attributes.pop("class_", None)
        return [
            node
            for node in self.walk()
            if (not tag or node.tag == tag)
            and (wanted_class is None or wanted_class in node.attributes.get("class", "").split())
            and all(node.attributes.get(k.replace("_", "-")) == v for k, v in attributes.items())
        ]

    def one(self, tag: str = "", **attributes: str) -> "Node":
        found = self.all(tag, **attributes)
        assert len(found) == 1, f"{len(found)} of {tag} {attributes}"
        return found[0]


class _Builder(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Node("", {}, None)
        self.here = self.root

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len({name for name, _ in attrs}) == len(attrs), f"attribute given twice: {attrs}"
        node = Node(tag, {name: value or "" for name, value in attrs}, self.here)
        self.here.content.append(node)
        if tag not in VOID:
            self.here = node

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.here.content.append(Node(tag, {name: value or "" for name, value in attrs}, self.here))

    def handle_endtag(self, tag: str) -> None:
        assert self.here.tag == tag, f"</{tag}> closes <{self.here.tag}>"
        assert self.here.parent is not None
        self.here = self.here.parent

    def handle_data(self, data: str) -> None:
        self.here.content.append(data)


def parse(page: str) -> Node:
    """Parse a page strictly: every element that is opened is closed, in order."""
    builder = _Builder()
    builder.feed(page)
    builder.close()
    assert builder.here is builder.root, f"<{builder.here.tag}> is never closed"
    return builder.root


def decode(uri: str) -> np.ndarray:
    """Pixels of a PNG data URI, as RGB."""
    kind, data = uri.split(",", 1)
    assert kind == "data:image/png;base64"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data, validate=True))).convert("RGB"))


def every_figure() -> tuple[Figure, ...]:
    """One figure of each kind, with gaps and NaN where data may have them."""
    rng = np.random.default_rng(0)
    images = rng.random((3, 6, 5, 1))
    images[1, 2, 2, 0] = np.nan
    signed = rng.normal(size=(3, 6, 5, 1))
    y = np.array([0.0, 0.5, np.nan, 1.0])
    return (
        ImageGrid("A grid", "Its caption.", "grid finding", Panel(images, ("one", "two", "three"))),
        Strip(
            "A strip",
            "Its caption.",
            "strip finding",
            (Panel(images, (), "before"), Panel(signed, ("a", "b", "c"), "change", "diverging", (-1, 1))),
            ("first", "second", "third"),
        ),
        ImageGrid("Colours", "Its caption.", "colour finding", Panel(rng.random((2, 4, 4, 3)))),
        Curve(
            "A curve",
            "Its caption.",
            "curve finding",
            np.arange(4),
            (Series("falling", 1 - y, y - 0.1, y + 0.1), Series("rising", y)),
            "step",
            "share",
        ),
        Heatmap(
            "A heatmap",
            "Its caption.",
            "heatmap finding",
            np.array([[90.0, 1.0], [np.nan, -0.0]]),
            ("r0", "r1"),
            ("c0", "c1"),
            "true",
            "given",
            (0.0, 100.0),
            decimals=0,
        ),
        Bars(
            "Some bars",
            "Its caption.",
            "bars finding",
            ("p", "q"),
            np.array([0.25, np.nan]),
            np.array([0.1, 0.0]),
            np.array([0.5, 1.0]),
        ),
    )


def evidence(metrics: dict[str, Metric] | None = None, figures: Sequence[Figure] = (), **more: object) -> Evidence:
    """Evidence with one metric unless told otherwise."""
    return Evidence("96 of 100 are right.", metrics or {"accuracy": proportion(96, 100)}, tuple(figures), **more)


def record(case: str, found: Evidence | None = None, *expected: Expectation, **more: object) -> Record:
    """A record judged as a run would judge it; without evidence, an error."""
    failure = None if found else Failure("DataError", "the file is empty", "Traceback (most recent call last)")
    verdict = (
        judge(found.metrics, expected, 0.95, found.diagnostics) if found else Verdict("error", "the file is empty")
    )
    given = {
        "run": "run-1",
        "audit": "audit",
        "case": case,
        "check": "accuracy",
        "title": TITLE,
        "model": "release",
        "params": {"first": None, "gallery": 30},
        "expectations": expected,
        "confidence": 0.95,
        "interval": "exact",
        "verdict": verdict,
        "evidence": found,
        "failure": failure,
        "provenance": provenance(),
        "seconds": 1.25,
    }
    return Record(**(given | more))


def provenance(checkpoint: str = "c0ffee") -> dict[str, object]:
    """Provenance as a run leaves it."""
    return {
        "spec": {"path": "specs/a.audit.yaml", "sha256": "5bec", "seed": 7},
        "data": {"dataset": "digits", "params": {"split": "test"}, "images": 100, "sha256": "da7a", "files": {}},
        "models": {
            "release": {"format": "keras", "params": {}, "files": {"m.keras": checkpoint}, "logits": "as given"}
        },
        "versions": {"auditor": "0.1.0", "numpy": "2.0"},
        "machine": "Linux",
    }


def run_of(
    *records: Record, cut_off: Sequence[str] = (), not_run: Sequence[str] = (), unselected: Sequence[str] = ()
) -> Run:
    """A run with these records, and cases that left none."""
    done = [r.case for r in records]
    ids = [*done, *cut_off, *not_run, *unselected]
    cases = [PlannedCase(i, "accuracy", TITLE, "release", 10 + k, i not in unselected) for k, i in enumerate(ids)]
    return Run(
        id="run-1",
        audit="audit",
        title="Release gate",
        started="2026-07-01T12:00:00Z",
        spec="specs/a.audit.yaml",
        spec_digest="5bec",
        confidence=0.95,
        cases=tuple(cases),
        begun=frozenset({*done, *cut_off}),
        records={r.case: r for r in records},
    )


def run_of_all_states() -> Run:
    """A run in which every state occurs at least once, and every kind of figure."""
    good, floor = evidence(figures=every_figure()), Expectation("accuracy", share=True, min=0.8)
    means = {"score": mean(np.linspace(0, 1, 50), (0.0, 1.0)), "errors": exact(4)}
    return run_of(
        record("passing", good, floor),
        record("described", evidence(means)),
        record("failing", evidence(), Expectation("accuracy", share=True, max=0.5)),
        record("unsure", evidence(), Expectation("accuracy", share=True, min=0.95)),
        record("broken", None, floor),
        cut_off=("killed",),
        not_run=("never-began", "never-began-either"),
        unselected=("left-out",),
    )


def hostile_run() -> Run:
    """A run in which every text that a spec, a model or a record brings along is out to do harm."""
    images = np.zeros((1, 3, 3, 1))
    figure = ImageGrid(HOSTILE, HOSTILE, HOSTILE, Panel(images, (HOSTILE,), HOSTILE))
    figures = [replace(f, title=HOSTILE, caption=HOSTILE, alt=HOSTILE) for f in every_figure()]
    found = evidence(
        {HOSTILE: proportion(1, 2), "accuracy": proportion(9, 10)},
        [figure, *figures],
        tables=(Table(HOSTILE, (HOSTILE, "n"), ((HOSTILE, 1.5),)),),
        diagnostics=(Diagnostic(HOSTILE, False, HOSTILE), Diagnostic(HOSTILE, True, HOSTILE)),
        notes=(HOSTILE, f"`{HOSTILE}`"),
    )
    found = replace(found, summary=HOSTILE)
    words = {"title": HOSTILE, "model": HOSTILE, "params": {HOSTILE: HOSTILE}, "run": HOSTILE, "interval": HOSTILE}
    origin = {**provenance(HOSTILE), "machine": HOSTILE, "models": {HOSTILE: {"files": {HOSTILE: HOSTILE}}}}
    waiver = Waiver(HOSTILE, HOSTILE, "2999-12-31", standing="in force")
    one = record(
        "a",
        found,
        Expectation(HOSTILE, min=0.1),
        **{**words, "interval": "exact", "provenance": origin, "waiver": waiver},
    )
    two = record("b", None, failure=Failure(HOSTILE, HOSTILE, HOSTILE), check=HOSTILE, **words)
    run = run_of(one, two)
    strange = PlannedCase(HOSTILE, HOSTILE, HOSTILE, HOSTILE, 3, True)
    run = replace(run, title=HOSTILE, audit=HOSTILE, id=HOSTILE, started=HOSTILE, spec=HOSTILE, spec_digest=HOSTILE)
    return replace(run, cases=(*run.cases, strange))


def every_state() -> Run:
    """Every state there is, waived failures and doubts too, and one case beside its baseline."""
    rows = np.arange(100)
    now, before = proportion(rows < 90, rows=rows), proportion((rows >= 3) & (rows < 95), rows=rows)
    waiver = Waiver("Ada", "until the retraining", "2999-12-31", standing="in force")
    demands = Expectation("accuracy", share=True, max=0.5), Expectation("accuracy", min=0.95)
    return run_of(
        *run_of_all_states().records.values(),
        record("waived", evidence(), demands[0], waiver=waiver),
        record("waived-doubt", evidence(), demands[1], waiver=waiver),
        record("expired", evidence(), demands[0], waiver=replace(waiver, standing="expired")),
        record("compared", evidence({"accuracy": now}), baseline=Baseline("run-0", "", {"accuracy": before})),
        record("nothing", evidence({"radius": median(np.array([1.0, np.inf, np.inf])), "share": proportion(0, 0)})),
        cut_off=("killed",),
        not_run=("never-began",),
        unselected=("left-out",),
    )


def run_of_everything() -> Run:
    """The run of all states, and a waived case on whose card there is all that a card can have."""
    rows = np.arange(100)
    shares = {"accuracy": proportion(rows < 60, rows=rows), **{f"accuracy.{c}": proportion(c, 20) for c in range(12)}}
    busy = record(
        "waived",
        evidence(
            shares,
            every_figure(),
            tables=(Table("A table", ("name", "value"), (("a very long name", 0.5), ("another", 2.0))),),
            diagnostics=(Diagnostic("steady predictions", True, "always"), Diagnostic("gradients", False, "all zero")),
            notes=("A note with `code` in it.",),
        ),
        Expectation("accuracy", share=True, min=0.9),
        Expectation("accuracy", share=True, min=-0.1, versus_baseline=True),
        baseline=Baseline(
            "the last release", "", {"accuracy": proportion(rows < 90, rows=rows)}, (), {}, every_figure()
        ),
        waiver=Waiver("someone", "being fixed", "2026-12-31", "c0ffee", "in force"),
        earlier=Earlier(Verdict("pass", "it held"), "0lder"),
        correction="one of three gates that share 95%",
    )
    run = run_of_all_states()
    case = PlannedCase("waived", "accuracy", TITLE, "release", 30, True, ("its samples can't settle it",))
    return replace(
        run,
        cases=(*run.cases, case),
        begun=run.begun | {"waived"},
        records={**run.records, "waived": busy},
        earlier_spec_digest="0lder",
        not_judged=("dropped",),
    )


def photographed() -> Run:
    """Everything a page can have, and three cases of 40 pictures that are larger than their names."""
    rng = np.random.default_rng(0)
    figures = [[ImageGrid("Noise", "Much of it.", "noise", Panel(rng.random((40, 28, 28, 1))))] for _ in range(3)]
    shown = (record(f"shown-{i}", evidence(figures=figures[i])) for i in range(3))
    run = run_of_everything()
    more = run_of(*shown)
    return replace(
        run, cases=(*run.cases, *more.cases), begun=run.begun | more.begun, records={**run.records, **more.records}
    )
