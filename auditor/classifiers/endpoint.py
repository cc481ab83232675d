"""A model's endpoint: how it is asked, what may be tried again, and what it tells of itself."""

import json
import os
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from threading import Lock
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from auditor.classifiers.common import InputShape
from auditor.classifiers.opening import chosen
from auditor.classifiers.preprocessing import ModelParameters
from auditor.classifiers.protocols import (
    BINARY,
    SHOWN,
    Described,
    Protocol,
    address_problem,
    header_problem,
    kind_told,
    named_in,
    of_kserve,
    of_serving,
)
from auditor.classifiers.whole_numbers import Kind
from auditor.telling.numbers import times
from auditor.telling.reason import reason
from auditor.values import Count, ModelError, Output, PositiveReal, Real

_RETRIED = (429, 502, 503, 504)
_LENGTH = "Inference-Header-Content-Length"  # of the JSON before the bytes


class EndpointParameters(ModelParameters):
    """Where an endpoint is, what it speaks, what it takes and gives."""

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
    encoding: Literal["png", "jpeg"] | None = None
    """How images are sent, in place of numbers: as a file each, of 8 bits, in base64 (`b64` of TensorFlow Serving).
    Give it images in [0, 1], and write `shape`. JPEG changes pixels: what `eps` bounds isn't what the model sees."""
    quality: Annotated[int, Field(ge=1, le=100)] = 95
    """Of JPEGs, which are sent without subsampled colours."""
    binary: bool = False
    """Whether tensors are sent and got as bytes: Triton's binary tensor data extension of kserve_v2."""
    batch_size: Count = 32
    """How many images are sent at a time; the last batch is filled up."""
    concurrency: Annotated[int, Field(ge=1, le=64)] = 1
    """How many requests are under way at once. Which answer belongs to which image doesn't depend on it."""
    rate_limit: PositiveReal | None = None
    """How many requests may begin in a second; what is tried again waits by `backoff`."""
    timeout: PositiveReal = 30.0
    """Seconds to wait for a connection, and for an answer to its end."""
    retries: Annotated[int, Field(ge=0, le=20)] = 3
    """How often what may be tried again is. Where a server says how long to wait (`Retry-After`), that is waited, up to
    a minute."""
    backoff: Annotated[Real, Field(ge=0)] = 0.5
    """Seconds before the second retry, doubled before each further one; the first follows at once."""
    token_variable: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")] | None = None
    """The name of an environment variable that holds a bearer token; the token itself is kept nowhere."""

    headers: dict[str, str] = Field(default_factory=dict)
    """What else to send, such as `Authorization: "Bearer ${TOKEN}"`: every value names an environment variable, and
    what that holds is kept nowhere."""

    @model_validator(mode="after")
    def _usable(self) -> "EndpointParameters":
        secret = self.token_variable is not None or bool(self.headers)
        problem = address_problem(self.url, self.protocol, secret) or header_problem(self.headers)
        if not problem and self.token_variable and "authorization" in map(str.lower, self.headers):
            problem = "`token_variable` is sent as `Authorization`, which `headers` has, too; leave one of them out"
        serving = self.protocol == "tensorflow_serving"
        if not problem and self.binary and serving:
            problem = "`binary` is of kserve_v2; TensorFlow Serving's REST API has text alone"
        if not problem and self.encoding and (len(self.shape or ()) != 3 or (self.shape or [0])[-1] not in (1, 3)):
            problem = f"`encoding: {self.encoding}` needs the `shape` of grey or coloured images, as in [224, 224, 3]"
        if not problem and self.signature and not serving:
            problem = "`signature` is of TensorFlow Serving; a model of kserve_v2 has none"
        if problem:
            raise ValueError(problem)
        return self


@dataclass(eq=False)
class _Pace:
    """Lets requests begin no more often than so many a second."""

    rate: float | None
    lock: Lock = field(default_factory=Lock)
    free: float = 0.0

    def wait(self) -> None:
        """Wait until one may begin."""
        if self.rate is None:
            return
        with self.lock:
            now = time.monotonic()
            at = max(now, self.free)
            self.free = at + 1 / self.rate
        time.sleep(at - now)


