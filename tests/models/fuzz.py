"""Damage a checkpoint in many ways and see what becomes of each, in a process of its own that a parser may take down.

`python -m tests.models.fuzz FORM FOLDER FIRST LAST` prints the number of each damage before it is tried, then how it
ended: "opened", "refused" by a ModelError, or "escaped" with any other error. `python -m tests.models.fuzz COUNT
[FORM]...` tries so many in every form, or in these, and prints a table. Each damaged file is scanned before it is
opened, as in an audit.
"""

import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

SECONDS = 4  # for each, on a busy machine
AT_ONCE = 250
FUZZED = (
    "keras",
    "weights",
    "saved_model of Keras",
    "tf1_checkpoint",
    "tflite",
    "onnx",
    "torch script",
    "torch export",
)


def damaged(content: bytes, number: int) -> bytes:
    """Change up to eight bytes, for odd numbers near the ends, where formats keep their structure; for 0 none."""
    random = np.random.default_rng(number)
    changed = bytearray(content)
    for _ in range(random.integers(1, 9) if number else 0):
        at = int(random.integers(len(content)))
        if number % 2:
            at = int(random.choice([at % 512, -1 - at % 512]))
            at = max(-len(content), min(at, len(content) - 1))
        changed[at] = int(random.integers(256))
    return bytes(changed)


def outcomes(
    form: str, whole: Path, params: dict[str, object], count: int, module: str = "tests.models.fuzz"
) -> dict[int, str]:
    """What became of every damage to what is in folder `whole`: as above, or "crashed" or "hung"."""
    (whole.parent / "params.json").write_text(json.dumps(params))
    found: dict[int, str] = {}
    while len(found) < count:
        first, last = len(found), min(count, len(found) + AT_ONCE)
        command = [sys.executable, "-m", module, form, str(whole), str(first), str(last)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as child:
            try:
                said, _ = child.communicate(timeout=SECONDS * (last - first) + 60)
                end = "crashed"
            except subprocess.TimeoutExpired:
                child.kill()
                said, _ = child.communicate()
                end = "hung"
        # Native code may print lines of its own.
        for number, result in re.findall(r"^(\d+)(?: (opened|refused|escaped.*))?$", said, re.MULTILINE):
            found[int(number)] = result or end
        assert said, "the process didn't get to its first damage"
    return found


def try_damages(
    whole: Path,
    numbers: range,
    attempt: Callable[[Path, dict[str, Any]], object],
    refusal: type[Exception],
    damage: Callable[[bytes, int], bytes] = damaged,
) -> None:
    """Damage a copy of what is in folder `whole`, a file at a time, and print how each attempt to open it ends.

    attempt: opens a damaged copy, by its folder and the parameters that lead there.
    """
    params = json.loads((whole.parent / "params.json").read_text())
    folder = whole.parent / "damaged"
    moved = {k: v.replace(str(whole), str(folder)) if isinstance(v, str) else v for k, v in params.items()}
    files = sorted(path.relative_to(whole) for path in whole.rglob("*") if path.is_file() and path.name != "checkpoint")
    for number in numbers:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(whole, folder)
        name = files[number // 2 % len(files)]
        (folder / name).write_bytes(damage((whole / name).read_bytes(), number))
        print(number, flush=True)  # noqa: T201
        try:
            attempt(folder, moved)
            result = "opened"
        except refusal:
            result = "refused"
        except Exception as error:
            result = f"escaped: {type(error).__name__}: {error}".replace("\n", " ")
        print(number, result, flush=True)  # noqa: T201


def main(form: str, whole: Path, first: int, last: int) -> None:
    from auditor.errors import ModelError
    from auditor.scanning import scan
    from tests.models.formats import opened

    def attempt(folder: Path, params: dict[str, Any]) -> None:
        scan({str(path): path for path in folder.rglob("*") if path.is_file()})
        classifier = opened(form, params)
        classifier.predict(np.full((2, *classifier.input_shape), 0.5, np.float32))

    try_damages(whole, range(first, last), attempt, ModelError)


def table(count: int, forms: Sequence[str]) -> None:
    from tests.models.formats import FORMS

    print("| form | damages | opened | refused | escaped | crashed | hung |\n|---|---|---|---|---|---|---|")  # noqa: T201
    for form in forms:
        with tempfile.TemporaryDirectory() as folder:
            whole = Path(folder) / "whole"
            whole.mkdir()
            found = outcomes(form, whole, FORMS[form].write(whole), count)
        ends = Counter(end.split(":")[0] for end in found.values())
        shown = (str(ends[end]) for end in ("opened", "refused", "escaped", "crashed", "hung"))
        print(f"| {form} | {len(found)} | {' | '.join(shown)} |", flush=True)  # noqa: T201
        for number, end in found.items():
            if end not in ("opened", "refused"):
                print(f"{form}, {number}: {end}", file=sys.stderr, flush=True)  # noqa: T201


if __name__ == "__main__" and sys.argv[1].isdigit():
    table(int(sys.argv[1]), sys.argv[2:] or FUZZED)
elif __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
