"""What build servers are given follows their own schemas, and the commands in it do what they are there for."""

import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from jsonschema import Draft7Validator
from packaging.requirements import Requirement

from auditor.cli.main import main
from auditor.starting.installed import Source, source
from auditor.starting.pipelines import PIPELINES
from tests.plain import make_plain

ROOT = Path(__file__).parents[1]
SCHEMAS = ROOT / "tests" / "exports" / "schemas"
GUIDE = ROOT / "docs" / "tutorial" / "gate-in-ci.md"


def complaints(schema: str, document: Any) -> list[str]:
    validator = Draft7Validator(json.loads((SCHEMAS / f"{schema}.json").read_text("utf-8")))
    # YAML 1.1 takes `on` for true; GitHub takes it for a word.
    document = {"on" if key is True else key: value for key, value in document.items()}
    return [f"{error.json_path}: {error.message[:200]}" for error in validator.iter_errors(document)]


@cache
def shown(language: str) -> tuple[str, ...]:
    """The examples of the guide."""
    found = re.findall(rf"^    ```{language}\n(.*?)^    ```$", GUIDE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    return tuple("\n".join(line[4:] for line in text.splitlines()) for text in found)


ADDRESS = Source("robustness-auditor @ git+https://HOST/GROUP/auditor@COMMIT")


def pipeline(name: str, source: Source = ADDRESS) -> str:
    return PIPELINES[name].filled(source, "specs")


def action() -> Any:
    return yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))


def component() -> tuple[Any, Any]:
    about, jobs = yaml.safe_load_all((ROOT / "templates" / "audit.yml").read_text("utf-8"))
    return about, jobs


def test_they_follow_the_schemas_of_those_who_read_them():
    assert complaints("github-action", action()) == []
    workflow, included, hooks = map(yaml.safe_load, shown("yaml"))
    for text in (pipeline("github"), shown("yaml")[0]):
        assert complaints("github-workflow", yaml.safe_load(text)) == []
    about, jobs = component()
    for document in (jobs, about, included, yaml.safe_load(pipeline("gitlab"))):
        assert complaints("gitlab-ci", document) == []
    # And the schemas notice.
    assert complaints("github-action", {**action(), "runs": {"using": "composite"}})
    assert complaints("github-workflow", {**workflow, "jobs": {"audit": {"steps": []}}})
    assert complaints("gitlab-ci", {"audit": {"script": 3}})
    # What the guide says is what is there.
    given = next(step["with"] for step in workflow["jobs"]["audit"]["steps"] if "with" in step)
    assert set(given) <= set(action()["inputs"])
    assert set(included["include"][0]["inputs"]) <= set(about["spec"]["inputs"])
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))
    assert hooks["repos"][0]["hooks"] == [{"id": hook["id"]}]
    assert pipeline("jenkins").strip() == shown("groovy")[0]


COMMIT, DIGEST, HERE = "c0" * 20, "ab" * 32, "https://example.org/auditor"


@pytest.mark.parametrize(
    ("noted", "asked"),
    [
        (None, "robustness-auditor==0.1.0"),
        (
            {"url": HERE, "vcs_info": {"vcs": "git", "commit_id": COMMIT}, "subdirectory": "code"},
            f"robustness-auditor @ git+{HERE}@{COMMIT}#subdirectory=code",
        ),
        (
            {"url": f"{HERE}.whl", "archive_info": {"hashes": {"sha256": DIGEST}}},
            f"robustness-auditor @ {HERE}.whl#sha256={DIGEST}",
        ),
        ({"url": "file:///home/ada/auditor", "dir_info": {"editable": True}}, None),
        ({"url": "file:///home/ada/auditor.whl", "archive_info": {}}, None),
    ],
)
def test_a_build_server_installs_what_is_installed_here_and_never_whatever_bears_the_name(noted, asked):
    """pip notes whence a package came (PyPA specifications, direct URL data structure)."""
    found = source(noted and json.dumps(noted), "0.1.0")
    workflow = yaml.safe_load(pipeline("github", found))
    assert complaints("github-workflow", workflow) == []
    [command] = [run for step in workflow["jobs"]["audit"]["steps"] if "pip install" in (run := step.get("run", ""))]
    assert yaml.safe_load(pipeline("gitlab", found))["audit"]["script"][0] == command
    echoed = command.replace("pip install", "printf %s")
    told = subprocess.run(["bash", "-c", echoed], capture_output=True, text=True, check=False, env={})
    if asked is None:
        assert told.returncode != 0
        assert "or an address of robustness-auditor 0.1.0" in told.stderr
        # A variable of a repository reaches no step by itself on GitHub; elsewhere it does.
        [step] = [step for step in workflow["jobs"]["audit"]["steps"] if "pip install" in step.get("run", "")]
        assert step["env"] == {"AUDITOR": "${{ vars.AUDITOR }}"}
        assert all(PIPELINES[name].where in pipeline(name, found) for name in PIPELINES)
        assert all(pipeline(name, found).splitlines()[0].endswith("of this machine.") for name in PIPELINES)
        assert "file:" not in pipeline("jenkins", found)
    else:
        assert told.stdout == asked
        assert str(Requirement(told.stdout)).startswith("robustness-auditor")
        assert f'pip install "{asked}"\'' in pipeline("jenkins", found)


