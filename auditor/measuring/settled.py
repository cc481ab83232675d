"""Is what a model answers settled by its weights and the images, or by a clock, a file, chance or what it was asked
before?

Nothing measured today on a model that reads the date says what it answers next month, and a result that was kept would
say so for ever. Whether its answers differ today is another question, which `steady` asks.
"""

from auditor.classifiers import stateful_operations
from auditor.telling.lists import listed
from auditor.values import Classifier, Diagnostic

STATEFUL = "stateful operations"
_SHOWN = 5


def settled(classifier: Classifier, called: str = "", declared: bool = False) -> Diagnostic:
    """Whether a model holds no operations that read a clock, files or randomness, or keep state.

    called: the model's name, where there are several. declared: whether the spec says that it does.
    """
    found = stateful_operations(classifier)
    who = f"{called!r}" if called else "the model"
    if not found:
        return Diagnostic(STATEFUL, True, f"{who} holds none: weights and images settle what it answers")
    message = f"{who} holds {listed(found, _SHOWN)}: such operations read a clock, files or randomness, or keep state"
    if declared:
        return Diagnostic(STATEFUL, True, f"{message}, as the spec declares")
    advice = "what it answers now says nothing of what it answers later; take them out, or, where its answers don't"
    return Diagnostic(
        STATEFUL, False, f"{message}, so that {advice} depend on them, declare the model as `random: true`"
    )
