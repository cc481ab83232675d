"""A model behind an endpoint: TensorFlow Serving's REST API, or the Open Inference Protocol (KServe v2, Triton).

What it measures
    Nothing by itself: it asks the served model that the checks measure.

Why it matters
    What is deployed is what is attacked: preprocessing, quantisation and the server's own batching included.

How to read it
    It gives no gradients. Attacks that need none (`square`, `hopskipjump`, `pointwise`, …) and `accuracy` work; what
    others find on the original network can be taken to it by `transfer`. There is no file to take a digest of: the
    record names the endpoint and the version it told, and a version that changes while it is audited is an error. What
    the endpoint runs under that version can't be seen. Images are sent as JSON, in batches of one size. Connection
    errors, timeouts and the statuses 502, 503 and 504 are tried again; redirects aren't followed, and no proxy is used.

References
    TensorFlow Serving, "RESTful API".
    Open Inference Protocol, REST: "open_inference_rest" of github.com/kserve/open-inference-protocol.
"""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from math import prod
from threading import Lock
from typing import Annotated, Any

import numpy as np
from pydantic import Field, model_validator

from auditor.classifiers import (
    SHOWN,
    Described,
    InputShape,
    ModelParameters,
    Protocol,
    address_problem,
    chosen,
    classifier,
    numbers,
    of_kserve,
    of_serving,
    opaque,
    part_of,
    taken_as,
)
from auditor.telling.numbers import times
from auditor.telling.reason import reason
from auditor.values import Classifier, Count, FloatArray, ModelError, Output, PositiveReal, Real

_RETRIED = (502, 503, 504)
_FLOATS = {"DT_FLOAT", "FP32"}
_MOST = 2**26  # numbers in a request, which take gigabytes as text


GIVES_GRADIENTS = False


class Params(ModelParameters):
    """Where the endpoint is, what it speaks, what it takes and gives."""

    url: str
    """The model's address, without `:predict`, `/infer` or a password: `http://host:8501/v1/models/mnist`,
    `https://host/v2/models/mnist/versions/3`."""
    protocol: Protocol
    """`tensorflow_serving` (`POST …:predict` with `instances`) or `kserve_v2` (`POST …/infer` with `inputs`)."""
    output: Output
    """What the model gives: `probabilities` (a softmax), `logits` (before it), `log_probabilities`, `sigmoid` (one for
    each class, or a single one for two), or `scores` (which rank classes, and are none of these)."""
    shape: InputShape | None = None
    """What it takes for one image: `[28, 28, 1]`, or `[784]` for rows; asked of the endpoint if left out."""
    signature: str | None = None
    """The signature to call, of TensorFlow Serving alone; its default one if left out."""
    input_name: str | None = None
    """The input that takes the images; needed only where the endpoint doesn't tell, or there are several."""
    output_name: str | None = None
    """The output to take; needed only where there are several."""
    batch_size: Count = 32
    """How many images are sent at a time; the last batch is filled up."""
    timeout: PositiveReal = 30.0
    """Seconds to wait for a connection, and for an answer to its end."""
    retries: Annotated[int, Field(ge=0, le=20)] = 3
    """How often what may be tried again is."""
    backoff: Annotated[Real, Field(ge=0)] = 0.5
    """Seconds before the second retry, doubled before each further one; the first follows at once."""
    token_variable: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")] | None = None
    """The name of an environment variable that holds a bearer token; the token itself is kept nowhere."""

    @model_validator(mode="after")
    def _usable(self) -> "Params":
        problem = address_problem(self.url, self.protocol, self.token_variable is not None)
        if problem:
            raise ValueError(problem)
        if self.signature and self.protocol != "tensorflow_serving":
            raise ValueError("`signature` is of TensorFlow Serving; a model of kserve_v2 has none")
        return self


def known_by(params: Params) -> Mapping[str, str]:
    """The endpoint and the version that it tells now; raise ModelError if it can't be reached."""
    return {"endpoint": params.url, "version": _Endpoint(params).described.version}


def load(params: Params) -> Classifier:
    """Ask the endpoint what it takes, and try it; raise ModelError if it can't be used."""
    endpoint = _Endpoint(params)
    shape = endpoint.shape
    if prod(shape) * params.batch_size > _MOST:
        message = f"{params.batch_size} of them are more than {_MOST} numbers, the most that one request may hold"
        raise ModelError(f"{params.url} takes images of {times(shape)}, and {message}; a smaller `batch_size` may help")
    run = _Runner(endpoint, shape, Lock())
    if len(shape) > 3:
        raise ModelError(f"{params.url} takes {times(shape)} for one image; height, width and channels are needed")
    return classifier(params.url, params.output, taken_as(shape), opaque(run), batch=params.batch_size, own=run)


