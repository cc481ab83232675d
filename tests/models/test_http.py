"""Models behind endpoints: what goes wrong with servers is told, tried again or refused, and nothing is asked early."""

import gzip
import itertools
import json
import resource
import shutil
import socket
import time

import numpy as np
import pytest
from click.testing import CliRunner
from pydantic import ValidationError

from auditor.cli.main import main
from auditor.evidence.attestation import statement
from auditor.evidence.replay import replay
from auditor.evidence.verification import verify
from auditor.models import http
from auditor.records.store import Folder
from auditor.report.origin import origin
from auditor.values import ModelError, RecordError
from tests.models.serving import honest, start
from tests.support import SIZE, data, linear_model, samples, save_data, states, write

SHAPE = (SIZE, SIZE, 1)
PATHS = {"tensorflow_serving": "/v1/models/net", "kserve_v2": "/v2/models/net"}
PROTOCOLS = pytest.mark.parametrize("protocol", PATHS)
JSON = {"Content-Type": "application/json"}


@pytest.fixture
def server():
    found = start(honest(linear_model()), SHAPE)
    yield found
    found.stop()


def params(server, protocol="tensorflow_serving", **other):
    usual = {"url": server.url + PATHS[protocol], "protocol": protocol, "output": "probabilities", "backoff": 0.0}
    return http.Params(**{**usual, **other})


def refused(server, told, protocol="tensorflow_serving", **other):
    with pytest.raises(ModelError, match=told) as caught:
        http.load(params(server, protocol, **other)).predict(samples().images)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def posts(server):
    return sum(method == "POST" for method, *_ in server.requests)


def to_posts(status, headers, body):
    return lambda method: (status, headers, body) if method == "POST" else None


@PROTOCOLS
def test_images_go_in_batches_of_one_size_and_come_back_in_order(server, protocol):
    classifier = http.load(params(server, protocol, batch_size=16))
    before, images = posts(server), samples(50).images
    expected = np.asarray(linear_model()(images))
    np.testing.assert_allclose(np.exp(classifier.predict(images)), expected, rtol=1e-4)
    assert posts(server) - before == 4
    assert classifier.input_shape == SHAPE


@PROTOCOLS
def test_what_may_be_tried_again_is(server, protocol):
    for status in (429, 502, 503, 504):
        answers = itertools.chain([(status, {}, b"busy")] * 2, itertools.repeat(None))
        server.answer = lambda method, answers=answers: next(answers) if method == "POST" else None
        assert http.load(params(server, protocol)).class_count == 3


@pytest.mark.parametrize(("status", "tries"), [(503, 3), (429, 3), (500, 1), (400, 1), (404, 1)])
def test_what_may_not_be_tried_again_is_not(server, status, tries):
    server.answer = to_posts(status, {}, b'{"error": "out of memory"}')
    again = " after 3 tries" if tries > 1 else ""
    refused(server, f"/v1/models/net:predict answers {status} .*{again}: '.*out of memory", retries=2)
    assert posts(server) == tries


def test_an_endpoint_that_is_down():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/v1/models/net"
    given = http.Params(url=url, protocol="tensorflow_serving", output="logits", backoff=0.0, retries=1)
    with pytest.raises(ModelError, match=r"/metadata can't be reached in 2 tries: .*refused; is the server up\?"):
        http.load(given)


def test_an_endpoint_that_is_slow(server):
    def slow(method):
        time.sleep(0.4)

    server.answer = slow
    refused(server, r"gave no answer within 0\.1 s in 2 tries; a greater `timeout`", timeout=0.1, retries=1)
    assert len(server.requests) == 2


def test_an_endpoint_without_tls(server):
    refused(
        server, "can't be reached over TLS: ", url=server.url.replace("http", "https") + "/v1/models/net", backoff=9.0
    )


def test_an_endpoint_that_hangs_up(server):
    server.answer = lambda _: (200, {"Content-Length": "9999", "Connection": "close"}, b"{}")
    refused(server, "gave no answer in one try: .*broken", retries=0)


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
CHUNK = b"10000\r\n" + b"0," * 2**15 + b"\r\n"  # 64 kB
GIGABYTES = {
    "announced": lambda: itertools.chain([HEAD + b"Content-Length: 99999999999\r\n\r\n"], itertools.repeat(CHUNK)),
    "in chunks": lambda: itertools.chain([HEAD + b"Transfer-Encoding: chunked\r\n\r\n"], itertools.repeat(CHUNK)),
    "until it hangs up": lambda: itertools.chain([HEAD + b"\r\n"], itertools.repeat(CHUNK)),
}


