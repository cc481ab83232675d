"""A server on this machine that answers as TensorFlow Serving and KServe do, or as told."""

import json
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import numpy as np

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

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http.server_port}"

    def stop(self) -> None:
        self.http.shutdown()
        self.http.server_close()


def start(model: Model, shape: tuple[int, ...], metadata: bool = True) -> Server:
    """Serve a model that takes images of `shape`; metadata: whether it tells of itself."""

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
            told = {"metadata": _serving(server.version, shape), "net": _kserve(server.version, shape)}
            name = self.path.removesuffix("/versions/7").rpartition("/")[2]
            self._send(told[name] if metadata and name in told else None)

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if self.path.endswith(":predict"):
                rows = model(np.asarray(body["instances"], np.float32))
                return self._send({"predictions": rows.tolist()})
            [given] = body["inputs"]
            rows = model(np.asarray(given["data"], np.float32).reshape(given["shape"]))
            out = {"name": "y", "datatype": "FP32", "shape": list(rows.shape), "data": rows.ravel().tolist()}
            return self._send({"model_name": "net", "outputs": [out]})

        def _send(self, value: Any) -> None:
            server.requests.append((self.command, self.path, dict(self.headers)))
            status = 404 if value is None else 200
            usual = (status, {"Content-Type": "application/json"}, json.dumps(value).encode())
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


def _serving(version: str, shape: tuple[int, ...]) -> dict[str, Any]:
    dims = [{"size": str(size), "name": ""} for size in (-1, *shape)]
    inputs = {"x": {"dtype": "DT_FLOAT", "tensor_shape": {"dim": dims, "unknown_rank": False}, "name": "x:0"}}
    signature = {"inputs": inputs, "outputs": {"y": {"dtype": "DT_FLOAT"}}, "method_name": "tensorflow/serving/predict"}
    return {
        "model_spec": {"name": "net", "signature_name": "", "version": version},
        "metadata": {"signature_def": {"signature_def": {"serving_default": signature}}},
    }


def _kserve(version: str, shape: tuple[int, ...]) -> dict[str, Any]:
    return {
        "name": "net",
        "versions": [version],
        "platform": "keras",
        "inputs": [{"name": "x", "datatype": "FP32", "shape": [-1, *shape]}],
        "outputs": [{"name": "y", "datatype": "FP32", "shape": [-1, 3]}],
    }