@dataclass(frozen=True, eq=False)
class _Endpoint:
    """Sends requests, and says what is wrong with answers."""

    params: Params

    @cached_property
    def _token(self) -> str:
        """The bearer token, or nothing. It is looked at before the HTTP library sees it, whose errors would show it."""
        name = self.params.token_variable
        token = os.environ.get(name, "") if name else ""
        if name and not re.fullmatch(r"[\x21-\x7e]+", token):
            what = "holds blanks or letters that a header can't" if token else "is not set"
            raise ModelError(f"{self.params.url} wants a token, but the environment variable {name} {what}")
        return token

    @cached_property
    def _pool(self) -> Any:
        import urllib3

        from auditor.classifiers.connections import pool

        retry = urllib3.Retry(
            total=self.params.retries,
            other=0,  # a certificate that can't be trusted stays so
            allowed_methods=None,  # a prediction changes nothing, so POST may be repeated
            status_forcelist=_RETRIED,
            backoff_factor=self.params.backoff,
            redirect=False,
            raise_on_status=False,
            respect_retry_after_header=False,  # it could make an audit wait for hours
        )
        return pool(self.params.timeout, retry)

    def asked(self, end: str, body: Any = None, absent: bool = False) -> Any:
        """The JSON at the model's address with `end`, to GET or, with a body, to POST.

        absent: whether None is returned where there is nothing (404 and alike). Raises ModelError for all else.
        """
        import urllib3

        from auditor.classifiers.connections import LARGEST, TooLongError

        url = self.params.url + end
        headers = {"Accept": "application/json", "Content-Type": "application/json"}
        headers |= {"Authorization": f"Bearer {self._token}"} if self._token else {}
        content = None if body is None else json.dumps(body).encode()
        method = "GET" if body is None else "POST"
        try:
            answer = self._pool.request(
                method, url, body=content, headers=headers, redirect=False, decode_content=False
            )
        except TooLongError as error:
            most = f"more than {LARGEST >> 20} MB, which no scores need"
            raise ModelError(f"{url} answers with {most}; is `url` right, or `batch_size` too great?") from error
        except urllib3.exceptions.HTTPError as error:
            raise ModelError(f"{url} {self._unreached(error)}") from error
        if absent and answer.status in (404, 405, 501):
            return None
        if 300 <= answer.status < 400:
            target = self._safe(answer.headers.get("Location", "nowhere"))
            raise ModelError(f"{url} redirects to {target}; redirects aren't followed: name the right `url`")
        if answer.status != 200:
            tries = f" after {self.params.retries + 1} tries" if answer.status in _RETRIED else ""
            raise ModelError(f"{url} answers {answer.status} {answer.reason}{tries}: {self._shown(answer.data)}")
        try:
            return json.loads(answer.data)
        except (ValueError, RecursionError) as error:  # the latter of lists in lists in lists
            kind = answer.headers.get("Content-Encoding") or answer.headers.get("Content-Type", "something untyped")
            message = f"answers with {kind} where JSON is needed: {self._shown(answer.data)}"
            raise ModelError(f"{url} {message}") from error

    def _unreached(self, error: Exception) -> str:
        """Why no answer came, in words."""
        import urllib3

        why = getattr(error, "reason", None) or error
        tries = f"{self.params.retries + 1} tries" if self.params.retries else "one try"
        if isinstance(why, urllib3.exceptions.NewConnectionError | urllib3.exceptions.NameResolutionError):
            return f"can't be reached in {tries}: {str(why).rpartition(': ')[2]}; is the server up?"
        if isinstance(why, urllib3.exceptions.TimeoutError):
            seconds = f"{self.params.timeout:g} s"
            return f"gave no answer within {seconds} in {tries}; a greater `timeout` or a smaller `batch_size` may help"
        if isinstance(why, urllib3.exceptions.SSLError):
            return f"can't be reached over TLS: {self._safe(reason(why))}"
        return f"gave no answer in {tries}: {self._safe(reason(why))}"

    def _shown(self, data: bytes) -> str:
        text = " ".join(data[: 4 * SHOWN].decode(errors="replace").split())
        return repr(self._safe(text[:SHOWN])) if text else "nothing"

    def _safe(self, text: str) -> str:
        """What a server says, without the token, should it say that."""
        return text.replace(self._token, "…") if self._token else text

    @cached_property
    def described(self) -> Described:
        """What the endpoint tells of its model; nothing where it has no metadata."""
        serving = self.params.protocol == "tensorflow_serving"
        told = self.asked("/metadata" if serving else "", absent=True)
        if told is None:
            return Described()
        try:
            return of_serving(told, self.params.signature) if serving else of_kserve(told)
        except (AttributeError, KeyError, TypeError, ValueError, IndexError, OverflowError) as error:
            raise ModelError(f"{self.params.url} tells metadata that aren't those of {self.params.protocol}") from error

    @cached_property
    def source(self) -> str:
        """The name of the input that takes the images; nothing where nobody says."""
        known = self.described.inputs
        if known is None:
            if self.params.protocol == "kserve_v2" and self.params.input_name is None:
                told = f"{self.params.url} doesn't tell its inputs; is that the model's name? If it is"
                raise ModelError(f"{told}, name the one for images in `input_name`")
            return self.params.input_name or ""
        name = chosen(self.params.input_name, known, "input_name", self.params.url)
        if len(known) > 1:
            raise ModelError(f"{self.params.url} takes several inputs ({', '.join(known)}); one alone is needed")
        kind = known[name][0]
        if kind not in _FLOATS:
            raise ModelError(f"{self.params.url} takes {kind} for {name!r}; only 32-bit floats can be attacked")
        return name

    @cached_property
    def shape(self) -> tuple[int, ...]:
        """What the endpoint takes for one image: as the spec says, which must fit what it tells, or as it tells."""
        written, name = self.params.shape, self.source
        told = self.described.inputs[name][1][1:] if self.described.inputs else ()
        if written is None:
            if not told or min(told) < 1:
                what = f"takes the shape {list(told)};" if told else "doesn't tell what it takes; if `url` is right,"
                raise ModelError(f"{self.params.url} {what} write the shape of one image, as in `shape: [28, 28, 1]`")
            return told
        if told and (len(told) != len(written) or any(a not in (b, -1) for a, b in zip(told, written, strict=True))):
            raise ModelError(f"{self.params.url} takes {times(told)}, but `shape` is {times(tuple(written))}")
        return tuple(written)