@pytest.mark.parametrize("how", GIGABYTES)
def test_an_answer_without_end_is_not_read_to_its_end(server, how):
    server.answer = lambda method: GIGABYTES[how]() if method == "POST" else None
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    refused(server, "net:predict answers with more than 64 MB, which no scores need; is `url` right, or `batch_size`")
    assert posts(server) == 1
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 400_000  # kB


def dripping(begin):
    """Send a byte now and then, for ever."""
    yield begin
    while True:
        time.sleep(0.02)
        yield b"1"


DRIPS = {
    "a status": b"HTTP/1.1 20",
    "a header": HEAD + b"X: ",
    "interim answers": b"HTTP/1.1 100 Continue\r\n\r\n" * 3 + b"HTTP/1.1 100 ",
    "a body with a length": HEAD + b"Content-Length: 9999999\r\n\r\n",
    "a body without one": HEAD + b"\r\n",
    "a chunk": HEAD + b"Transfer-Encoding: chunked\r\n\r\nffff\r\n",
}


@pytest.mark.parametrize("what", DRIPS)
def test_an_answer_that_drips_ends_at_the_timeout(server, what):
    server.answer = lambda method: dripping(DRIPS[what]) if method == "POST" else None
    start = time.monotonic()
    refused(server, r"gave no answer within 0\.2 s in 2 tries; a greater `timeout`", timeout=0.2, retries=1)
    assert time.monotonic() - start < 5  # on a busy machine


def test_an_answer_that_unfolds_is_not_unfolded(server):
    bomb = gzip.compress(b"[" + b" " * 10**7 + b"]")
    server.answer = to_posts(200, {**JSON, "Content-Encoding": "gzip"}, bomb)
    refused(server, "answers with gzip where JSON is needed: ")


ANSWERS = {
    "HTML": (
        {"Content-Type": "text/html"},
        b"<html>Sign in</html>",
        "answers with text/html where JSON is needed: '",
    ),
    "nothing": ({}, b"", "where JSON is needed: nothing"),
    "another protocol": (JSON, b'{"outputs": []}', "answers without `predictions`, but with: outputs; is `protocol`"),
    "a list": (JSON, b"[]", "answers without `predictions`, but with: list"),
    "no list": (JSON, b'{"predictions": 3}', "`predictions` should be a list, got 3"),
    "too few rows": (
        JSON,
        b'{"predictions": [[1, 0, 0]]}',
        r"32 images should give 32 rows .* the shape \(1, 3\)",
    ),
    "no rows": (JSON, b'{"predictions": []}', r"32 images should give 32 rows of scores, but gave the shape \(0,\)"),
    "classes": (
        JSON,
        json.dumps({"predictions": [2] * 32}).encode(),
        "each image gets one number; a single unit is `output: sigmoid`",
    ),
    "lists in lists": (JSON, b"[" * 10**5, "where JSON is needed: "),
    "one score": (
        JSON,
        json.dumps({"predictions": [[2.0]] * 32}).encode(),
        "each image gets one number; a single unit is `output: sigmoid`",
    ),
    "ragged rows": (JSON, b'{"predictions": [[1, 0], [1]]}', "gives rows of different lengths"),
    "texts": (JSON, b'{"predictions": [["a", "b"]]}', "gives scores that aren't numbers: "),
    "null": (JSON, b'{"predictions": [[null, 1.0]]}', "gives scores that aren't numbers: "),
    "NaN": (JSON, json.dumps({"predictions": [[float("nan"), 1, 0]] * 32}).encode(), "gives NaN or infinity for 60"),
    "choices": (
        JSON,
        json.dumps({"predictions": [{"a": [1], "b": [2]}]}).encode(),
        "by `output_name`: a \\(any, 1\\), b \\(any, 1\\)",
    ),
}


@pytest.mark.parametrize("what", ANSWERS)
def test_answers_that_cannot_be_used(server, what):
    headers, body, told = ANSWERS[what]
    server.answer = to_posts(200, headers, body)
    refused(server, told)