@dataclass(frozen=True, eq=False)
class Endpoint:
    """Sends requests, and says what is wrong with answers."""

    params: EndpointParameters

    @cached_property
    def _pace(self) -> _Pace:
        return _Pace(self.params.rate_limit)

    @cached_property
    def _secrets(self) -> Mapping[str, str]:
        """What the environment variables hold, by name. They are looked at before the HTTP library sees them, whose
        errors would show them.
        """
        names = [name for text in self.params.headers.values() for name in named_in(text)]
        names += [self.params.token_variable] if self.params.token_variable else []
        found = {name: os.environ.get(name, "") for name in names}
        for name, secret in found.items():
            if not re.fullmatch(r"[\x21-\x7e]+", secret):
                what = "holds blanks or letters that a header can't" if secret else "is not set"
                raise ModelError(f"{self.params.url} wants a token, but the environment variable {name} {what}")
        return found

    @cached_property
    def _headers(self) -> Mapping[str, str]:
        found = {}
        for name, text in self.params.headers.items():
            for variable, secret in self._secrets.items():
                text = text.replace(f"${{{variable}}}", secret)
            found[name] = text
        token = self.params.token_variable
        return {**found, "Authorization": f"Bearer {self._secrets[token]}"} if token else found

    @cached_property
    def _pool(self) -> Any:
        from auditor.classifiers.connections import Patient, pool

        retry = Patient(
            total=self.params.retries,
            other=0,  # a certificate that can't be trusted stays so
            allowed_methods=None,  # a prediction changes nothing, so POST may be repeated
            status_forcelist=_RETRIED,
            backoff_factor=self.params.backoff,
            redirect=False,
            raise_on_status=False,
        )
        return pool(self.params.timeout, retry, self.params.concurrency)

    def asked(self, end: str, body: Any = None, absent: bool = False) -> Any:
        """The JSON at the model's address with `end`, to GET or, with a body, to POST.

        absent: whether None is returned where there is nothing (404 and alike). Raises ModelError for all else.
        """
        content = None if body is None else json.dumps(body).encode()
        answer = self._answered(self.params.url + end, content, {"Content-Type": "application/json"}, absent)
        return None if answer is None else self._read(self.params.url + end, answer, answer.data)

    def asked_in_bytes(self, end: str, body: Any, sent: bytes) -> tuple[Any, bytes]:
        """The same with bytes after the JSON, as Triton's extension has them: the JSON that comes, and what follows."""
        content, url = json.dumps(body).encode(), self.params.url + end
        headers = {"Content-Type": "application/octet-stream", _LENGTH: str(len(content))}
        answer = self._answered(url, content + sent, headers, False)
        length = answer.headers.get(_LENGTH, str(len(answer.data)))
        if not length.isdecimal() or int(length) > len(answer.data):
            raise ModelError(f"{url} says that {length[:SHOWN]} of its {len(answer.data)} bytes are JSON")
        return self._read(url, answer, answer.data[: int(length)]), answer.data[int(length) :]

    def _answered(self, url: str, content: bytes | None, headers: Mapping[str, str], absent: bool) -> Any:
        import urllib3

        from auditor.classifiers.connections import LARGEST, LONGEST, TooLongError, TooLongWaitError

        method, sent = "GET" if content is None else "POST", {"Accept": "application/json", **headers, **self._headers}
        self._pace.wait()
        try:
            answer = self._pool.request(method, url, body=content, headers=sent, redirect=False, decode_content=False)
        except TooLongError as error:
            most = f"more than {LARGEST >> 20} MB, which no scores need"
            raise ModelError(f"{url} answers with {most}; is `url` right, or `batch_size` too great?") from error
        except TooLongWaitError as error:
            told = f"asks to wait {error.seconds:.0f} s before it is asked again, which is more than {LONGEST} s"
            raise ModelError(f"{url} {told}; a lower `rate_limit` may help") from error
        except urllib3.exceptions.HTTPError as error:
            raise ModelError(f"{url} {self._unreached(error)}") from error
        if absent and answer.status in (404, 405, 501):
            return None
        if 300 <= answer.status < 400:
            target = self._safe(answer.headers.get("Location", "nowhere"))
            raise ModelError(f"{url} redirects to {target}; redirects aren't followed: name the right `url`")
        if answer.status != 200:
            tries = f" after {self.params.retries + 1} tries" if answer.status in _RETRIED else ""
            why = self._safe(str(answer.reason))
            raise ModelError(f"{url} answers {answer.status} {why}{tries}: {self._shown(answer.data)}")
        return answer

    def _read(self, url: str, answer: Any, content: bytes) -> Any:
        try:
            return self._cleared(json.loads(content)) if self._secrets else json.loads(content)
        except (ValueError, RecursionError) as error:  # the latter of lists in lists in lists
            kind = answer.headers.get("Content-Encoding") or answer.headers.get("Content-Type", "something untyped")
            message = f"answers with {self._safe(kind)} where JSON is needed: {self._shown(content)}"
            raise ModelError(f"{url} {message}") from error

    def _cleared(self, value: Any) -> Any:
        """What a server tells, every text of it without what is kept secret."""
        if isinstance(value, dict):
            return {self._safe(key): self._cleared(part) for key, part in value.items()}
        if isinstance(value, list):
            return [self._cleared(part) for part in value]
        return self._safe(value) if isinstance(value, str) else value

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
        text = " ".join(self._safe(data[:65536].decode(errors="replace")).split())
        return repr(text[:SHOWN]) if text else "nothing"

    def _safe(self, text: str) -> str:
        """What a server says, without what is kept secret, should it say that."""
        for secret in sorted(self._secrets.values(), key=len, reverse=True):
            text = text.replace(secret, "…")
        return text

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
        shapes = {name: sizes for name, (_, sizes) in known.items()}
        name = chosen(self.params.input_name, known, "input_name", self.params.url, shapes)
        if len(known) > 1:
            raise ModelError(f"{self.params.url} takes several inputs ({', '.join(known)}); one alone is needed")
        return name

    @cached_property
    def kind(self) -> Kind | Literal["file"]:
        """The kind of number that it takes, or that it takes files of images."""
        wanted = self.params.encoding
        if self.described.inputs is None:
            return "file" if wanted else "float32"
        told = self.described.inputs[self.source][0]
        found = kind_told(told)
        if found is None:
            known = "floats of 32 bits, whole numbers of up to 32 bits, and encoded images"
            raise ModelError(f"{self.params.url} takes {told} for {self.source!r}; known are {known}")
        if found == "file" and not wanted:
            raise ModelError(f"{self.params.url} takes {told}, as of files: say `encoding: png` or `jpeg`, and `shape`")
        if found != "file" and wanted:
            raise ModelError(f"{self.params.url} takes numbers ({told}), so leave `encoding: {wanted}` out")
        return found

    @cached_property
    def shape(self) -> tuple[int, ...]:
        """What the endpoint takes for one image: as the spec says, which must fit what it tells, or as it tells."""
        written, name = self.params.shape, self.source
        told = self.described.inputs[name][1][1:] if self.described.inputs and self.kind != "file" else ()
        if written is None:
            if not told or min(told) < 1:
                what = f"takes the shape {list(told)};" if told else "doesn't tell what it takes; if `url` is right,"
                raise ModelError(f"{self.params.url} {what} write the shape of one image, as in `shape: [28, 28, 1]`")
            return told
        if told and (len(told) != len(written) or any(a not in (b, -1) for a, b in zip(told, written, strict=True))):
            raise ModelError(f"{self.params.url} takes {times(told)}, but `shape` is {times(tuple(written))}")
        return tuple(written)

    def check_bytes(self) -> None:
        """Raise ModelError where the server tells its extensions, and takes no bytes."""
        root = self.params.url.rpartition("/models/")[0]
        answer = self._answered(root, None, {}, True)
        told = None if answer is None else self._read(root, answer, answer.data)
        known = told.get("extensions") if isinstance(told, dict) else None
        if isinstance(known, list) and BINARY not in known:
            raise ModelError(f"{root} has no extension {BINARY!r} (it has: {', '.join(map(str, known))}): no `binary`")
