"""The `auditor` command."""

import json
import re
import shutil
import sys
import textwrap

import pytest
import yaml
from click.testing import CliRunner

from auditor import catalog
from auditor.checks import qualification
from auditor.cli.main import main
from tests.support import FLIP, INSIDE, spec


def invoke(*arguments):
    return CliRunner().invoke(main, [str(a) for a in arguments])


def auditor(project, *arguments):
    return project.run(sys.executable, "-m", "auditor", *arguments)


def test_help_names_every_command():
    text = invoke("--help").output
    assert all(name in text for name in ("run", "qualify", "validate", "checks", "schema", "report"))
    for name in main.commands:
        assert invoke(name, "--help").exit_code == 0


def test_run_ends_with_0_1_2_or_4(project):
    good = project.path / "good.audit.yaml"
    good.write_text(spec(FLIP, audit="good"))
    (project.path / "bad.audit.yaml").write_text(
        spec("- {id: clean, check: accuracy, expect: {accuracy: {max: 0.5}}}", audit="bad")
    )
    project.runpytest_inprocess("--audit-report=before")  # kept, so that most of these need no TensorFlow
    result = auditor(project, "run", "good.audit.yaml")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["*3 planned, 1 pass, 2 descriptive*", "report: *reports/good/index.html"])

    assert auditor(project, "run", "bad.audit.yaml").ret == 1
    forgiven = auditor(project, "run", "bad.audit.yaml", "--exit-zero")
    assert forgiven.stdout.str().count("violates accuracy") == 1  # where it failed
    forgiven.stdout.fnmatch_lines(["fail * clean * accuracy ≤ 50% asked, 100% measured *"])
    assert forgiven.ret == 0
    assert "--exit-zero" in forgiven.outlines[-1]

    # What couldn't be measured is no gate that isn't met, and no option makes it nothing.
    lost = "- {id: lost, check: accuracy, params: {first: 100000}}"
    (project.path / "lost.audit.yaml").write_text(spec(lost, audit="lost"))
    together = auditor(project, "run", "bad.audit.yaml", "lost.audit.yaml", "--exit-zero")
    assert together.ret == 4
    assert auditor(project, "report", "reports/lost", "reports/bad").ret == 4
    assert auditor(project, "report", "reports/bad").ret == 1
    (project.path / "lost.audit.yaml").unlink()
    shutil.rmtree(project.path / "reports" / "lost")

    (project.path / "wrong.audit.yaml").write_text("audit: wrong\n")
    both = auditor(project, "run", "wrong.audit.yaml", "good.audit.yaml", "--exit-zero")
    assert both.ret == 2
    both.stdout.fnmatch_lines(["*3 planned, 1 pass, 2 descriptive*"])  # the others' verdicts stand
    assert both.stdout.str().count("wrong.audit.yaml:1:1: `models` is missing") == 1
    (project.path / "empty").mkdir()
    assert auditor(project, "run", "empty").ret == 2

    # Reports are rendered again from the records alone, without TensorFlow.
    page = project.path / "reports" / "good" / "index.html"
    before = page.read_text()
    page.unlink()
    program = "import sys; from auditor.cli.main import main; main(['report', 'reports/good'], standalone_mode=False)"
    result = project.run(sys.executable, "-c", program + "; print('tensorflow' in sys.modules)")
    assert result.outlines[-1] == "False"
    assert page.read_text() == before
    assert auditor(project, "report").ret == 1, "one of the two audits did not pass"