@pytest.mark.parametrize(
    ("output", "told"),
    [
        ({"name": "y", "datatype": "INT64", "shape": [32, 1], "data": []}, "output 'y' is INT64; floats are needed"),
        (
            {"name": "y", "datatype": "FP32", "shape": [32, 3], "data": [1.0]},
            r"1 numbers and calls them \[32, 3\]",
        ),
        ({"name": "y", "datatype": "FP32", "shape": [31, 1], "data": [1.0] * 31}, r"gave the shape \(31, 1\)"),
        ({"name": "y", "datatype": "FP32", "data": "x"}, "scores that aren't numbers"),
    ],
)
def test_answers_of_kserve_that_cannot_be_used(server, output, told):
    server.answer = to_posts(200, JSON, json.dumps({"outputs": [output]}).encode())
    refused(server, told, "kserve_v2")


def test_a_redirect_is_not_followed(server):
    other = start(honest(linear_model()), SHAPE)
    for status in (301, 302, 307, 308):
        server.answer = to_posts(status, {"Location": other.url + PATHS["tensorflow_serving"] + ":predict"}, b"")
        refused(server, f"redirects to {other.url}/v1/models/net:predict; redirects aren't followed")
    assert other.requests == []
    other.stop()


@PROTOCOLS
def test_without_metadata_the_spec_says_the_shape(protocol):
    server = start(honest(linear_model()), SHAPE, metadata=False)
    named = {"input_name": "x"}
    refused(
        server,
        r"doesn't tell what it takes; if `url` is right, write the shape of one image, as in `shape",
        protocol,
        **named,
    )
    given = params(server, protocol, shape=list(SHAPE), **named)
    assert http.load(given).input_shape == SHAPE
    assert http.known_by(given) == {"endpoint": given.url, "version": "not told"}
    if protocol == "kserve_v2":
        refused(server, "name the one for images in `input_name`", protocol, shape=list(SHAPE))
    server.stop()


@PROTOCOLS
def test_metadata_and_the_spec_have_to_agree(server, protocol):
    refused(server, "takes 6 × 6 × 1, but `shape` is 6 × 6 × 3", protocol, shape=[6, 6, 3])
    refused(server, "has no input_name 'z'; nearest: x", protocol, input_name="z")
    server.answer = lambda method: (200, JSON, b'{"model_spec": 3}') if method == "GET" else None
    refused(server, f"tells metadata that aren't those of {protocol}", protocol)


def test_rows_of_numbers():
    model = linear_model()
    server = start(lambda rows: np.asarray(model(rows.reshape(-1, *SHAPE))), (36,))
    assert http.load(params(server)).input_shape == (1, 1, 36)
    server.stop()


# --- the token


def test_a_token_is_sent_and_never_told(server, monkeypatch):
    monkeypatch.setenv("AUDIT_TOKEN", "s3cret-token")
    http.load(params(server, token_variable="AUDIT_TOKEN"))
    assert {headers["Authorization"] for *_, headers in server.requests} == {"Bearer s3cret-token"}
    server.answer = to_posts(403, {}, b"the token s3cret-token has expired")
    assert "s3cret" not in refused(server, "answers 403 Forbidden: 'the token … has", token_variable="AUDIT_TOKEN")
    assert "s3cret" not in params(server, token_variable="AUDIT_TOKEN").model_dump_json()


def test_a_token_that_cannot_be_sent(server, monkeypatch):
    monkeypatch.delenv("AUDIT_TOKEN", raising=False)
    refused(server, "wants a token, but the environment variable AUDIT_TOKEN is not set", token_variable="AUDIT_TOKEN")
    monkeypatch.setenv("AUDIT_TOKEN", "two\r\nlines")
    told = refused(server, "AUDIT_TOKEN holds blanks or letters", token_variable="AUDIT_TOKEN")
    assert "lines" not in told
    assert server.requests == []


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("ftp://host/v1/models/m", "should begin with http:// or https://"),
        ("file:///v1/models/m", "should begin with http:// or https://"),
        ("http:///v1/models/m", "should begin with http:// or https:// and a host"),
        ("http://host:x/v1/models/m", "is no address"),
        ("http://ada:pass@host/v1/models/m", "must not hold a user or a password"),
        ("http://host/v1/models/m:predict", "should end with /v1/models/NAME"),
        ("http://host/v2/models/m", "should end with /v1/models/NAME"),
        ("http://host/v1/models/m?key=1", "should end with /v1/models/NAME"),
        ("http://host/v1/models/a b", "should begin with"),
    ],
)
def test_an_address_that_cannot_be_right(url, told):
    with pytest.raises(ValidationError, match=told) as caught:
        http.Params(url=url, protocol="tensorflow_serving", output="logits")
    assert "pass@" not in caught.value.errors()[0]["msg"]