# Of each, the first that runs on Node 24: GitHub's machines have had no other since September 2026. CodeQL's third ends
# in December.
CURRENT = {
    "actions/cache": 5,
    "actions/checkout": 6,
    "actions/setup-python": 6,
    "actions/upload-artifact": 7,
    "github/codeql-action/upload-sarif": 4,
}


def test_what_is_borrowed_still_runs():
    texts = [(ROOT / "action.yml").read_text("utf-8"), pipeline("github"), shown("yaml")[0]]
    used = [line for text in texts for line in re.findall(r"uses: (\S+)@v(\S+)", text) if "OWNER" not in line[0]]
    assert {name for name, _ in used} == set(CURRENT)
    assert [(name, version) for name, version in used if int(version) < CURRENT[name]] == []


@pytest.mark.parametrize("name", PIPELINES)
def test_a_path_with_a_space_is_one_word(name):
    text = PIPELINES[name].filled(ADDRESS, "audits of ours/a.audit.yaml")
    [line] = [line for line in text.splitlines() if "auditor run" in line]
    if name == "jenkins":
        command = re.search(r"script: '([^']*)'", line)[1]
    else:
        found = yaml.safe_load(text)
        steps = (
            found["audit"]["script"] if name == "gitlab" else [s.get("run") for s in found["jobs"]["audit"]["steps"]]
        )
        [command] = [step for step in steps if step and "auditor run" in step]
    assert shlex.split(command)[2] == "audits of ours/a.audit.yaml"


def test_no_text_of_a_stranger_becomes_part_of_a_script():
    """What a branch or a pull request is called reaches a shell as a variable, if at all."""
    for step in action()["runs"]["steps"]:
        assert "${{" not in step.get("run", "")


