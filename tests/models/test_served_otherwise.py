"""Endpoints that are sent files or bytes, with headers from the environment, at once or not too often."""

import io
import itertools
import time
from threading import Lock

import numpy as np
import pytest
from PIL import Image
from pydantic import ValidationError

from auditor.classifiers.preparing import prepared
from auditor.classifiers.preprocessing import Preprocessing
from auditor.loading.fitting import check_fit
from auditor.models import http
from auditor.values import ModelError
from tests.models.serving import start
from tests.models.test_http import PATHS, SHAPE, params, posts, refused, to_posts
from tests.support import last_run, linear_weights, samples, save_data, write


def linear(images):
    """Logits of the tiny linear network, by NumPy."""
    kernel, bias = linear_weights()
    return images.reshape(len(images), -1).astype(np.float64) @ kernel + bias


@pytest.fixture
def server():
    found = start(linear, SHAPE)
    yield found
    found.stop()


@pytest.fixture
def of_files():
    found = start(linear, SHAPE, kinds=("DT_STRING", "BYTES"))
    yield found
    found.stop()


def opened(server, protocol, **other):
    return http.load(params(server, protocol, **{"output": "logits", **other}))


@pytest.mark.parametrize(
    ("protocol", "other"),
    [("tensorflow_serving", {}), ("kserve_v2", {}), ("kserve_v2", {"binary": True, "output_name": "y"})],
)
def test_images_are_sent_as_files_and_judged_as_they_arrive(of_files, protocol, other):
    images, given = samples(40).images, {"shape": list(SHAPE), "batch_size": 16, **other}
    classifier = opened(of_files, protocol, encoding="png", **given)
    expected = linear(np.round(images * 255) / 255)
    np.testing.assert_allclose(classifier.answers(images), expected, atol=1e-5)
    assert "rounded to 8 bits" in classifier.note
    classifier = opened(of_files, protocol, encoding="jpeg", quality=60, **given)
    arrived = []
    for image in images:
        file = io.BytesIO()
        Image.fromarray(np.round(image[..., 0] * 255).astype(np.uint8)).save(file, "jpeg", quality=60)
        arrived.append(np.asarray(Image.open(file), np.float32) / 255)
    expected = linear(np.array(arrived))
    np.testing.assert_allclose(classifier.answers(images), expected, atol=1e-5)
    assert np.abs(expected - linear(images)).max() > 0.05, "JPEG changes what the model sees"
    assert "JPEG of quality 60, which changes pixels" in classifier.note
    in_bytes = prepared("m", classifier, Preprocessing(scale=255), SHAPE, (0.0, 1.0))
    with pytest.raises(ModelError, match=r"values from 0 to 1, in steps of 0\.00392, .* cut off"):
        check_fit("m", in_bytes, samples(20))


def test_bytes_hold_what_text_does(server):
    images = samples(40).images
    classifier = opened(server, "kserve_v2", binary=True, batch_size=16, output_name="y")
    np.testing.assert_allclose(classifier.answers(images), linear(images), atol=1e-5)
    sent = [headers for method, _, headers in server.requests if method == "POST"]
    assert {headers["Content-Type"] for headers in sent} == {"application/octet-stream"}
    server.answer = to_posts(200, {"Inference-Header-Content-Length": "9999"}, b"{}")
    refused(server, "says that 9999 of its 2 bytes are JSON", "kserve_v2", binary=True, output="logits")
    odd = b'{"outputs": [{"name": "y", "datatype": "FP32", "shape": [2, 3], "parameters": {"binary_data_size": 24}}]}'
    server.answer = to_posts(200, {"Inference-Header-Content-Length": str(len(odd))}, odd + b"1234")
    refused(server, r"outputs have \[24\] bytes, but 4 came", "kserve_v2", binary=True, output="logits")
    server.answer, server.extensions = lambda _: None, ("classification",)
    refused(server, "has no extension 'binary_tensor_data' .it has: classification", "kserve_v2", binary=True)


@pytest.mark.parametrize(
    ("kinds", "other", "told"),
    [
        (("DT_STRING", "BYTES"), {}, "takes BYTES, as of files: say `encoding: png` or `jpeg`, and `shape`"),
        (("DT_FLOAT", "FP32"), {"encoding": "png", "shape": list(SHAPE)}, r"takes numbers \(FP32\), so leave"),
        (("DT_DOUBLE", "FP64"), {}, "takes FP64 for 'x'; known are floats of 32 bits"),
    ],
)
def test_what_an_endpoint_takes_has_to_agree(kinds, other, told):
    server = start(linear, SHAPE, kinds=kinds)
    refused(server, told, "kserve_v2", **other)
    server.stop()


def test_whole_numbers_are_rounded():
    seen = []

    def model(images):
        seen.append(images)
        return linear(images / 255)

    server, images = start(model, SHAPE, kinds=("DT_UINT8", "UINT8")), samples(10).images
    for protocol in PATHS:
        classifier = prepared("m", opened(server, protocol), Preprocessing(scale=255), SHAPE, (0.0, 1.0))
        np.testing.assert_allclose(classifier.answers(images), linear(np.round(images * 255) / 255), atol=1e-5)
    assert all((part == np.round(part)).all() for part in seen)
    server.stop()


