"""Load a checkpoint in another process first, where a crash, an endless load or a memory bomb does no harm.

That process is this module, run by itself: it serves one request after the other, and is started anew if one takes it
down. What has passed is remembered, so that a checkpoint costs this once.
"""

import hmac
import json
import os
import signal
import subprocess
import sys
import weakref
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as OutOfTime
from importlib.metadata import version
from math import prod
from pathlib import Path
from threading import Timer
from typing import Any

from auditor import catalog
from auditor.classifiers import of_shape
from auditor.compute import tensorflow
from auditor.spec import Source
from auditor.telling.reason import named_reason, trace
from auditor.values import ChoiceError, Classifier, ModelError, SizeError

_START_SECONDS = 300
_IDLE_SECONDS = 20  # then it is ended: with TensorFlow in it, it holds some 0.7 GB
_IMAGES = 2
_MOST, _VALUES = 100, 2_000_000  # images and numbers in a batch


class Prober:
    """Tries checkpoints in another process. cache: the folder that remembers which have passed; none if left out.

    secret: only who has it can name what has passed.
    """

    def __init__(self, cache: Path | None = None, secret: bytes = b"") -> None:
        self._cache = cache
        self._secret = secret
        self._child: _Child | None = None
        self._rest: Timer | None = None

    def refusal(self, name: str, source: Source, digests: Mapping[str, str]) -> ModelError | None:
        """Why the plan's model `name` can't be loaded and predict within the limits of its source, or None.

        digests: of its files. Raises RuntimeError for a defect of its format.
        """
        versions = [version(package) for package in ("tensorflow", "keras")]
        known = [source.extension, source.shown, source.allow_code, dict(digests), versions]
        known += [source.given] if source.given else []
        key = hmac.new(self._secret, json.dumps(known, sort_keys=True).encode(), "sha256").hexdigest()
        if self._cache is None:
            return self._try(name, source)
        passed = self._cache / "loaded" / key
        if passed.exists():
            return None
        if not _writable(passed.parent):
            return self._try(name, source)
        from filelock import FileLock

        with FileLock(passed.with_suffix(".lock")):  # others who want it wait, and then find that it has passed
            if passed.exists():
                return None
            refused = self._try(name, source)
            if not refused and _writable(passed.parent):  # the cache may have gone while it was tried
                passed.touch()
            return refused

    def _try(self, name: str, source: Source) -> ModelError | None:
        if self._rest:
            self._rest.cancel()
            self._rest.join()  # afterwards it has ended the process, or never will
        self._child = self._child if self._child and self._child.alive else _Child()
        tensorflow()  # the other process imports it too, which takes it seconds
        limits = source.safeguards
        gigabytes, seconds = limits.load_gigabytes, limits.load_seconds
        request = {"format": source.extension, "params": source.params.model_dump_json(), "given": source.given}
        reply = self._child.ask({**request, "allow_code": source.allow_code, "bytes": int(gigabytes * 1e9)}, seconds)
        self._rest = Timer(_IDLE_SECONDS, self._child.end)
        self._rest.daemon = True
        self._rest.start()
        problem = f"model {name!r} was loaded in another process first, and"
        way = "the spec can raise this model's `load_seconds` and `load_gigabytes`"
        if reply is None:
            return ModelError(f"{problem} took longer than {seconds:g} s ({way})")
        if isinstance(reply, str):
            return ModelError(f"{problem} took it down: {reply} (it had {gigabytes:g} GB; {way})")
        if "defect" in reply:
            raise RuntimeError(f"{problem} failed there: {reply['defect']}") from _ElsewhereError(reply["trace"])
        if "among" in reply:
            among = {part: None if shape is None else tuple(shape) for part, shape in reply["among"].items()}
            return ChoiceError(reply["problem"], reply["parameter"], among)
        refused = SizeError if "sizes" in reply else ModelError
        return refused(reply["problem"]) if reply["problem"] else None


