"""What is installed is told as it is, and a shell completes what there is."""

import importlib.metadata
import subprocess
import tomllib
from pathlib import Path

from click.testing import CliRunner
from packaging.requirements import Requirement

from auditor.cli import doctor
from auditor.cli.main import main

PROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text("utf-8"))["project"]


def asked(*arguments, **environment):
    return CliRunner(env=environment).invoke(main, arguments, prog_name="auditor")


def test_every_extra_is_spoken_of_with_what_it_brings():
    extras = PROJECT["optional-dependencies"]
    assert set(doctor.USES) == set(extras) - {"dev"}
    for extra in doctor.USES:
        assert {part.name for part in doctor.parts(extra)} == {Requirement(text).name for text in extras[extra]}
    assert {part.name for part in doctor.parts()} == {Requirement(text).name for text in PROJECT["dependencies"]}


def test_what_is_missing_or_too_old_is_said_with_what_installs_it(monkeypatch):
    true = importlib.metadata.version

    def version(name):
        if name == "onnxruntime":
            raise importlib.metadata.PackageNotFoundError(name)
        return "0.1" if name == "pyarrow" else true(name)

    monkeypatch.setattr(importlib.metadata, "version", version)
    done = asked("doctor", COLUMNS="160")
    assert done.exit_code == 0, done.output
    assert "pip install 'robustness-auditor[onnx]'   for format `onnx`" in done.output
    assert "0.1 doesn't fit" in done.output
    assert "[parquet]" in done.output
    assert "[demo]" not in done.output
    assert f" {true('tensorflow')} " in done.output
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "0.1" if name == "numpy" else true(name))
    done = asked("doctor")
    assert done.exit_code == 2
    assert "No audit runs without: numpy>=2.1" in done.output


def test_a_shell_completes_commands_and_names():
    for shell in ("bash", "zsh", "fish"):
        script = asked("completion", shell)
        assert script.exit_code == 0, script.output
        assert "_AUDITOR_COMPLETE" in script.output
        if shell == "bash":
            subprocess.run(["bash", "-n"], input=script.output, text=True, check=True)
    told = asked(_AUDITOR_COMPLETE="bash_complete", COMP_WORDS="auditor checks rob", COMP_CWORD="2")
    assert told.output.split() == ["plain,robust_accuracy"]
    told = asked(_AUDITOR_COMPLETE="bash_complete", COMP_WORDS="auditor doc", COMP_CWORD="1")
    assert told.output.split() == ["plain,doctor"]
