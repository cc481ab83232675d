"""Which commit a run is of, and why it isn't known where a repository is there."""

import json
import subprocess
from dataclasses import replace

import pytest

from auditor.exports import codequality, sarif
from auditor.records.commit import SAID, Commit, commit_of, place
from tests.report.page import every_state


@pytest.fixture
def repository(tmp_path, monkeypatch):
    for name in SAID:
        monkeypatch.delenv(name, raising=False)
    subprocess.run(["git", "init", "-q", tmp_path / "root"], check=True)
    return tmp_path / "root"


def refusing(folder, monkeypatch):
    """A git that takes whoever asks for a stranger, as in a container whose user doesn't own the files."""
    tool = folder / "git"
    tool.write_text("#!/bin/sh\necho \"fatal: detected dubious ownership in repository at '/work'\" >&2\nexit 128\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))


def test_where_git_refuses_it_is_said_why_and_the_build_server_is_asked(repository, tmp_path, monkeypatch):
    assert commit_of(repository) == Commit("")  # there is no commit yet, and nothing wrong
    refusing(tmp_path, monkeypatch)
    unknown = commit_of(repository)
    assert unknown.name == ""
    assert unknown.problem.startswith("which commit the spec is of isn't known: git says: detected dubious ownership")
    assert f"`git config --global --add safe.directory {repository}`" in unknown.problem
    for name in SAID:
        with monkeypatch.context() as patch:
            patch.setenv(name, "cafe")
            told = commit_of(repository)
        assert told.name == "cafe"
        assert told.problem.startswith("whether files were changed since its commit isn't known: git says: detected")
    monkeypatch.setenv("PATH", "")
    assert commit_of(repository).problem == "which commit the spec is of isn't known: git isn't installed"
    assert commit_of(tmp_path) == Commit("")  # no repository, no git asked


def test_paths_are_those_in_the_repository(repository, tmp_path):
    below = repository / "a folder" / "specs"
    below.mkdir(parents=True)
    assert place(below / "x.audit.yaml") == "a folder/specs/x.audit.yaml"
    assert place(tmp_path / "x.audit.yaml") == ""


def test_other_programs_find_the_spec_in_the_repository_and_what_makes_a_claim_weak():
    run = every_state()
    first = replace(run.cases[0], warnings=("one start alone",))
    run = replace(run, place="a folder/x.audit.yaml", remarks=("no seed",), cases=(first, *run.cases[1:]))
    (document,) = json.loads(sarif.render(run))["runs"]
    places = [result["locations"][0]["physicalLocation"]["artifactLocation"] for result in document["results"]]
    assert {place["uri"] for place in places} == {"a%20folder/x.audit.yaml"}
    assert {found["location"]["path"] for found in json.loads(codequality.render(run))} == {"a folder/x.audit.yaml"}
    weak = [result for result in document["results"] if result["ruleId"] == "weak-claim"]
    warned = [result["message"]["text"] for result in weak if result["level"] == "warning"]
    assert "no seed" in warned
    assert f"{first.id}: one start alone" in warned