# --- headers


def test_what_headers_hold_is_told_nowhere(server, pytester, monkeypatch):
    """The server repeats it wherever it can: in errors, in names, in the version."""
    secret, other = "s3cret/token+", "4711-key"
    monkeypatch.setenv("AUDIT_TOKEN", secret)
    monkeypatch.setenv("AUDIT_KEY", other)
    server.version = f"7 {secret}"
    save_data(pytester.path)
    url = server.url + PATHS["kserve_v2"]
    text = f"""\
audit: remote
models:
  served: {{format: http, url: "{url}", protocol: kserve_v2, output: logits, backoff: 0, retries: 1,
           headers: {{Authorization: "Bearer ${{AUDIT_TOKEN}}", X-Key: "${{AUDIT_KEY}}"}}}}
data: {{dataset: npz, path: data.npz}}
checks:
  - {{id: clean, check: accuracy}}
"""
    write(pytester, text, "remote")
    pytester.runpytest_inprocess()
    assert last_run(pytester, "remote").records["clean"].verdict.status == "descriptive"
    sent = [headers for *_, headers in server.requests]
    assert {headers["Authorization"] for headers in sent} == {f"Bearer {secret}"}
    assert {headers["X-Key"] for headers in sent} == {other}
    server.answer = to_posts(200, {}, f'{{"outputs": [{{"name": "{secret}"}}, {{"name": "{other}"}}]}}'.encode())
    pytester.runpytest_inprocess()
    assert "output '…' is None; floats are needed" in last_run(pytester, "remote").records["clean"].verdict.message
    server.answer = to_posts(403, {}, f"{'x' * 150} {secret} has expired".encode())
    result = pytester.runpytest_inprocess()
    assert last_run(pytester, "remote").records["clean"].verdict.status == "error"
    assert "s3cret" not in result.stdout.str() + result.stderr.str()
    files = [file for file in pytester.path.rglob("*") if file.is_file()]
    assert len(files) > 10
    for file in files:
        content = file.read_bytes()
        assert b"s3cret" not in content, file
        assert b"4711-key" not in content, file


@pytest.mark.parametrize(
    ("headers", "told"),
    [
        ({"Authorization": "Bearer abc"}, "Authorization has to name an environment variable"),
        ({"X-Key": "$abc ${KEY}"}, "X-Key holds what a header can't, or a variable that isn't written as"),
        ({"X Key": "${KEY}"}, "can't hold 'X Key'"),
        ({"Content-Length": "${KEY}"}, "can't hold 'Content-Length'"),
        ({"authorization": "${KEY}"}, "leave one of them out"),
    ],
)
def test_headers_that_cannot_be_sent(headers, told):
    usual = {"url": "https://host/v2/models/m", "protocol": "kserve_v2", "output": "logits"}
    with pytest.raises(ValidationError, match=told) as caught:
        http.Params(**usual, headers=headers, token_variable="T" if "authorization" in headers else None)
    assert "abc" not in caught.value.errors()[0]["msg"]


# --- how often, and how many at once


def test_a_server_that_asks_to_wait_is_obeyed_up_to_a_minute(server, monkeypatch):
    waits = []
    monkeypatch.setattr("urllib3.util.retry.time.sleep", waits.append)
    answers = itertools.chain([(429, {"Retry-After": "7"}, b"slowly")] * 2, itertools.repeat(None))
    server.answer = lambda method: next(answers) if method == "POST" else None
    assert opened(server, "kserve_v2").class_count == 3
    assert waits == [7, 7]
    server.answer = to_posts(429, {"Retry-After": "3600"}, b"slowly")
    before = posts(server)
    refused(server, "asks to wait 3600 s before it is asked again, which is more than 60 s", "kserve_v2")
    assert posts(server) == before + 1


def test_requests_begin_no_more_often_than_they_may(server):
    classifier, images = opened(server, "kserve_v2", batch_size=4, rate_limit=20.0, concurrency=4), samples(24).images
    started = time.monotonic()
    classifier.answers(images)
    assert time.monotonic() - started >= 5 / 20
    assert posts(server) == 1 + 6


def test_several_are_under_way_at_once_and_answers_stay_in_order():
    lock, at_once = Lock(), []
    under_way = 0

    def slow(images):
        nonlocal under_way
        with lock:
            under_way += 1
            at_once.append(under_way)
        time.sleep(0.02 + 0.05 * float(images[0, 0, 0, 0]))  # those behind overtake
        with lock:
            under_way -= 1
        return linear(images)

    server = start(slow, SHAPE)
    classifier, images = opened(server, "kserve_v2", batch_size=4, concurrency=5), samples(42).images
    before = posts(server)
    np.testing.assert_allclose(classifier.answers(images), linear(images), atol=1e-5)
    assert posts(server) - before == 11, "42 images are eleven batches of four; what fills up the rest isn't asked"
    assert 1 < max(at_once) <= 5
    for count in (41, 42, 44):  # one in the last batch, two, and four
        np.testing.assert_allclose(classifier.own(images[:count]), linear(images[:count]), atol=1e-5)
    server.answer = to_posts(500, {}, b"no")
    with pytest.raises(ModelError, match="answers 500"):
        classifier.answers(images)
    server.stop()