def _writable(folder: Path) -> bool:
    """Whether notes can be left in a folder, which is made; whoever can't keeps none, as with a cache to read only."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.W_OK)


class _ElsewhereError(Exception):
    """What went wrong in the other process, as a traceback."""


class _Child:
    """The other process, ready to load."""

    def __init__(self) -> None:
        path = {"PYTHONPATH": os.pathsep.join(part for part in sys.path if part)}
        command = [sys.executable, "-m", "auditor.loading.probing"]
        self._process = subprocess.Popen(
            command,
            env={**os.environ, **path},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._reader = ThreadPoolExecutor(1)
        self.end = weakref.finalize(self, _end, self._process, self._reader)
        self._ready = False

    @property
    def alive(self) -> bool:
        """Whether it can be asked."""
        return self._process.poll() is None

    def ask(self, request: Mapping[str, Any], seconds: float) -> dict[str, Any] | str | None:
        """Return its reply, how it died, or None if it took longer and was ended."""
        if not self._ready and self._read(_START_SECONDS) != {"ready": True}:
            self.end()
            message = "the process that loads checkpoints first can't be started"
            raise ModelError(f"{message}; `{sys.executable} -m auditor.loading.probing` shows why")
        self._ready = True
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        reply = self._read(seconds)
        if reply is None or isinstance(reply, str):
            self.end()
        return reply

    def _read(self, seconds: float) -> dict[str, Any] | str | None:
        assert self._process.stdout is not None
        try:
            line = self._reader.submit(self._process.stdout.readline).result(seconds)
        except OutOfTime:
            return None
        if not line.endswith("\n"):
            return _how_it_died(self._process.wait())
        reply: dict[str, Any] = json.loads(line)
        return reply


def _end(process: "subprocess.Popen[str]", reader: ThreadPoolExecutor) -> None:
    process.kill()
    process.wait()
    reader.shutdown()
    for pipe in (process.stdin, process.stdout):
        if pipe:
            pipe.close()


def _how_it_died(code: int) -> str:
    if code >= 0:
        return f"it ended with exit code {code}"
    return f"it died of {signal.Signals(-code).name}"


# --- in the other process


def main() -> None:
    """Answer requests from standard input, one JSON object a line, until it is closed."""
    out = os.fdopen(os.dup(1), "w")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)  # native code may print
    tensorflow()
    print(json.dumps({"ready": True}), file=out, flush=True)
    for line in sys.stdin:
        print(json.dumps(_answer(json.loads(line))), file=out, flush=True)


def _answer(request: Mapping[str, Any]) -> dict[str, Any]:
    try:
        params = catalog.params_of("models", request["format"]).model_validate_json(request["params"])
        _limit_memory(request["bytes"])
        with of_shape(request["given"] and tuple(request["given"])):
            classifier = catalog.loader(request["format"], request["allow_code"])(params)
        _exercise(classifier)
    except ChoiceError as error:
        return {"problem": str(error), "parameter": error.parameter, "among": error.among}
    except SizeError as error:
        return {"problem": str(error), "sizes": "open"}
    except ModelError as error:
        return {"problem": str(error)}
    except MemoryError:
        return {"problem": "loading it takes more memory than it may"}
    except Exception as error:
        return {"defect": named_reason(error), "trace": trace()}
    return {"problem": ""}


def _exercise(classifier: Classifier) -> None:
    """Predict as an audit does: in whole batches, and in those of searches, which shrink.

    A runtime that reads or writes out of bounds may survive one prediction; seldom one after it has moved its tensors.
    """
    import numpy as np

    tf = tensorflow()
    for value in (0.0, 1.0):
        classifier.predict(np.full((_IMAGES, *classifier.input_shape), value, np.float32))
        for count in (1, min(_MOST, max(3, _VALUES // prod(classifier.input_shape))), 3):
            classifier.forward(tf.fill((count, *classifier.input_shape), value))


def _limit_memory(more: int) -> None:
    """Let this process take so many bytes more than it has now. Elsewhere than on Linux there is no such limit."""
    if sys.platform != "linux":
        return
    import resource

    pages = int(Path("/proc/self/statm").read_text("utf-8").split()[5])  # of data: what RLIMIT_DATA counts
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (pages * resource.getpagesize() + more, hard))


if __name__ == "__main__":
    main()
