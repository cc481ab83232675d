"""Images to an endpoint and scores back: as numbers, as bytes, or as files of images."""

import base64
import io
import struct
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auditor.classifiers.endpoint import Endpoint
from auditor.classifiers.heads import scores_told
from auditor.classifiers.opening import chosen
from auditor.classifiers.protocols import BYTES, numbers, part_of
from auditor.classifiers.whole_numbers import as_kind
from auditor.values import FloatArray, ModelError

LEVEL = 1 / 255  # of a file's pixels, in [0, 1]
_KSERVE = {"float32": "FP32", "uint8": "UINT8", "int8": "INT8", "int16": "INT16", "int32": "INT32"}
_SCORES = {"FP16": "<f2", "FP32": "<f4", "FP64": "<f8"}


@dataclass(frozen=True, eq=False)
class Asker:
    """Asks for predictions in batches of one size. shape: of one image, as the endpoint takes it."""

    endpoint: Endpoint
    shape: tuple[int, ...]
    lock: Lock

    def __call__(self, images: FloatArray) -> FloatArray:
        """Map images (N, H, W, C) float32 to outputs (N, classes) float32."""
        size, several = self.endpoint.params.batch_size, self.endpoint.params.concurrency
        parts = [images[i : i + size] for i in range(0, len(images), size)]
        # What only fills up isn't asked: whole batches of an image that ended the batch before them.
        asked = [part for i, part in enumerate(parts) if not i or (images[i * size - 1 :] != images[-1]).any()]
        with self.lock:
            pool = ThreadPoolExecutor(several)
            try:
                found = np.concatenate(list(pool.map(self._predicted, asked)))
            finally:
                pool.shutdown(cancel_futures=True)
        return np.concatenate([found, np.repeat(found[-1:], len(images) - len(found), axis=0)])

    def _predicted(self, images: FloatArray) -> FloatArray:
        params = self.endpoint.params
        size = params.batch_size
        filled = np.concatenate([images, np.repeat(images[-1:], size - len(images), axis=0)])
        found = (self._served if params.protocol == "tensorflow_serving" else self._inferred)(filled)
        if not scores_told(found.shape) or len(found) != size:
            wanted = f"{size} images should give {size} rows of scores"
            raise ModelError(f"{params.url}: {wanted}, but gave the shape {found.shape}")
        return found[: len(images)]

    def _as_numbers(self, images: FloatArray) -> NDArray[Any]:
        return as_kind(images.reshape(len(images), *self.shape), self.endpoint.kind)

    def _files(self, images: FloatArray) -> list[bytes]:
        params = self.endpoint.params
        levels = as_kind(images, "uint8", LEVEL)
        return [encoded(image, params.encoding or "", params.quality) for image in levels]

    def _served(self, images: FloatArray) -> FloatArray:
        params = self.endpoint.params
        if self.endpoint.kind == "file":
            given: Any = [{"b64": base64.b64encode(file).decode()} for file in self._files(images)]
        else:
            given = self._as_numbers(images).tolist()
        body = {"instances": given}
        body |= {"signature_name": params.signature} if params.signature else {}
        rows = part_of(self.endpoint.asked(":predict", body), "predictions", params.url)
        if rows and isinstance(rows[0], dict):  # a signature of several outputs
            shapes = {name: (None, len(part)) if isinstance(part, list) else (None,) for name, part in rows[0].items()}
            name = chosen(params.output_name, rows[0], "output_name", params.url, shapes)
            rows = [row.get(name) if isinstance(row, dict) else None for row in rows]
        return numbers(rows, params.url)

    def _inferred(self, images: FloatArray) -> FloatArray:
        params, told = self.endpoint.params, self.endpoint.described.inputs
        if self.endpoint.kind == "file":
            files = self._files(images)
            rank = len(told[self.endpoint.source][1]) if told else 1
            datatype, shape = BYTES, [len(files), *[1] * (rank - 1)]
            data: Any = [base64.b64encode(file).decode() for file in files]
            sent = b"".join(struct.pack("<I", len(file)) + file for file in files)
        else:
            values = self._as_numbers(images)
            datatype, shape = _KSERVE[self.endpoint.kind], list(values.shape)
            data, sent = values.ravel().tolist(), values.astype(values.dtype.newbyteorder("<")).tobytes()
        entry = {"name": self.endpoint.source, "shape": shape, "datatype": datatype}
        if not params.binary:
            answer = self.endpoint.asked("/infer", {"inputs": [{**entry, "data": data}]})
            return self._scores(part_of(answer, "outputs", params.url), b"")
        body: dict[str, Any] = {"inputs": [{**entry, "parameters": {"binary_data_size": len(sent)}}]}
        body["parameters"] = {"binary_data_output": True}
        answer, rest = self.endpoint.asked_in_bytes("/infer", body, sent)
        return self._scores(part_of(answer, "outputs", params.url), rest)

    def _scores(self, outputs: Sequence[Any], rest: bytes) -> FloatArray:
        """The output that is taken, from its numbers, or from its part of the bytes that follow."""
        params = self.endpoint.params
        known = {str(part.get("name")): part for part in outputs if isinstance(part, dict)}
        shapes = {name: part["shape"] for name, part in known.items() if isinstance(part.get("shape"), list)}
        target = known[chosen(params.output_name, known, "output_name", params.url, shapes)]
        kind = target.get("datatype")
        if kind not in _SCORES:
            raise ModelError(f"{params.url}: output {target['name']!r} is {kind}; floats are needed")
        values, shape = self._values(target, list(known.values()), _SCORES[kind], rest), target.get("shape")
        try:
            return values.reshape(shape)  # data may lie flat, whatever its shape
        except (TypeError, ValueError, OverflowError) as error:
            raise ModelError(f"{params.url} gives {values.size} numbers and calls them {shape}") from error

    def _values(self, target: Any, outputs: Sequence[Any], kind: str, rest: bytes) -> FloatArray:
        url = self.endpoint.params.url
        if "data" in target or not self.endpoint.params.binary:
            return numbers(target.get("data"), url)
        sizes = [_size(part) for part in outputs]
        at = outputs.index(target)
        if None in sizes or sum(size or 0 for size in sizes) != len(rest):
            raise ModelError(f"{url} says that its outputs have {sizes} bytes, but {len(rest)} came")
        start, size = sum(size or 0 for size in sizes[:at]), sizes[at] or 0
        if size % np.dtype(kind).itemsize:
            raise ModelError(f"{url}: {size} bytes are no whole numbers of {kind}")
        return numbers(np.frombuffer(rest[start : start + size], kind), url)


def _size(part: Any) -> int | None:
    """How many of the bytes that follow are an output's; None where it says nothing that can be so."""
    told = part.get("parameters")
    found = told.get("binary_data_size") if isinstance(told, dict) else 0
    return found if isinstance(found, int) and found >= 0 else None


def encoded(levels: NDArray[Any], encoding: str, quality: int) -> bytes:
    """A file of an image (H, W, 1 or 3) uint8."""
    from PIL import Image

    picture = Image.fromarray(levels[..., 0] if levels.shape[-1] == 1 else levels)
    file = io.BytesIO()
    how: dict[str, Any] = {"quality": quality, "subsampling": 0} if encoding == "jpeg" else {}
    picture.save(file, encoding, **how)
    return file.getvalue()
