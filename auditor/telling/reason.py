"""Why others' code failed, in its own words but no more of them than anybody reads: the one place that cuts them.

Frameworks tell a hundred lines of stack and the whole configuration of a model around the one that matters, which is
the first in some, the last in others. What is neither cut here nor of our own writing isn't shown (a test looks).
"""

import re
import traceback

_LINES, _FIRST, _LETTERS = 10, 4, 300
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_AT_NODE = re.compile(r"^Node: .*\n(.+)", re.MULTILINE)  # TensorFlow, of a graph
_INNER = "Exception encountered: "  # Keras, before what a part of a model told; what comes before is its whole config
_NAMED = re.compile(r"([\w.]+\.)?\w*(Error|Exception|Warning): .")
_AROUND = re.compile(r"^\{\{.*?\}\} | \[Op:[^\]]*\]", re.MULTILINE)  # TensorFlow, of the operation that failed
_ARGUMENTS = re.compile(r" Received args: .*", re.DOTALL)  # TensorFlow, with every value of an image
_SPECIFIED = re.compile(r"TensorSpec\(shape=(\([^)]*\))[^)]*\)")
_END_LINES = 60  # of a traceback, at each end
_TRACE = re.compile(r'\s+|File "|Traceback|[~ ]*~+ <--- HERE|:$|\.\.\. ')


def reason(error: BaseException) -> str:
    """Return what an error says is wrong, as one line made of ten of its own at most.

    Of TensorFlow's errors that is what is said of the node where it stopped, of Keras's what the innermost part says,
    and of TorchScript's what stands outside its traces, and after them.
    """
    text = _AROUND.sub("", _COLOURS.sub("", str(error))).strip() or type(error).__name__
    text = _SPECIFIED.sub(r"\1", _ARGUMENTS.sub("", text))
    at_node = _AT_NODE.search(text)
    if at_node:
        return _cut(at_node[1].strip())
    lines = [line.rstrip() for line in text.rpartition(_INNER)[2].splitlines() if line.strip()]
    if len(lines) > _LINES:
        lines = [line for line in lines if not _TRACE.match(line)] or lines
    if len(lines) > _LINES:
        named = [at for at, line in enumerate(lines) if _NAMED.match(line)]
        kept = {*range(_FIRST), *range(len(lines) - _FIRST, len(lines)), *named[-1:]}
        lines = [lines[at] for at in sorted(kept)]
    return " ".join(_cut(line.strip()) for line in lines)


def named_reason(error: BaseException) -> str:
    """Return the name of an error's class and its reason, for those that say nothing without (`KeyError: 'w'`)."""
    name = type(error).__name__
    return f"{name}: {reason(error)}" if str(error).strip() else name


def os_reason(error: OSError) -> str:
    """Return what the system says about a file that the message names already."""
    return error.strerror or reason(error)


def trace() -> str:
    """Return the traceback of the error at hand, without its middle where it is long: recursions go on for pages."""
    lines = [_cut(line) for line in traceback.format_exc().rstrip().splitlines()]
    left_out = len(lines) - 2 * _END_LINES
    if left_out > 1:
        lines[_END_LINES:-_END_LINES] = [f"  … {left_out} lines are left out …"]
    return "\n".join(lines) + "\n"


def _cut(line: str) -> str:
    """A line with its middle left out where it is long: configurations go on for pages."""
    if len(line) <= _LETTERS:
        return line
    return f"{line[: _LETTERS * 2 // 3]} … {line[-_LETTERS // 3 :]}"