def test_a_token_over_plain_http_goes_to_this_machine_only():
    given = {"protocol": "kserve_v2", "output": "logits", "token_variable": "T"}
    with pytest.raises(ValidationError, match="needs an address with https"):
        http.Params(url="http://host/v2/models/m", **given)
    assert http.Params(url="https://host/v2/models/m/versions/1", **given)


# --- in specs

SPEC = """\
audit: remote
models:
  served: {format: http, url: "URL", protocol: PROTOCOL, output: probabilities, backoff: 0, retries: 1}
data: {dataset: npz, path: data.npz}
checks:
  - {id: clean, check: accuracy, expect: {accuracy: {min: 0.9}}}
  - {id: blind, check: robust_accuracy, params: {eps: 0.1, attacks: [{attack: apgd}]}}
  - id: scores
    check: robust_accuracy
    params: {eps: 0.3, samples: 9, attacks: [{attack: square, steps: 10}]}
"""


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Made before pytester is, which forgets modules imported after it; TensorFlow can't be imported twice."""
    folder = tmp_path_factory.mktemp("remote")
    save_data(folder)
    model = linear_model()
    model(data()[0])
    return folder, honest(model)


@pytest.fixture
def audited(written, pytester, monkeypatch):
    folder, model = written
    shutil.copytree(folder, pytester.path, dirs_exist_ok=True)
    monkeypatch.chdir(pytester.path)
    server = start(model, SHAPE)
    write(pytester, SPEC.replace("URL", server.url + PATHS["kserve_v2"]).replace("PROTOCOL", "kserve_v2"), "remote")
    yield pytester, server
    server.stop()


def test_planning_opens_no_connection(audited):
    pytester, server = audited
    for command in (["validate", "remote.audit.yaml"], ["plan", "remote.audit.yaml"]):
        assert CliRunner().invoke(main, command).exit_code == 0
    pytester.runpytest_inprocess("--co", "-q")
    assert server.requests == []


def test_an_audit_of_an_endpoint(audited):
    pytester, server = audited
    pytester.runpytest_inprocess()
    folder = Folder(pytester.path / "reports" / "remote")
    run = folder.load_run()
    assert states(run) == {"clean": "pass", "blind": "error", "scores": "descriptive"}
    assert (
        "attacks that need none: hopskipjump, noise_search, pointwise, square" in run.records["blind"].verdict.message
    )
    told = run.records["clean"].provenance["models"]["served"]
    assert told["files"] == {}
    assert told["known_by"] == {"endpoint": server.url + "/v2/models/net", "version": "7"}
    assert f"endpoint {server.url}/v2/models/net, version 7" in (folder.path / "index.html").read_text()
    assert origin(run).models[0].known_by
    found = list(verify(folder.path))
    assert all(finding.ok for finding in found), [finding for finding in found if not finding.ok]
    fooled = run.records["scores"].evidence.adversarial
    row = int(fooled.indices[0])
    assert replay(folder, "scores", row).fooled == (bool(fooled.fooled[0]),) * 2
    with pytest.raises(RecordError, match="measured an endpoint, which has no digest"):
        statement(folder.path)
    server.version = "8"
    wrong = [finding for finding in verify(folder.path) if not finding.ok]
    assert {finding.what for finding in wrong} == {"checkpoint"}
    with pytest.raises(RecordError, match="is another checkpoint"):
        replay(folder, "scores", row)


@pytest.mark.parametrize("after", [3, 12])
def test_a_server_that_fails_under_way_is_an_error_that_says_so(audited, after):
    """In a prediction, and in the middle of a compiled attack."""
    pytester, server = audited
    left = itertools.count()
    server.answer = lambda _: (500, {}, b"out of memory") if next(left) >= after else None
    pytester.runpytest_inprocess("-k", "scores")
    record = Folder(pytester.path / "reports" / "remote").load_run().records["scores"]
    assert record.failure.kind == "ModelError"
    assert record.failure.message.endswith("/v2/models/net/infer answers 500 Internal Server Error: 'out of memory'")
    assert record.failure.traceback == ""


def test_a_model_exchanged_under_way_is_an_error(audited):
    pytester, server = audited
    left = itertools.count()

    def exchange(method):
        server.version = "8" if next(left) > 5 else "7"

    server.answer = exchange
    pytester.runpytest_inprocess("-k", "scores")
    record = Folder(pytester.path / "reports" / "remote").load_run().records["scores"]
    assert "the model was exchanged while it was audited: its version was 7 and is 8 now" in record.verdict.message
