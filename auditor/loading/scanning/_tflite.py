"""TensorFlow Lite: its operations, of which those of TensorFlow proper can reach files."""

from collections.abc import Iterator

from auditor.loading.scanning._graphs import reaching
from auditor.loading.scanning._threat import Threat, unreadable

MARK = b"TFL3"
# An operation of TensorFlow within such a file is called by this and its name.
_FLEX = "Flex"


def threats(called: str, content: bytes) -> Iterator[Threat]:
    """Look through the operations that a model calls."""
    from tensorflow.lite.python.schema_py_generated import Model

    try:
        model = Model.GetRootAs(content)
        names = {model.OperatorCodes(i).CustomCode() for i in range(model.OperatorCodesLength())}
        custom = sorted(name.decode(errors="replace") for name in names if name)
    except Exception as error:  # a table that leads anywhere fails in any way
        yield unreadable(called, error)
        return
    for name in custom:
        operation = name.removeprefix(_FLEX)
        if name.startswith(_FLEX) and reaching(operation):
            message = f"the operation {operation} reaches files, the network or Python"
            yield Threat("critical", called, "file access", message)
