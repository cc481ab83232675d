"""Private copies of checkpoints go with the process that made them, or with the next one."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from auditor.loading.holding import Files

# Another session: it makes its folder, says so, and then ends, fails or waits to be killed.
SESSION = """
import sys
from auditor.loading.holding import Files
files = Files()
(files.folder / "copy").write_text("a checkpoint")
print(files.folder, flush=True)
if sys.argv[1] == "fails":
    raise SystemExit(1)
if sys.argv[1] == "waits":
    sys.stdin.read()
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return tmp_path


def session(how: str) -> "tuple[subprocess.Popen[str], Path]":
    command = [sys.executable, "-c", SESSION, how]
    started = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    return started, Path(started.stdout.readline().strip())


def older(*folders: Path) -> None:
    for folder in folders:
        os.utime(folder / ".lock", (0, 0))


def test_what_a_killed_session_left_is_removed_by_the_next_and_nothing_else(place):
    for how in ("ends", "fails"):
        done, _ = session(how)
        done.communicate(timeout=60)
        assert list(place.iterdir()) == []
    (killed, left), (living, used), (just_killed, fresh) = (session("waits") for _ in range(3))
    for process in (killed, just_killed):
        process.kill()
        process.communicate()
    assert left.is_dir()
    other = place / "auditor-mine"
    other.mkdir()
    (other / "notes").touch()
    elsewhere = place / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / ".lock").write_text("kept")
    (place / "auditor-link").symlink_to(elsewhere)
    older(left, used, elsewhere)
    here = Files()
    folder = here.folder
    assert not left.exists()
    assert (used / "copy").read_text() == "a checkpoint", "its session lives"
    assert fresh.is_dir(), "whoever made it may be about to take its lock"
    assert (other / "notes").exists(), "nothing says that it is ours"
    assert (elsewhere / ".lock").read_text() == "kept", "a link leads elsewhere"
    living.communicate("", timeout=60)
    assert not used.exists()
    older(fresh, folder)
    there = Files()
    assert there.folder.is_dir()
    assert folder.is_dir(), "this process lives"
    assert not fresh.exists()
    del here, there
    assert {path.name for path in place.iterdir()} == {"auditor-mine", "auditor-link", "elsewhere"}
