"""A plan resolves names, keeps the order a person wrote where it can, and runs sources first."""

import sys
from pathlib import Path

import pytest

from auditor import catalog
from auditor.spec.plan import Plan, make_plan
from auditor.values import SpecError

HEAD = """\
audit: demo
seed: 5
models:
  release: {format: keras, path: models/a.keras, output: probabilities}
  other: {format: keras, path: models/b.keras, output: logits}
data: {dataset: npz, path: data.npz, box: [0, 255]}
checks:
"""
CLEAN = "  - {id: clean, check: accuracy}\n"
FLIP = "  - {id: flip, check: digit_flip, model: other}\n"
NOISE = "  - {id: noise, check: noise_to_target}\n"
ONTO = "  - {id: onto, check: transfer, params: {adversarial: [flip, noise], onto: [other]}}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with files that planning never opens."""
    (tmp_path / "models").mkdir()
    for name in ("models/a.keras", "models/b.keras", "data.npz"):
        (tmp_path / name).touch()
    return tmp_path


def plan(folder: Path, *checks: str) -> Plan:
    path = folder / "s.audit.yaml"
    path.write_text(HEAD + "".join(checks))
    return make_plan(path)


def order(made: Plan) -> list[str]:
    return [case.id for case in made.cases]


def test_the_written_order_is_kept_but_sources_run_first(folder):
    assert order(plan(folder, ONTO, CLEAN, NOISE, FLIP)) == ["flip", "noise", "onto", "clean"]
    assert order(plan(folder, NOISE, CLEAN, FLIP, ONTO)) == ["noise", "clean", "flip", "onto"]


def test_a_case_carries_everything_that_was_written(folder):
    text = (
        "  - id: clean\n    check: accuracy\n    model: other\n    title: Is it good?\n"
        "    expect: {accuracy: {min: 0.9, max: 1}, accuracy.7: {min: 1/2}}\n"
    )
    [case] = plan(folder, text).cases
    assert (case.title, case.model, case.line, case.needs) == ("Is it good?", "other", 8, ())
    assert [str(e) for e in case.expectations] == ["accuracy ≥ 0.9 and accuracy ≤ 1", "accuracy.7 ≥ 0.5"]


def test_what_is_left_out_has_a_default(folder):
    made = plan(folder, CLEAN)
    [case] = made.cases
    assert case.model == "release", "the first model"
    assert case.title == catalog.documentation("checks", "accuracy")[""]
    assert case.expectations == ()
    assert (made.spec.content.confidence, made.spec.content.interval) == (0.95, "exact")


def test_paths_are_taken_from_the_folder_of_the_spec(folder, monkeypatch):
    monkeypatch.chdir("/")
    made = plan(folder, CLEAN)
    assert made.models["release"].params.path == str(folder / "models" / "a.keras")
    written = {"path": "models/a.keras", "output": "probabilities", "preprocessing": None, "gradients": None}
    written |= {"output_name": None, "custom_objects": []}
    assert made.models["release"].shown == written
    assert made.data.params.path == str(folder / "data.npz")
    assert made.data.params.box == [0.0, 255.0]


def test_seeds_belong_to_cases_and_not_to_their_order(folder):
    first, second = plan(folder, CLEAN, NOISE), plan(folder, NOISE, CLEAN)
    assert first.case("clean").seed == second.case("clean").seed
    assert len({case.seed for case in first.cases}) == 2


def test_the_closure_of_cases_holds_all_they_need_in_running_order(folder):
    made = plan(folder, CLEAN, ONTO, NOISE, FLIP)
    assert [case.id for case in made.closure({"onto"})] == ["flip", "noise", "onto"]
    assert [case.id for case in made.closure({"noise", "clean"})] == ["clean", "noise"]
    assert made.closure(set()) == ()


def test_needs_name_each_source_once(folder):
    assert plan(folder, ONTO, NOISE, FLIP).case("onto").needs == ("flip", "noise")
    twice = ONTO.replace("[flip, noise]", "[flip, noise, flip]")
    with pytest.raises(SpecError, match="'flip' stands there twice"):
        plan(folder, twice, NOISE, FLIP)


@pytest.fixture
def relay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """An installed package with a check `relay` that takes images and makes images.

    None of the built-in checks does both, so this is what it takes to write a cycle.
    """
    site = tmp_path / "site"
    (site / "relay-1.dist-info").mkdir(parents=True)
    (site / "relay-1.dist-info" / "METADATA").write_text("Name: relay\nVersion: 1\n")
    (site / "relay-1.dist-info" / "entry_points.txt").write_text("[auditor.checks]\nrelay = relay_check\n")
    (site / "relay_check.py").write_text(
        '"""Pass images on."""\n'
        "from auditor.values import CaseIds, Parameters\n"
        "class Params(Parameters):\n    adversarial: CaseIds\n"
        "METRICS = {}\nMAKES_IMAGES = True\n"
    )
    monkeypatch.syspath_prepend(site)
    catalog._third_party.cache_clear()
    yield
    catalog._third_party.cache_clear()
    sys.modules.pop("relay_check", None)


def relayed(case_id: str, *sources: str) -> str:
    return f"  - {{id: {case_id}, check: relay, params: {{adversarial: [{', '.join(sources)}]}}}}\n"


def test_a_check_from_an_installed_package_plans_like_any_other(folder, relay):
    assert order(plan(folder, relayed("b", "a"), relayed("a", "flip"), FLIP)) == ["flip", "a", "b"]


def test_a_cycle_is_an_error_at_its_first_check(folder, relay):
    with pytest.raises(SpecError) as caught:
        plan(folder, CLEAN, relayed("a", "c"), relayed("b", "a"), relayed("c", "b"))
    [problem] = caught.value.problems
    assert (problem.line, problem.column) == (9, 5)
    said, ring = problem.message.split(": ")
    assert said == "these checks wait for each other"
    first, *others = ring.split(" → ")
    assert others[-1] == first
    assert sorted(others) == ["a", "b", "c"]


def test_many_ways_to_one_source_are_walked_once(folder, relay):
    """A ladder of 40 rungs has 2 to the 40 paths from top to bottom."""
    rungs = [relayed(f"{side}{i}", f"a{i - 1}", f"b{i - 1}") for i in range(1, 40) for side in "ab"]
    made = plan(folder, *reversed(rungs), relayed("a0", "flip"), relayed("b0", "flip"), FLIP)
    assert order(made)[0] == "flip"
    assert len(made.cases) == 81