def locked() -> list[str]:
    """What the lock names, without the hashes, which pip wants of everything or nothing."""
    lines = (ROOT / "requirements" / "dev.txt").read_text("utf-8").splitlines()
    return [line.removesuffix(" \\") for line in lines if line[:1].isalnum()]


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a spec of which a case fails, and programs that note what they are asked for."""
    folder = tmp_path_factory.mktemp("work")
    checks = "- {id: right, check: act, model: a, expect: {accuracy: {min: 0.9}}}\n"
    make_plain(folder, checks + "- {id: wrong, check: act, model: a, expect: {accuracy: {max: 0.5}}}\n")
    tools = folder / "bin"
    tools.mkdir()
    (tools / "auditor").write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m auditor "$@"\n')
    (tools / "gh").write_text('#!/bin/sh\necho "$@" >> asked\ncase "$*" in *--paginate*) cat known;; esac\n')
    for tool in tools.iterdir():
        tool.chmod(0o755)
    return folder


def shell(script: str, folder: Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    path = f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
    whole = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT), "RUNNER_TEMP": str(folder), **environment}
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script]
    return subprocess.run(command, cwd=folder, env=whole, capture_output=True, text=True, check=False, timeout=120)


@pytest.fixture
def python(work: Path) -> Iterator[Path]:
    """A Python that installs nothing; what it was asked for."""
    tool = work / "bin" / "python"
    tool.write_text('#!/bin/sh\nprintf "%s\\n" "$@" > installed\n')
    tool.chmod(0o755)
    yield work / "installed"
    tool.unlink()


def test_what_the_action_runs(work, python):
    steps = {step["name"]: step for step in action()["runs"]["steps"] if "run" in step}
    for extras, asked in (("", str(ROOT)), ("onnx,parquet", f"{ROOT}[onnx,parquet]")):
        assert shell(steps["Install"]["run"], work, SOURCE=str(ROOT), EXTRAS=extras).returncode == 0
        assert python.read_text().splitlines()[-3:] == ["--constraint", str(work / "locked.txt"), asked]
    assert (work / "locked.txt").read_text().splitlines() == locked()
    summary, output = work / "summary.md", work / "output"
    done = shell(
        steps["Audit"]["run"],
        work,
        SPECS="plain.audit.yaml -p no:cacheprovider",
        REPORTS="made here",
        GITHUB_STEP_SUMMARY=str(summary),
        GITHUB_OUTPUT=str(output),
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert output.read_text() == "exit-code=1\n"
    assert "::error title=Robustness audit::A gate isn't met" in done.stdout
    assert summary.read_text().count("## ✕ plain: fail") == 1
    assert (work / "made here" / "plain" / "results.sarif").is_file()
    told = {"GH_TOKEN": "t", "REPOSITORY": "o/r", "NUMBER": "7"}
    for known, asked in (
        ("", "--method POST repos/o/r/issues/7/comments"),
        ("12\n13\n", "PATCH repos/o/r/issues/comments/12"),
    ):
        (work / "known").write_text(known)
        done = shell(steps["Comment"]["run"], work, **told)
        assert done.returncode == 0, done.stderr
        assert asked in (work / "asked").read_text().splitlines()[-1]
    assert (work / "audit-comment.md").read_text().startswith("<!-- robustness audit -->\n## ✕ plain: fail")


def test_what_the_component_runs(work):
    about, jobs = component()
    inputs = {name: given.get("default", "") for name, given in about["spec"]["inputs"].items()} | {
        "specs": "plain.audit.yaml"
    }

    def script(part: str) -> str:
        return re.sub(r"\$\[\[ inputs\.(\w+) \]\]", lambda m: inputs[m[1]], "\n".join(jobs["audit"][part]))

    assert shell(script("script"), work).returncode == 1
    done = shell(script("after_script"), work)
    assert done.returncode == 0, done.stderr
    artifacts = jobs["audit"]["artifacts"]
    assert all((work / name).exists() for name in (*artifacts["paths"], *artifacts["reports"].values()))
    (found,) = json.loads((work / "gl-code-quality.json").read_text())
    assert found["description"].startswith("wrong: ")
    (run,) = json.loads((work / "results.sarif").read_text())["runs"]
    assert [result["properties"]["case"] for result in run["results"]] == ["wrong"]


def test_images_have_git():
    """Docker's slim images of Python have none: pip fetches no address of git's then, and no report tells a commit."""
    about, _ = component()
    images = [about["spec"]["inputs"]["image"]["default"], yaml.safe_load(pipeline("gitlab"))["audit"]["image"]]
    images += re.findall(r"image '(\S+)'", pipeline("jenkins") + shown("groovy")[0])
    assert len(images) == 4
    assert all(re.fullmatch(r"python:3\.\d+", image) for image in images)


def test_what_pre_commit_runs(work, monkeypatch):
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))
    spec = work / "one.audit.yaml"
    spec.write_text("audit: one\nchekcs: []\n")
    assert re.search(hook["files"], str(spec))
    program, *arguments = hook["entry"].split()
    assert program == "auditor"
    done = CliRunner().invoke(main, [*arguments, str(spec)])
    spec.unlink()
    assert done.exit_code == 2
    assert "did you mean 'checks'?" in done.output


def test_what_jenkins_runs(work):
    """The steps in their order; `post` ends at the first that fails, and `junit` is one that may."""
    script = pipeline("jenkins").replace(".venv/bin/auditor", "auditor").replace("run specs", "run plain.audit.yaml")
    first, second, audit = re.findall(r"\bsh(?: |\(script: )'([^']*)'", script)
    assert "pip install" in second
    stale = work / "reports" / "earlier" / "junit.xml"
    stale.parent.mkdir(parents=True, exist_ok=True)
    stale.write_text("<testsuites/>")
    assert shell(first, work).returncode == 0
    done = shell(audit, work)
    assert done.returncode == 1, done.stdout + done.stderr
    steps = re.findall(r"^      (\w+) .*$", script.split("always {")[1], re.MULTILINE)
    assert steps == ["archiveArtifacts", "junit"]
    assert "allowEmptyResults: true" in script
    (found,) = work.glob(re.search(r"testResults: '([^']*)'", script)[1])
    assert found == work / "reports" / "plain" / "junit.xml"
    assert (work / "reports" / "page.css").is_file(), "a folder, as Jenkins shows no other"


def test_a_container_is_slim_and_runs_without_rights(work):
    text = (ROOT / "Dockerfile").read_text("utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    last = next(i for i in reversed(range(len(lines))) if lines[i].startswith("FROM "))
    assert lines[last] == "FROM python:${PYTHON}-slim"
    assert [line for line in lines[last:] if line.startswith(("USER", "ENTRYPOINT"))] == [
        "USER 1000",
        'ENTRYPOINT ["auditor"]',
    ]
    ignored = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    kept = {line.lstrip("!") for line in ignored if line.startswith("!")}
    assert all((ROOT / name).exists() for name in kept)
    # Whatever the build reads is there: what the package is made of, and the lock.
    asked = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    lock = "requirements/dev.txt"
    assert kept == {"auditor", "pyproject.toml", lock, asked["readme"], *asked["license-files"]}
    assert ignored[1] == "*"
    constrained = re.search(r"RUN (sed [^>]*) > locked\.txt", text)[1]
    assert shell(constrained.replace(lock, str(ROOT / lock)), work).stdout.splitlines() == locked()
    # Built once, started often: nothing is compiled anew at each start, and nobody may write there later.
    built, run = "\n".join(lines[:last]), "\n".join(lines[last:])
    assert "--no-compile" not in built
    assert "PYTHONDONTWRITEBYTECODE" not in built
    assert "PYTHONDONTWRITEBYTECODE=1" in run
    # A mounted folder belongs to somebody else, and a user who is none of the image's has no home.
    assert "git config --system --add safe.directory '*'" in run
    assert "HOME=/tmp " in run
