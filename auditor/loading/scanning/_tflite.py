"""TensorFlow Lite: its operations, of which those of TensorFlow proper can reach files."""

from collections.abc import Iterator

from auditor.loading.scanning._graphs import reaching
from auditor.loading.scanning._threat import Threat, unreadable

MARK = b"TFL3"
# An operation of TensorFlow within such a file is called by this and its name.
_FLEX = "Flex"
_STATEFUL = ("RANDOM_UNIFORM", "RANDOM_STANDARD_NORMAL", "MULTINOMIAL", "ASSIGN_VARIABLE")


def stateful_operations(content: bytes) -> tuple[str, ...]:
    """Names of a model's operations that draw at random or change a variable."""
    from tensorflow.lite.python.schema_py_generated import BuiltinOperator, Model

    model = Model.GetRootAs(content)
    codes = {model.OperatorCodes(i).BuiltinCode() for i in range(model.OperatorCodesLength())}
    return tuple(name for name in _STATEFUL if getattr(BuiltinOperator, name) in codes)


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
