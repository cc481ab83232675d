"""Damage checkpoints in many ways and see what becomes of each, in a process of its own that a parser may take down.

`python -m tests.models.fuzz COUNT [FORM]...` tries so many damages in every form, or in these, and prints a table of
how they ended: "opened", "refused" by a ModelError, "escaped" with any other error, "crashed" or "hung". Each damaged
file is scanned before it is opened, as in an audit. Of `http` it is a server's answers that are damaged.
"""

import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import urlopen

import numpy as np

from tests.models.serving import start

SECONDS = 4  # for each, on a busy machine
AT_ONCE = 250
FUZZED = (
    "keras",
    "keras, legacy .h5",
    "weights",
    "saved_model of Keras",
    "saved_model of a module",
    "tf1_checkpoint",
    "frozen_graph",
    "tflite",
    "onnx",
    "torch script",
    "torch export",
    "tfjs",
    "http, TensorFlow Serving",
    "http, KServe",
)
# What may stand in JSON where something else is expected, as text: some of it no program would write.
ODDITIES = (
    *("null", "true", "-1", "0", "1.5", "1e400", "-1e39", "NaN", "Infinity", "18446744073709551616", "1" * 5000),
    *('""', '"x"', '"NaN"', '"FP32"', '"DT_INT64"', '"\\u0000"', '"\\ud800"', "[]", "{}", '{"a":1}'),
    *("[[]]", "[1,[2]]", "[null]", "[true]", "[1e400]", '["1"]', "[-1,3]", "[2,3,1]", "[0,0]", "[1.5,2]", "[1e99,3]"),
    *("[" * 9000 + "]" * 9000, f"[{'0,' * 10**5}0]", '{"a":' * 2000 + "1" + "}" * 2000),
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


def altered(answer: bytes, number: int) -> bytes:
    """For odd numbers change bytes of an answer anywhere, else put something odd into its JSON, or take a part out."""
    if number % 2 or not number:
        return damaged(answer, number)
    random = np.random.default_rng(number)
    head, body = answer.split(b"\r\n\r\n", 1)
    content = json.loads(body)
    places = list(_places(content))
    at, key = places[random.integers(len(places))]
    odd = ODDITIES[random.integers(len(ODDITIES))]
    if random.random() < 0.2:
        del at[key]
    else:
        at[key] = "HERE"
    body = json.dumps({"whole": content}).replace('"HERE"', odd)[len('{"whole": ') : -1].encode()
    head = re.sub(rb"Content-Length: \d+", b"Content-Length: %d" % len(body), head)
    return head + b"\r\n\r\n" + body


def _places(content: Any) -> Iterator[tuple[Any, Any]]:
    """Every part of JSON below its top, by what holds it and where."""
    keys = content if isinstance(content, dict) else range(len(content)) if isinstance(content, list) else ()
    for key in keys:
        yield content, key
        yield from _places(content[key])


def outcomes(
    forms: Mapping[str, Mapping[str, Any]], folder: Path, count: int, module: str = "tests.models.fuzz"
) -> dict[str, dict[int, str]]:
    """What became of so many damages to each form, as above.

    forms: the parameters that open what lies in a folder of the form's place among them, below `folder`.
    """
    (folder / "forms.json").write_text(json.dumps(forms))
    found: dict[int, str] = {}
    while len(found) < count * len(forms):
        first, last = len(found), min(count * len(forms), len(found) + AT_ONCE)
        command = [sys.executable, "-m", module, "child", str(folder), str(count), str(first), str(last)]
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
    return {form: {n: found[place * count + n] for n in range(count)} for place, form in enumerate(forms)}


def try_damages(
    folder: Path,
    count: int,
    numbers: range,
    attempt: Callable[[str, Path, dict[str, Any]], object],
    refusal: type[Exception],
    damage: Callable[[str], Callable[[bytes, int], bytes]],
) -> None:
    """Damage copies, a file at a time, and print the number of each damage before it is tried, and then how it ended.

    attempt: opens a damaged copy, by its form, its folder and the parameters that lead there. damage: how files of a
    form are damaged.
    """
    forms = list(json.loads((folder / "forms.json").read_text()).items())
    copy = folder / "damaged"
    for total in numbers:
        (form, params), number = forms[total // count], total % count
        whole = folder / str(total // count)
        files = sorted(p.relative_to(whole) for p in whole.rglob("*") if p.is_file() and p.name != "checkpoint")
        moved = {k: v.replace(str(whole), str(copy)) if isinstance(v, str) else v for k, v in params.items()}
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(whole, copy)
        name = files[number // 2 % len(files)]
        (copy / name).write_bytes(damage(form)((whole / name).read_bytes(), number))
        print(total, flush=True)  # noqa: T201
        try:
            attempt(form, copy, moved)
            result = "opened"
        except refusal:
            result = "refused"
        except Exception as error:
            result = f"escaped: {type(error).__name__}: {error}".replace("\n", " ")
        print(total, result, flush=True)  # noqa: T201


def child(folder: Path, count: int, first: int, last: int) -> None:
    from auditor.loading.scanning import scan
    from auditor.values import ModelError
    from tests.models.formats import FORMS, opened

    server = start(lambda images: images, (1,))

    def attempt(form: str, copy: Path, params: dict[str, Any]) -> None:
        if FORMS[form].files:
            scan({str(path): path for path in copy.rglob("*") if path.is_file()})
        else:
            server.answer = lambda method: [(copy / method).read_bytes()]
            params = {**params, "url": server.url + params["url"]}
        classifier = opened(form, params)
        classifier.predict(np.full((2, *classifier.input_shape), 0.5, np.float32))

    def damage(form: str) -> Callable[[bytes, int], bytes]:
        return damaged if FORMS[form].files else altered

    try_damages(folder, count, range(first, last), attempt, ModelError, damage)


def written(forms: Sequence[str], folder: Path) -> dict[str, dict[str, Any]]:
    """Write forms as `outcomes` wants them, and return the parameters that open each."""
    from tests.models.formats import FORMS

    found = {}
    for place, form in enumerate(forms):
        whole = folder / str(place)
        whole.mkdir()
        params = FORMS[form].write(whole)
        found[form] = params if FORMS[form].files else answers_of(params, whole)
    return found


def answers_of(params: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Write down what a server answers when it is asked for its metadata and for two predictions."""
    from tests.models.formats import SHAPE

    images, url = np.full((2, *SHAPE), 0.5), params["url"]
    if params["protocol"] == "tensorflow_serving":
        asked = {"GET": (f"{url}/metadata", None), "POST": (f"{url}:predict", {"instances": images.tolist()})}
    else:
        given = {"name": "x", "shape": images.shape, "datatype": "FP32", "data": images.ravel().tolist()}
        asked = {"GET": (url, None), "POST": (f"{url}/infer", {"inputs": [given]})}
    for method, (address, body) in asked.items():
        with urlopen(address, json.dumps(body).encode() if body else None) as answer:
            content = answer.read()
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
        (folder / method).write_bytes(head.encode() + content)
    return {**params, "url": urlsplit(url).path, "batch_size": 2, "timeout": 3.0, "retries": 0}


def table(count: int, forms: Sequence[str]) -> None:
    print("| form | damages | opened | refused | any other error | crashed | hung |\n|---|---|---|---|---|---|---|")  # noqa: T201
    for form in forms:
        with tempfile.TemporaryDirectory() as folder:
            found = outcomes(written([form], Path(folder)), Path(folder), count)[form]
        show(form, found)


def show(form: str, found: Mapping[int, str]) -> None:
    """Print a line of the table, and to the other stream what no damage should lead to."""
    ends = Counter(end.split(":")[0] for end in found.values())
    shown = (str(ends[end]) for end in ("opened", "refused", "escaped", "crashed", "hung"))
    print(f"| {form} | {len(found)} | {' | '.join(shown)} |", flush=True)  # noqa: T201
    for number, end in found.items():
        if end not in ("opened", "refused"):
            print(f"{form}, {number}: {end}", file=sys.stderr, flush=True)  # noqa: T201


if __name__ == "__main__" and sys.argv[1] == "child":
    child(Path(sys.argv[2]), *map(int, sys.argv[3:]))
elif __name__ == "__main__":
    table(int(sys.argv[1]), sys.argv[2:] or FUZZED)
