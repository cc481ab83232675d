"""What people read is short, names what there is, and works as it is written."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from jsonschema import Draft202012Validator

import auditor
from auditor import catalog
from auditor.cli.main import main
from auditor.spec import schema
from auditor.spec.marked import parse
from tests.support import NOT_OF_THE_FIELD

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
README = (ROOT / "README.md").read_text(encoding="utf-8")
DECISIONS = sorted((DOCS / "decisions").glob("[0-9]*.md"))
PAGES = [ROOT / name for name in ("README.md", "ARCHITECTURE.md", "SECURITY.md")] + sorted(DOCS.rglob("*.md"))
TUTORIAL = (DOCS / "tutorial" / "first-audit.md").read_text(encoding="utf-8")
# What makes its run long, and what so few images can show: the way is the same.
FEWER = [
    ("samples: 200", "samples: 20"),
    ("path: images.npz", "path: images.npz, count: 100"),
    ("min: 0.9}", "min: 0.5}"),
]


def _page(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _block(text: str, language: str, title: str = "") -> Iterator[str]:
    opening = re.escape(f'```{language} title="{title}"' if title else f"```{language}")
    for found in re.finditer(rf"^( *){opening}\n(.*?)^\1```$", text, flags=re.MULTILINE | re.DOTALL):
        yield re.sub(rf"^{found[1]}", "", found[2], flags=re.MULTILINE)


@pytest.mark.parametrize(("name", "most"), [("README.md", 150), ("ARCHITECTURE.md", 120)])
def test_what_is_read_first_is_read_in_one_sitting(name, most):
    assert len((ROOT / name).read_text(encoding="utf-8").splitlines()) <= most


def test_what_the_field_has_a_word_for_is_called_so():
    """In code, in what users read of it, and in documents."""
    sources = [path for kind in ("py", "html", "json") for path in (ROOT / "auditor").rglob(f"*.{kind}")]
    found = {
        _page(path): word[0]
        for path in [*sources, *PAGES, ROOT / "CONTRIBUTING.md"]
        if (word := NOT_OF_THE_FIELD.search(path.read_text(encoding="utf-8")))
    }
    assert len(sources) > 200
    assert not found
    glossary = (DOCS / "reference/glossary.md").read_text(encoding="utf-8")
    words = [re.sub(r"[`*∞]", "", word).strip().lower() for word in re.findall(r"^\| (.+?) \|", glossary, re.MULTILINE)]
    assert words[1:] == sorted(words[1:])
    for word in ("margin", "objective", "adversarial image", "broken image", "budget", "queries", "threat model"):
        assert re.search(rf"^\| {word} \| .+ \| .*\d{{4}}.* \|$", glossary, re.MULTILINE), f"{word}: with its source"


@pytest.mark.parametrize("path", DECISIONS, ids=lambda path: path.stem[:4])
def test_a_decision_says_why_and_what_follows(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    headings = [line.removeprefix("## ") for line in lines if line.startswith("## ")]
    assert [one for one in headings if one != "Measured"] == ["Context", "Decision", "Consequences"]
    assert headings in (["Context", "Decision", "Consequences"], ["Context", "Decision", "Measured", "Consequences"])
    assert 10 <= len(lines) <= 40


def test_decisions_are_numbered_and_all_are_listed():
    """By subject; under each in the order in which they were made."""
    row = re.compile(r"^\| (\d{4}) \| \[(.+?)\]\((.+?)\) \|$", re.MULTILINE)
    subjects = [row.findall(part) for part in (DOCS / "decisions/index.md").read_text().split("\n## ")]
    assert all(subject == sorted(subject) for subject in subjects)
    listed = sorted(one for subject in subjects for one in subject)
    titles = [path.read_text(encoding="utf-8").splitlines()[0].removeprefix("# ") for path in DECISIONS]
    assert listed == [(path.name[:4], title, path.name) for path, title in zip(DECISIONS, titles, strict=True)]
    assert [int(number) for number, _, _ in listed] == list(range(1, len(listed) + 1))


@pytest.mark.parametrize("kind", ["checks", "attacks", "models", "datasets"])
def test_the_readme_names_every_extension_and_none_that_is_not(kind):
    if kind == "checks":
        table = README.split("| check | question |")[1].split("\n\n")[0]
        told = dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", table, re.MULTILINE))
        assert told == {name: catalog.documentation("checks", name)[""] for name in catalog.names("checks")}
        return
    row = {"models": "formats"}.get(kind, kind)
    found = re.search(rf"^\| {row} \| (.+) \|$", README, re.MULTILINE)
    assert found
    named = re.findall(r"`(\w+)`", found[1])
    assert len(named) == len(set(named))
    assert set(named) == set(catalog.names(kind))


def test_every_room_is_in_the_architecture_and_every_path_it_names_is_there():
    house = Path(auditor.__file__).parent
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    rooms = {path.parent.name for path in house.glob("*/__init__.py")}
    table = text.split("| room |")[1].split("\n\n")[0]
    assert set(re.findall(r"`(\w+)/`", table)) == rooms
    for row in table.splitlines()[2:]:
        folders, first = re.findall(r"`(\w+)/`", row), re.findall(r"`(\w+\.py)`", row.rpartition(" | ")[2])
        assert not first or len(folders) in (1, len(first)), row
        for folder, file in zip(folders * len(first) if len(folders) == 1 else folders, first, strict=False):
            assert (house / folder / file).exists(), row
    for path in PAGES:
        for named in re.findall(r"`((?:\w+/)+\w*(?:\.py|/))`", path.read_text(encoding="utf-8")):
            somewhere = [house / named, ROOT / named]
            assert any(one.exists() for one in somewhere) or named.split("/")[0] not in rooms, f"{_page(path)}: {named}"


@pytest.mark.parametrize("path", PAGES[:3], ids=_page)
def test_links_lead_somewhere(path):
    # Those between pages of the site are mkdocs's business, which builds it strictly.
    for target in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", path.read_text(encoding="utf-8")):
        assert target.startswith("https://") or (path.parent / target).exists(), target


def test_the_site_takes_nothing_from_elsewhere():
    config = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    assert "font: false" in config
    assert "polyfills: [assets/iframe-worker.js]" in config  # in place of one that `offline` has from elsewhere
    assert (DOCS / "assets" / "iframe-worker.js").exists()
    assert not re.search(r"https?://", config)


def test_pieces_of_specs_are_such_pieces():
    specs = schema.build()
    models, keys = {"model": {"format": "keras", "path": "m.keras", "output": "logits"}}, set(specs["properties"])
    checks = [{"id": "a", "check": "accuracy"}]
    base = {"audit": "a", "models": models, "data": {"dataset": "npz", "path": "i.npz"}, "checks": checks}
    validator = Draft202012Validator(specs)
    seen = 0
    for path in PAGES:
        if path.name == "gate-in-ci.md":  # which shows what CI is told, not what a spec says
            continue
        for text in _block(path.read_text(encoding="utf-8"), "yaml"):
            given, _ = parse(text.replace("0a1b…", "a" * 64), _page(path))
            if "apiVersion" in given:  # what another program is told
                continue
            if isinstance(given, list):
                given = {"checks": given}
            elif not keys & set(given):
                given = {"models": given}
            mistakes = [error.message for error in validator.iter_errors({**base, **given})]
            assert not mistakes, f"{_page(path)}:\n{text}"
            seen += 1
    assert seen >= 12


@pytest.mark.slow
def test_the_tutorial_works_in_an_empty_folder(pytester, monkeypatch):
    pytest.importorskip("sklearn", reason="the tutorial's digits are scikit-learn's")
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    (program,), (spec,) = _block(TUTORIAL, "python", "make_model.py"), _block(TUTORIAL, "yaml", "mine.audit.yaml")
    pytester.makepyfile(make_model=program)
    trained = pytester.run(sys.executable, "make_model.py")
    assert trained.ret == 0, trained.stderr.str()

    file = pytester.path / "mine.audit.yaml"
    (of_readme,) = _block(README, "yaml")
    for text in (of_readme, *_block((DOCS / "index.md").read_text(encoding="utf-8"), "yaml"), spec):
        file.write_text(text, encoding="utf-8")
        said = CliRunner().invoke(main, ["validate", str(file)])
        assert said.exit_code == 0, said.output

    for many, few in FEWER:
        assert many in spec
        spec = spec.replace(many, few)
    file.write_text(spec, encoding="utf-8")
    result = pytester.run(sys.executable, "-m", "auditor", "run", file.name)
    assert result.ret == 0, result.stdout.str()
    result.stdout.fnmatch_lines(["*2 planned, 2 pass*", f"report: *{Path('reports', 'mine', 'index.html')}"])