@pytest.mark.slow
def test_qualify_runs_qualification_cases_alone_and_shows_what_was_caught(project, monkeypatch):
    # All of them take half a minute.
    decoys = ("lure", "vote", "clock")
    project.makeconftest(
        f"""
        from auditor.checks import qualification

        qualification.DISGUISES = {{name: qualification.DISGUISES[name] for name in {decoys}}}
        """
    )
    (project.path / "here.audit.yaml").write_text(
        spec(
            """\
            - {id: clean, check: accuracy, expect: {accuracy: {max: 0.1}}}
            - id: decoys
              check: qualification
              model: linear
              params: {eps: 0.5, samples: 20}
              expect: {missed: {max: 0}, false_alarms: {max: 0}}
            """
        )
    )
    # A process of its own runs the case, so that what is shown has to come from its record; and a project's `testpaths`
    # don't say where its specs are.
    monkeypatch.setattr(qualification, "DISGUISES", qualification.DISGUISES)  # to be as before afterwards
    project.runpytest_inprocess("--audit-report=before", "-k", "decoys")  # kept, so that it needs no TensorFlow
    project.makeini("[pytest]\ntestpaths = elsewhere")
    result = auditor(project, "qualify", "-n", "1")
    assert result.ret == 0
    result.stdout.fnmatch_lines(
        [
            "*2 planned, 1 pass, 1 not selected*",
            "tiny › decoys: pass",
            "Decoys by kind*",
            "*kind*decoys*passed*found out by*",
            "*honeypot*1*0*",
            "Decoys*",
            "*outcome*model*verdict*why*",
            *(f"*caught*{name}*" for name in (*decoys, "memory")),
            "Honest models*",
            "*right*linear*fail*what was measured*",
        ]
    )


@pytest.mark.slow
def test_qualify_ends_with_4_or_2_where_there_is_nothing_to_trust(project):
    holding = "- {id: decoys, check: qualification, model: linear, params: {eps: 0.01, samples: 10}}"
    (project.path / "holds.audit.yaml").write_text(spec(holding))
    result = auditor(project, "qualify")
    assert result.ret == 4
    result.stdout.fnmatch_lines(["*take a larger `eps`*", "tiny › decoys: error"])

    (project.path / "holds.audit.yaml").write_text(spec(FLIP))
    result = auditor(project, "qualify")
    assert result.ret == 2
    pasted = re.search(r"^  - id: decoys-are-caught\n(?:    .*\n)+", result.stderr.str(), re.MULTILINE)[0]
    (project.path / "holds.audit.yaml").write_text(spec(textwrap.dedent(pasted)))
    assert invoke("validate", project.path).exit_code == 0

    assert auditor(project, "qualify", "-m", "slow").ret == 2
    (project.path / "holds.audit.yaml").write_text("audit: wrong\n")
    assert auditor(project, "qualify").ret == 2


def test_validate_shows_every_mistake_with_its_place(project):
    (project.path / "wrong.audit.yaml").write_text(spec("- {id: a, check: acuracy}\n- {id: a, check: accuracy}\n"))
    (project.path / "good.audit.yaml").write_text(spec(FLIP))
    result = invoke("validate", project.path)
    assert result.exit_code == 2
    assert "good.audit.yaml: 3 checks, 1 expectations" in result.output
    assert "wrong.audit.yaml:9:10: id 'a' is used twice" in result.output
    assert invoke("validate", project.path / "good.audit.yaml").exit_code == 0
    assert invoke("validate", project.path / "nowhere").exit_code == 2


def test_validate_imports_no_tensorflow(project):
    (project.path / "good.audit.yaml").write_text(spec(FLIP))
    program = "import sys; from auditor.cli.main import main; main(['validate', '.'], standalone_mode=False)"
    heavy = "print([n for n in ('tensorflow', 'keras', 'scipy.stats', 'matplotlib', 'PIL') if n in sys.modules])"
    result = project.run(sys.executable, "-c", f"{program}; {heavy}")
    assert result.outlines[-1] == "[]"


def test_checks_lists_all_and_explains_one():
    listing = invoke("checks").output
    assert all(name in listing for name in catalog.names("checks"))
    text = invoke("checks", "digit_flip").output
    assert all(word in text for word in ("Why it matters", "step_size", "flip_rate", "Szegedy"))
    wrong = invoke("checks", "digit_flop")
    assert wrong.exit_code == 2
    assert "did you mean 'digit_flip'?" in wrong.output


