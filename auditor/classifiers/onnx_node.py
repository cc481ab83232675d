"""What a node of an ONNX graph is to whoever computes it in TensorFlow."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

# Stands for the number of images where a graph computes with shapes; what follows from it isn't used.
MANY = -(2**40)


class UntranslatedError(ValueError):
    """What of a graph can't be computed in TensorFlow, in a few words."""


@dataclass(frozen=True)
class Node:
    """A node: its operator, attributes, how many outputs of it there are, and the version of ONNX's operators.

    count: the number of images, a tensor. made: the sizes of its first output, -k where it is k times that number;
    neither is given while sizes are being found, on images of a known number.
    """

    kind: str
    attributes: Mapping[str, Any]
    outputs: int
    opset: int
    count: Any = None
    made: tuple[int, ...] | None = None

    def get(self, name: str, default: Any) -> Any:
        """An attribute, or what stands for it where it is left out."""
        return self.attributes.get(name, default)

    def sizes(self, told: Any) -> list[Any]:
        """The sizes that its output has, or shall have as a constant says."""
        if self.made is None:
            return self.constant(told)
        return [self.count * -size if size < 0 else size for size in self.made]

    def constant(self, value: Any) -> list[Any]:
        """The numbers of a constant; raise UntranslatedError where it isn't one."""
        if not isinstance(value, np.ndarray):
            raise UntranslatedError(f"{self.kind} of a shape that is computed from images")
        found: list[Any] = value.reshape(-1).tolist()
        return found

    def told(self, name: str, given: Any, default: Sequence[int] | None = None) -> list[int] | None:
        """What older versions have as an attribute, and newer ones as an input."""
        if given is not None:
            return self.constant(given)
        found = self.attributes.get(name, default)
        return None if found is None else list(found)
