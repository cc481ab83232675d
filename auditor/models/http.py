"""A model behind an endpoint: TensorFlow Serving's REST API, or the Open Inference Protocol (KServe v2, Triton).

What it measures
    Nothing by itself: it asks the served model that the checks measure.

Why it matters
    What is deployed is what is attacked: preprocessing, quantisation and the server's own batching included.

How to read it
    It gives no gradients. Attacks that need none (`square`, `hopskipjump`, `pointwise`, …) and `accuracy` work; what
    others find on the original network can be taken to it by `transfer`. There is no file to take a digest of: the
    record names the endpoint and the version it told, and a version that changes while it is audited is an error. What
    the endpoint runs under that version can't be seen. Images are sent as JSON, as bytes (Triton's extension) or as PNG
    or JPEG files, in batches of one size. Connection errors, timeouts and the statuses 429, 502, 503 and 504 are tried
    again; redirects aren't followed, and no proxy is used.

References
    TensorFlow Serving, "RESTful API".
    Triton Inference Server, "Binary Tensor Data Extension".
    Open Inference Protocol, REST: "open_inference_rest" of github.com/kserve/open-inference-protocol.
"""

from collections.abc import Mapping
from dataclasses import replace
from math import prod
from threading import Lock

from auditor.classifiers import Loaded, classifier, opaque, taken_as, whole_range
from auditor.classifiers.asking import LEVEL, Asker
from auditor.classifiers.endpoint import Endpoint, EndpointParameters
from auditor.telling.numbers import times
from auditor.values import Classifier, ModelError

_MOST = 2**26  # numbers in a request, which take gigabytes as text
_SENT = {
    "png": "images are sent as PNG, rounded to 8 bits: the model sees up to half a level beyond the radius",
    "jpeg": "images are sent as JPEG of quality {}, which changes pixels: the radius bounds what is sent, not what the "
    "model sees",
}

GIVES_GRADIENTS = False


class Params(EndpointParameters):
    """Where the endpoint is, what it speaks, what it takes and gives."""


def known_by(params: Params) -> Mapping[str, str]:
    """The endpoint and the version that it tells now; raise ModelError if it can't be reached."""
    return {"endpoint": params.url, "version": Endpoint(params).described.version}


def load(params: Params) -> Classifier:
    """Ask the endpoint what it takes, and try it; raise ModelError if it can't be used."""
    endpoint = Endpoint(params)
    shape, kind = endpoint.shape, endpoint.kind
    if params.binary:
        endpoint.check_bytes()
    if prod(shape) * params.batch_size > _MOST:
        message = f"{params.batch_size} of them are more than {_MOST} numbers, the most that one request may hold"
        raise ModelError(f"{params.url} takes images of {times(shape)}, and {message}; a smaller `batch_size` may help")
    if len(shape) > 3:
        raise ModelError(f"{params.url} takes {times(shape)} for one image; height, width and channels are needed")
    ask = Asker(endpoint, shape, Lock())
    whole = whole_range("uint8", LEVEL) if kind == "file" else whole_range(kind)
    batch = params.batch_size * params.concurrency
    found = classifier(params.url, params.output, taken_as(shape), opaque(ask), batch=batch, own=ask, whole=whole)
    note = _SENT[params.encoding].format(params.quality) if params.encoding else ""
    return replace(found, note=note) if isinstance(found, Loaded) else found