@pytest.mark.parametrize("command", ["checks", "attacks", "formats", "datasets"])
def test_every_extension_is_listed_and_explained_without_a_word_of_the_inside(command):
    kind = "models" if command == "formats" else command
    listing = invoke(command).output
    for name in catalog.names(kind):
        assert re.search(rf"^{name} ", listing, re.MULTILINE)
        told = CliRunner(env={"COLUMNS": "2000"}).invoke(main, [command, name])
        assert told.exit_code == 0
        assert invoke(command, name).output == invoke("checks", name).output, "whatever it is, `checks` explains it"
        documented, params = catalog.documentation(kind, name), catalog.params_of(kind, name)
        assert all(title in told.output for title in (*documented, "In a spec", "Parameters"))
        # Whole, and as it stands: what looks like a tag of Rich's is none.
        read = re.sub(r"\s", "", told.output)
        meanings = [info.description or "" for info in params.model_fields.values()]
        meanings += [info.text for info in catalog.metrics_of(name).values()] if kind == "checks" else []
        assert [text for text in (*documented.values(), *meanings) if re.sub(r"\s", "", text) not in read] == []
        [example] = re.findall(r"In a spec\n(.*)\n", told.output)
        needed = [field for field, info in params.model_fields.items() if info.is_required()]
        assert all(f"{field}: …" in example for field in needed), example
        yaml.safe_load(example)
        assert all(re.search(rf"^{field} ", told.output, re.MULTILINE) for field in params.model_fields)
        assert not INSIDE.search(told.output), INSIDE.search(told.output)
    wrong = invoke(command, "nothing-of-the-kind")
    assert wrong.exit_code == 2
    known = re.fullmatch(r"unknown (\w+) 'nothing-of-the-kind' \(known: (.+)\)\n", wrong.output)
    assert known, "no close name is made up"
    assert known[1] == command.removesuffix("s")
    assert known[2].split(", ") == list(catalog.names(kind)), "of its own kind alone"
    near = invoke(command, f"{name}x")
    assert near.output.startswith(f"unknown {known[1]} '{name}x'; did you mean '{name}'?")


def test_defaults_are_as_a_spec_says_them():
    told = " ".join(invoke("checks", "robust_accuracy").output.split())
    assert "[{attack: apgd, " in told
    assert re.search(r"norm +linf ", told)
    assert re.search(r"full_length +false ", told)
    assert "linf, l2" in invoke("attacks", "pgd").output


def test_schema_is_json():
    assert json.loads(invoke("schema").output)["type"] == "object"


def test_report_without_records(in_folder):
    result = invoke("report")
    assert result.exit_code == 2
    assert "auditor run" in result.output


def test_another_folder_than_was_meant_is_a_mistake_that_names_what_may_be_meant(in_folder):
    audit = in_folder / "reports" / "mine"
    audit.mkdir(parents=True)
    (audit / "run.json").write_text("{}")
    commands = ["explain", "figures", "verify", "model-index", "diff reports", "replay"]
    for command in commands:
        more = ["case"] if command == "replay" else []
        result = invoke(*command.split(), "reports", *more)
        assert result.exit_code == 2, (command, result.output)
        assert result.output == "reports holds no audit records (no run.json); reports/mine does\n", command
    assert invoke("figures", "reports/mine/run.json").exit_code == 2
    attested = invoke("attest", "reports", "--key", "audit.pem", "--new-key")
    assert attested.exit_code == 2
    assert not list(in_folder.glob("audit.*")), "no key is left of what can't be attested"
    assert invoke("schema", "--output", "made.json").output == "made.json\n"


@pytest.mark.slow
def test_a_check_is_one_new_file(project):
    """Copy the package, add one file: the check is known to the schema, the list, a run and its report."""
    import shutil
    from pathlib import Path

    import auditor as package

    copy = project.path / "auditor"
    shutil.copytree(Path(package.__file__).parent, copy)  # with what is compiled, which is as old as the source
    source = Path(__file__).parents[1] / "checks" / "example_check.txt"
    (copy / "checks" / "counted.py").write_text(source.read_text().replace("    BODY\n", ""))
    (project.path / "one.audit.yaml").write_text(
        spec("- {id: count, check: counted, params: {times: 2}, expect: {images: {min: 100}}}")
    )
    assert "Is this the example check?" in auditor(project, "checks").stdout.str()
    schema = auditor(project, "schema").stdout.str()
    assert '"counted"' in schema
    assert "Count every image so often." in schema
    result = project.run(sys.executable, "-m", "pytest", "-q")
    result.assert_outcomes(passed=1)
    page = (project.path / "reports" / "tiny" / "index.html").read_text()
    assert "120 images." in page
    assert "It shows how small a check can be." in page
