"""YAML 1.2 to plain data, every value marked with its line and column.

Data only: no tags, no anchors, no duplicate keys. All mistakes of a file are reported together.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from reprlib import Repr
from types import MappingProxyType
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError

from auditor.errors import Problem, SpecError

Location = tuple[str | int, ...]
_repr = Repr()
_repr.maxstring = _repr.maxlong = _repr.maxother = 60


@dataclass(frozen=True)
class Marks:
    """Where each value stands. Keys of `places` are locations such as `("checks", 0, "params", "target")`."""

    file: str
    places: Mapping[Location, tuple[int, int]]
    keys: Mapping[Location, tuple[int, int]]

    def problem(self, location: Location, message: str, at_key: bool = False) -> Problem:
        """Make a problem at `location`, or at the nearest enclosing place that exists in the file."""
        if at_key and location in self.keys:
            return Problem(self.file, *self.keys[location], message)
        return Problem(self.file, *self.places[self.existing(location)], message)

    def existing(self, location: Location) -> Location:
        """Return `location`, or the nearest enclosing one that stands in the file."""
        while location not in self.places:
            location = location[:-1]
        return location

    def line(self, location: Location) -> int:
        """Line, from 1, of the value at `location`."""
        return self.places[location][0]


def parse(text: str, name: str) -> tuple[Any, Marks]:
    """Read YAML 1.2; raise SpecError with every mistake. `name` is what the file is called in them."""
    yaml = YAML(typ="safe", pure=True)
    reader = _Reader(name, yaml)
    try:
        node = yaml.compose(text)
        data = reader.read(node, ()) if node else None
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        message = ", ".join(str(part) for part in (error.context, error.problem) if part)
        raise SpecError([Problem(name, line, column, f"not valid YAML: {message}")]) from error
    except ReaderError as error:
        place = place_at(text[: error.position])
        message = f"not valid YAML: the character {text[error.position]!r} is not allowed"
        raise SpecError([Problem(name, *place, message)]) from error
    except RecursionError as error:
        raise SpecError([Problem(name, 1, 1, "nested too deeply to be a spec")]) from error
    if reader.problems:
        raise SpecError(list(dict.fromkeys(reader.problems)))
    if data is None:
        message = "the spec is empty; it needs `audit`, `models`, `data` and `checks`"
        raise SpecError([Problem(name, 1, 1, message)])
    return data, Marks(name, MappingProxyType(reader.places), MappingProxyType(reader.keys))


def shown(value: Any) -> str:
    """Quote a value of a spec, shortened, as a person would write it."""
    if value is None:
        return "nothing"
    if isinstance(value, dict | list):
        return "a mapping" if isinstance(value, dict) else "a list"
    return str(value).lower() if isinstance(value, bool) else _repr.repr(value)


_PLAIN_TAGS = ("!!str", "!!int", "!!float", "!!bool", "!!null", "!!map", "!!seq")


class _Reader:
    """Walks the node tree once, collecting data, places and problems."""

    def __init__(self, name: str, yaml: YAML) -> None:
        self.name = name
        self.yaml = yaml
        self.places: dict[Location, tuple[int, int]] = {}
        self.keys: dict[Location, tuple[int, int]] = {}
        self.problems: list[Problem] = []

    def read(self, node: Node, location: Location) -> Any:
        absent = node.start_mark.index == node.end_mark.index
        self.places[location] = self.keys.get(location, _place(node)) if absent else _place(node)
        if node.anchor is not None:
            # An alias would also arrive here as its anchored node, so refusing anchors refuses both, and with
            # them documents that contain themselves or unfold without end.
            self._problem(node, f"anchors and aliases (&{node.anchor}) are not allowed: write the value out")
            return None
        tag = str(node.tag).replace("tag:yaml.org,2002:", "!!")
        if tag == "!!timestamp":
            return str(node.value)
        if tag not in _PLAIN_TAGS:
            self._problem(node, f"the tag {tag} is not allowed: specs are data only")
            return None
        if isinstance(node, MappingNode):
            return self._mapping(node, location)
        if isinstance(node, SequenceNode):
            return [self.read(item, (*location, i)) for i, item in enumerate(node.value)]
        try:
            value = self.yaml.constructor.construct_object(node)
        except ValueError:
            self._problem(node, f"{shown(node.value)} can't be read as {tag}")
            return None
        # Plain `str`, not a subclass: execnet and JSON dispatch on exact types.
        return str(value) if isinstance(value, str) else value

    def _mapping(self, node: MappingNode, location: Location) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, ScalarNode):
                self._problem(key_node, "a key must be a plain name")
                continue
            key = str(key_node.value)
            here = (*location, key)
            if key in result:
                line = self.keys[here][0]
                self._problem(key_node, f"the key {key!r} stands twice in one mapping, first at line {line}")
                continue
            self.keys[here] = _place(key_node)
            result[key] = self.read(value_node, here)
        return result

    def _problem(self, node: Node, message: str) -> None:
        self.problems.append(Problem(self.name, *_place(node), message))


def _place(node: Node) -> tuple[int, int]:
    return node.start_mark.line + 1, node.start_mark.column + 1


def place_at(before: str) -> tuple[int, int]:
    """Line and column, from 1, of what follows the text `before`."""
    return before.count("\n") + 1, len(before) - before.rfind("\n")
