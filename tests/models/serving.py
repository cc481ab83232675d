"""A server on this machine that answers as TensorFlow Serving and KServe do, or as told."""

import base64
import io
import json
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import numpy as np
from PIL import Image

from auditor.compute.backend import tensorflow

# From images, as rows of the server's input, to rows of outputs.
Model = Callable[[np.ndarray], np.ndarray]
# From a method to a status, headers and a body, or to all that is sent, as it comes; None for an honest answer.
Answer = Callable[[str], tuple[int, dict[str, str], bytes] | Iterable[bytes] | None]


def honest(model: Any) -> Model:
    """What a Keras model gives."""
    compiled = tensorflow().function(model)
    return lambda images: compiled(images).numpy()


@dataclass
class Server:
    """A running server. requests: method, path and headers of all it was asked; version: what it tells."""

    http: ThreadingHTTPServer
    requests: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    version: str = "7"
    answer: Answer = lambda _: None
    extensions: tuple[str, ...] = ("binary_tensor_data",)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http.server_port}"

    def stop(self) -> None:
        self.http.shutdown()
        self.http.server_close()


def start(
    model: Model, shape: tuple[int, ...], metadata: bool = True, kinds: tuple[str, str] = ("DT_FLOAT", "FP32")
) -> Server:
    """Serve a model that takes images of `shape`. metadata: whether it tells of itself; kinds: what it takes."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # headers and body in one packet: in two, the second waits for an acknowledgement of the first

        def log_message(self, *_: Any) -> None:
            """Keep quiet."""

        def handle_one_request(self) -> None:
            try:
                super().handle_one_request()
            except ConnectionError:
                self.close_connection = True  # the client didn't wait

        def finish(self) -> None:
            with suppress(ConnectionError):  # nor did it wait for what is still to be sent
                super().finish()

        def do_GET(self) -> None:
            told = {
                "metadata": _serving(server.version, shape, kinds[0]),
                "net": _kserve(server.version, shape, kinds[1]),
                "v2": {"name": "here", "extensions": list(server.extensions)},
            }
            name = self.path.removesuffix("/versions/7").rpartition("/")[2]
            self._send(told[name] if metadata and name in told else None)

        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"]))
            length = int(self.headers.get("Inference-Header-Content-Length", len(content)))
            body, rest = json.loads(content[:length]), content[length:]
            if self.path.endswith(":predict"):
                rows = model(_numbers(body["instances"]))
                return self._send({"predictions": rows.tolist()})
            [given] = body["inputs"]
            if "data" in given:
                rows = model(_numbers(given["data"]).reshape(given["shape"][:1] + list(shape)))
            else:
                assert given["parameters"] == {"binary_data_size": len(rest)}
                rows = model(_of_bytes(given, rest))
            out: dict[str, Any] = {"name": "y", "datatype": "FP32", "shape": list(rows.shape)}
            if body.get("parameters") == {"binary_data_output": True}:
                sent = rows.astype("<f4").tobytes()
                before = {"name": "x", "datatype": "INT32", "shape": [1], "parameters": {"binary_data_size": 4}}
                out["parameters"] = {"binary_data_size": len(sent)}
                return self._send({"outputs": [before, out]}, b"1234" + sent)
            return self._send({"model_name": "net", "outputs": [{**out, "data": rows.ravel().tolist()}]})

        def _send(self, value: Any, after: bytes = b"") -> None:
            server.requests.append((self.command, self.path, dict(self.headers)))
            status = 404 if value is None else 200
            text = json.dumps(value).encode()
            usual = (status, {"Content-Type": "application/json"}, text)
            if after:
                usual = (status, {"Inference-Header-Content-Length": str(len(text))}, text + after)
            answer = server.answer(self.command) or usual
            if not isinstance(answer, tuple):
                self.close_connection = True
                for part in answer:
                    self.wfile.write(part)
                    self.wfile.flush()
                return
            status, headers, body = answer
            self.send_response(status)
            for name, text in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, text)
            self.end_headers()
            self.wfile.write(body)

    server = Server(ThreadingHTTPServer(("127.0.0.1", 0), Handler))
    server.http.daemon_threads = True
    Thread(target=server.http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    return server


def _numbers(given: list[Any]) -> np.ndarray:
    """What came: lists of numbers, or files of images in base64, as [0, 1]."""
    files = [entry["b64"] if isinstance(entry, dict) else entry for entry in given]
    if isinstance(files[0], str):
        return _pictures(map(base64.b64decode, files))
    return np.asarray(given, np.float32)


def _pictures(files: Iterable[bytes]) -> np.ndarray:
    pictures = [np.asarray(Image.open(io.BytesIO(file)), np.float32) / 255 for file in files]
    return np.stack([one.reshape(*one.shape[:2], -1) for one in pictures])


def _of_bytes(given: Any, rest: bytes) -> np.ndarray:
    if given["datatype"] == "FP32":
        return np.frombuffer(rest, "<f4").reshape(given["shape"])
    files = []
    while rest:
        end = 4 + int.from_bytes(rest[:4], "little")
        files.append(rest[4:end])
        rest = rest[end:]
    assert len(files) == given["shape"][0]
    return _pictures(files)


def _serving(version: str, shape: tuple[int, ...], kind: str) -> dict[str, Any]:
    dims = [{"size": str(size), "name": ""} for size in ((-1,) if kind == "DT_STRING" else (-1, *shape))]
    inputs = {"x": {"dtype": kind, "tensor_shape": {"dim": dims, "unknown_rank": False}, "name": "x:0"}}
    signature = {"inputs": inputs, "outputs": {"y": {"dtype": "DT_FLOAT"}}, "method_name": "tensorflow/serving/predict"}
    return {
        "model_spec": {"name": "net", "signature_name": "", "version": version},
        "metadata": {"signature_def": {"signature_def": {"serving_default": signature}}},
    }


def _kserve(version: str, shape: tuple[int, ...], kind: str) -> dict[str, Any]:
    return {
        "name": "net",
        "versions": [version],
        "platform": "keras",
        "inputs": [{"name": "x", "datatype": kind, "shape": [-1, 1] if kind == "BYTES" else [-1, *shape]}],
        "outputs": [{"name": "y", "datatype": "FP32", "shape": [-1, 3]}],
    }