@dataclass(frozen=True, eq=False)
class _Runner:
    """Asks for predictions in batches of one size, one after the other. shape: of one image, as the endpoint takes
    it.
    """

    endpoint: _Endpoint
    shape: tuple[int, ...]
    lock: Lock

    def __call__(self, images: FloatArray) -> FloatArray:
        """Map images (N, H, W, C) float32 to outputs (N, classes) float32."""
        size = self.endpoint.params.batch_size
        parts = [images[i : i + size] for i in range(0, len(images), size)]
        with self.lock:
            return np.concatenate([self._predicted(part, size) for part in parts])

    def _predicted(self, images: FloatArray, size: int) -> FloatArray:
        filled = np.concatenate([images, np.repeat(images[-1:], size - len(images), axis=0)])
        given = filled.reshape(size, *self.shape)
        serving = self.endpoint.params.protocol == "tensorflow_serving"
        found = self._served(given) if serving else self._inferred(given)
        if found.ndim != 2 or len(found) != size:
            wanted = f"{size} images should give {size} rows of scores"
            raise ModelError(f"{self.endpoint.params.url}: {wanted}, but gave the shape {found.shape}")
        return found[: len(images)]

    def _served(self, images: FloatArray) -> FloatArray:
        params = self.endpoint.params
        body = {"instances": images.tolist()}
        body |= {"signature_name": params.signature} if params.signature else {}
        rows = part_of(self.endpoint.asked(":predict", body), "predictions", params.url)
        if rows and isinstance(rows[0], dict):  # a signature of several outputs
            name = chosen(params.output_name, rows[0], "output_name", params.url)
            rows = [row.get(name) if isinstance(row, dict) else None for row in rows]
        return numbers(rows, params.url)

    def _inferred(self, images: FloatArray) -> FloatArray:
        params, name = self.endpoint.params, self.endpoint.source
        data = {"name": name, "shape": list(images.shape), "datatype": "FP32", "data": images.ravel().tolist()}
        answer = self.endpoint.asked("/infer", {"inputs": [data]})
        outputs = part_of(answer, "outputs", params.url)
        known = {str(part.get("name")): part for part in outputs if isinstance(part, dict)}
        target = known[chosen(params.output_name, known, "output_name", params.url)]
        if target.get("datatype") not in ("FP16", "FP32", "FP64"):
            raise ModelError(f"{params.url}: output {target['name']!r} is {target.get('datatype')}; floats are needed")
        values, shape = numbers(target.get("data"), params.url), target.get("shape")
        try:
            return values.reshape(shape)  # data may lie flat, whatever its shape
        except (TypeError, ValueError, OverflowError) as error:
            raise ModelError(f"{params.url} gives {values.size} numbers and calls them {shape}") from error
