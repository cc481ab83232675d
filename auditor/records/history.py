"""All runs of all audits in a reports folder, in one small SQLite file: what trends are drawn from.

    reports/history.sqlite

A run is added when its report is rendered, and never rendered again for it. Without the file, the runs whose records
are still there are read back.
"""

import math
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from auditor.records import chain, looks, manifest
from auditor.records.chain import Link
from auditor.records.headline import headline, subject
from auditor.records.store import Folder
from auditor.statistics import interval
from auditor.telling.escaping import visible
from auditor.telling.reason import reason
from auditor.values import AuditError, Metric, PlannedCase, Record, RecordError, Run

NAME = "history.sqlite"
_LOOKED = 2  # the version from which looks are counted
_ASKING = chain.LINKED + 1  # from which it is known what was asked
_VERSION = _ASKING + 1  # from which every metric that something is expected of has its trend
_TABLES = """
CREATE TABLE runs (
    folder TEXT, id TEXT, title TEXT, started TEXT, commit_id TEXT, planned INTEGER, states TEXT,
    PRIMARY KEY (folder, id)
);
CREATE TABLE cases (
    folder TEXT, run TEXT, position INTEGER, name TEXT, state TEXT, metric TEXT, kind TEXT,
    value REAL, low REAL, high REAL,
    PRIMARY KEY (folder, run, name)
);
"""
_LOOKS = """
CREATE TABLE looks (
    folder TEXT, run TEXT, name TEXT, question TEXT, seed TEXT, answer TEXT,
    PRIMARY KEY (folder, run, name)
);
CREATE INDEX looks_by_question ON looks (question);
"""
_LINKS = """
ALTER TABLE runs ADD COLUMN link TEXT NOT NULL DEFAULT '';
ALTER TABLE runs ADD COLUMN previous TEXT NOT NULL DEFAULT '';
"""
_ASKED = "CREATE TABLE IF NOT EXISTS asked (folder TEXT, run TEXT, told TEXT, PRIMARY KEY (folder, run));"
_GATES = """
CREATE TABLE IF NOT EXISTS gates (
    folder TEXT, run TEXT, name TEXT, metric TEXT, kind TEXT, value REAL, low REAL, high REAL,
    PRIMARY KEY (folder, run, name, metric)
);
"""

Word = Callable[[Run, PlannedCase], str]
"""What people call the state of a case."""


@dataclass(frozen=True)
class Point:
    """One case in one run: its state as people read it, and a metric with its two-sided interval.

    Of the last run it is the metric that the case is headed by, and of those before the same one.
    """

    run: str
    started: str
    commit: str
    state: str
    metric: str
    kind: str
    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Audit:
    """One audit's folder: its last run (started, commit, states), how many there are, what is wrong with the chain of
    them, in words, and the points of every case.
    """

    folder: str
    title: str
    started: str
    commit: str
    planned: int
    states: str
    runs: int
    gaps: tuple[str, ...]
    trends: dict[str, tuple[Point, ...]]


def add(folder: Path, run: Run, link: Link, asked: str, word: Word) -> None:
    """Add a run of the audit in `folder`; a run that is there is replaced. Raises RecordError if that fails.

    link: its place in the chain of the audit's runs. asked: what it asks of its cases, as `asked_otherwise` is to
    compare it. word: what people call the state of a case.
    """
    path = folder.parent / NAME
    fresh = not path.exists()
    with _open(path) as database:
        if fresh:
            for other in sorted(p.parent for p in folder.parent.glob("*/run.json") if p.parent != folder):
                try:
                    _insert(database, other.name, Folder(other).load_run(), manifest.link(other), word)
                except AuditError:
                    continue  # of an older version, or broken: its own report says so
        _insert(database, folder.name, run, link, word)
        database.execute("INSERT OR REPLACE INTO asked VALUES (?, ?, ?)", _row(folder.name, run.id, asked))


def asked_otherwise(folder: Path, asked: str) -> tuple[str, str] | None:
    """What the last run of the audit in `folder` asked that asked something else, and when; None if there is none."""
    path = folder.parent / NAME
    if not path.exists():
        return None
    with _open(path) as database:
        found: tuple[str, str] | None = database.execute(
            "SELECT a.told, r.started FROM asked a JOIN runs r ON r.folder = a.folder AND r.id = a.run "
            "WHERE a.folder = ? AND a.told != ? ORDER BY r.started DESC, r.rowid DESC LIMIT 1",
            _row(folder.name, asked),
        ).fetchone()
        return found


def last_link(reports: Path, folder: str, run: str) -> str:
    """The link that a run of an audit is tied to: that of the one before, or nothing for the first."""
    if not (reports / NAME).exists():
        return ""
    with _open(reports / NAME) as database:
        known = database.execute("SELECT previous FROM runs WHERE folder = ? AND id = ?", (folder, run)).fetchone()
        if known is None:
            asked = "SELECT link FROM runs WHERE folder = ? ORDER BY rowid DESC LIMIT 1"
            known = database.execute(asked, (folder,)).fetchone()
        return str(known[0]) if known else ""


def audits(reports: Path) -> tuple[Audit, ...]:
    """Every audit with its history, by folder name."""
    with _open(reports / NAME) as database:
        names = [name for (name,) in database.execute("SELECT DISTINCT folder FROM runs ORDER BY folder")]
        return tuple(_audit(database, name) for name in names)


