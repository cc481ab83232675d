"""Why text is no YAML, in words for a person who writes specs.

The parser says where it stopped. What is told is derived from the text that stands there and from the collections that
are open, never from the parser's own sentences, which change with its version.
"""

from collections.abc import Sequence
from typing import Any

from yaml.error import Mark, MarkedYAMLError
from yaml.events import MappingStartEvent
from yaml.parser import ParserError

# Specs are some ten levels deep. By its version, PyYAML stops at 1000 levels or at none.
DEEPEST = 100
TOO_DEEP = f"nested too deeply to be a spec: more than {DEEPEST} levels"
_NO_FIRST = "@`%&*!"

Place = tuple[int, int]


def place_at(before: str) -> Place:
    """Line and column, from 1, of what follows the text `before`."""
    return before.count("\n") + 1, len(before) - before.rfind("\n")


def explained(text: str, error: MarkedYAMLError, opened: Sequence[Any], done: int) -> tuple[Place, str]:
    """Where `text` stops being YAML, as line and column from 1, and why.

    opened: the events that began what is still open, outermost first. done: the position that the last event reached;
    the parser looks further ahead.
    """
    mark = error.problem_mark
    end = len(text.rstrip())
    if mark is None or mark.index >= end:
        at, place, here = end, place_at(text[:end]), ""
    else:
        at, place, here = mark.index, (mark.line + 1, mark.column + 1), text[mark.index]
    if len(opened) + _levels(text[done:at]) > DEEPEST:
        return (1, 1), TOO_DEEP
    if here == "\t":
        why = "a tab can't indent a line; use spaces"
    elif text.startswith("%") and place[0] == 1:
        why = "directives, which begin with %, are not allowed"
    elif isinstance(error, ParserError):
        why = _unfit(here, text[:at].rpartition("\n")[2].isspace() or place[1] == 1, opened)
    else:
        why = _unread(text, here, at, error.context_mark or mark)
    return place, f"not valid YAML: {why}"


def _unread(text: str, here: str, at: int, begun: Mark | None) -> str:
    """Why the characters from `begun` to `at` make no word of YAML."""
    first = text[begun.index : begun.index + 1] if begun else ""
    if begun and first and first in "'\"":
        slash = text.rfind("\\", begun.index, at + 2)
        if not here or first == "'" or slash < 0:
            return f"the quote {first} that opens at {_at(begun)} is closed nowhere"
        bad = text[slash : slash + 2]
        return f"{bad} begins no valid escape; in double quotes a backslash is \\\\, in single quotes it is itself"
    if first and first in "|>":
        return f"after `{first}` the line should end; the text begins on the next one"
    if first and first in _NO_FIRST:
        return f"a value can't begin with {first}; put text in quotes"
    if here == ":":
        return (
            "`:` can't stand here: a line holds one `key: value`, in its neighbours' column; quote text that holds `: `"
        )
    if here in ("-", "?"):
        return f"`{here} ` can't stand here: entries begin on lines of their own, below the key"
    return f"{here!r} can't stand here; put text in quotes" if here else "the text ends too early"


def _unfit(here: str, first: bool, opened: Sequence[Any]) -> str:
    """Why what stands here, `first` in its line or not, doesn't go on with what is open."""
    if here == "!":
        return "tags are not allowed: specs are data only"
    if not opened:
        return "a spec is one document; nothing may stand after its end"
    inner = opened[-1]
    kind = "mapping" if isinstance(inner, MappingStartEvent) else "list"
    what = f"the {kind} that begins at {_at(inner.start_mark)}"
    if inner.flow_style:
        close = "}" if kind == "mapping" else "]"
        return f"{what} needs a comma or `{close}` before {here!r}" if here else f"{what} isn't closed by `{close}`"
    if here and here in "]},":
        return f"a value can't begin with {here}; put text in quotes"
    if not first:
        return f"{here!r} can't stand after a value that has ended; put the whole text in quotes"
    wanted = "a key" if kind == "mapping" else "`- `"
    return f"{what} goes on with {wanted} in that column; look at how far this line is indented"


def _levels(ahead: str) -> int:
    """How many collections this text opens and doesn't close, roughly."""
    brackets = ahead.count("[") + ahead.count("{") - ahead.count("]") - ahead.count("}")
    return max(brackets, ahead.rpartition("\n")[2].count("- "))


def _at(mark: Mark) -> str:
    return f"line {mark.line + 1}, column {mark.column + 1}"