@contextmanager
def _open(path: Path) -> Iterator[sqlite3.Connection]:
    try:
        with closing(sqlite3.connect(path, timeout=30)) as database, database:
            version = database.execute("PRAGMA user_version").fetchone()[0]
            if version not in range(_VERSION + 1):
                raise RecordError(f"{path} is of another version ({version}); remove it, it is made anew")
            if version == 0:
                database.executescript(_TABLES)
            if version < _LOOKED:
                database.executescript(_LOOKS)
            if version < chain.LINKED:
                database.executescript(_LINKS)
            if version < _ASKING:
                database.executescript(_ASKED)
            if version < _VERSION:
                database.executescript(_GATES)
                database.execute(f"PRAGMA user_version = {_VERSION}")
            yield database
    except sqlite3.Error as error:
        raise RecordError(f"{path} can't be used: {reason(error)}; remove it, it is made anew") from error


def _insert(database: sqlite3.Connection, folder: str, run: Run, link: Link | None, word: Word) -> None:
    states = [word(run, case) for case in run.cases]
    counted = ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states))
    # An upsert keeps the row's number, which tells runs of one second apart.
    database.execute(
        "INSERT INTO runs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (folder, id) DO UPDATE SET "
        "title = excluded.title, started = excluded.started, commit_id = excluded.commit_id, "
        "planned = excluded.planned, states = excluded.states, link = excluded.link, previous = excluded.previous",
        _row(folder, run.id, run.title, run.started, run.commit, len(states), counted, *_ends(link)),
    )
    database.execute("DELETE FROM cases WHERE folder = ? AND run = ?", (folder, run.id))
    database.execute("DELETE FROM gates WHERE folder = ? AND run = ?", (folder, run.id))
    for position, case in enumerate(run.cases):
        record = run.records.get(case.id)
        first = headline(record) if record else None
        head = _numbers(record, first.name, first.metric) if record and first else ("", "exact", None, None, None)
        database.execute(
            "INSERT INTO cases VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            _row(folder, run.id, position, case.id, word(run, case), *head),
        )
        for demand in record.expectations if record else ():
            metric = subject(record, demand) if record else None
            if record and metric is not None:
                gate = _numbers(record, demand.subject, metric)
                row = _row(folder, run.id, case.id, *gate)
                database.execute("INSERT OR REPLACE INTO gates VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)

    _remember(database, folder, run)


def _ends(link: Link | None) -> tuple[str, str]:
    return (link.own, link.previous) if link else ("", "")


def remember(reports: Path, folder: str, run: Run) -> None:
    """Count the looks of a run of some cases, which is no point of a trend."""
    with _open(reports / NAME) as database:
        _remember(database, folder, run)


def _remember(database: sqlite3.Connection, folder: str, run: Run) -> None:
    for record in run.records.values():
        if record.evidence is not None:
            database.execute(
                "INSERT OR IGNORE INTO looks VALUES (?, ?, ?, ?, ?, ?)",
                _row(folder, run.id, record.case, looks.question(record), looks.seed(record), looks.answer(record)),
            )


def look(reports: Path, record: Record) -> int:
    """Which look at its question a record is, as far as the reports folder remembers; see `auditor.records.looks`."""
    path = reports / NAME
    if record.evidence is None or not path.exists():
        return 1
    with _open(path) as database:
        asked = "SELECT seed, answer FROM looks WHERE question = ? ORDER BY rowid"
        return looks.look(record, database.execute(asked, (looks.question(record),)))


def _row(*values: str | float | None) -> tuple[str | float | None, ...]:
    """Values as SQLite takes them: half a surrogate pair is no text to it."""
    return tuple(visible(value) if isinstance(value, str) else value for value in values)


def _numbers(record: Record, name: str, metric: Metric) -> tuple[str, str, float | None, float | None, float | None]:
    low, high = interval(metric, record.confidence, record.interval)
    # A trend is drawn of numbers: what lies beyond all that was tried has none.
    value, least, most = (end if math.isfinite(end) else None for end in (metric.value, low, high))
    return name, metric.kind, value, least, most


def _audit(database: sqlite3.Connection, folder: str) -> Audit:
    runs = database.execute(
        "SELECT title, started, commit_id, planned, states FROM runs WHERE folder = ? ORDER BY started, rowid",
        (folder,),
    ).fetchall()
    title, started, commit, planned, states = runs[-1]
    links = database.execute(chain.ASKED, (folder,)).fetchall()
    rows = database.execute(
        "SELECT c.name, r.id, r.started, r.commit_id, c.state, c.metric, c.kind, c.value, c.low, c.high "
        "FROM cases c JOIN runs r ON r.folder = c.folder AND r.id = c.run "
        "WHERE c.folder = ? ORDER BY c.position, r.started, r.rowid",
        (folder,),
    )
    trends: dict[str, list[Point]] = {}
    for name, *point in rows:
        trends.setdefault(name, []).append(Point(*point))
    asked = database.execute("SELECT name, run, metric, kind, value, low, high FROM gates WHERE folder = ?", (folder,))
    gates = {(name, run, metric): numbers for name, run, metric, *numbers in asked}
    kept = {name: tuple(_of_last(name, points, gates)) for name, points in trends.items()}
    return Audit(folder, title, started, commit, planned, states, len(runs), tuple(chain.gaps(links)), kept)


def _of_last(name: str, points: list[Point], gates: Mapping[tuple[str, str, str], list[Any]]) -> Iterator[Point]:
    """Points of a case by the metric that its last run is headed by, where earlier runs measured that one too."""
    metric = points[-1].metric
    for point in points:
        numbers = gates.get((name, point.run, metric))
        yield point if numbers is None else Point(point.run, point.started, point.commit, point.state, metric, *numbers)
