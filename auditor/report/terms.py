"""What the verdicts and the words on a page mean: only those that are on it."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache

from auditor import catalog
from auditor.report.outcome import WEAKNESS
from auditor.values import ExtensionError

VERDICTS: Mapping[str, str] = {
    "pass": "the whole interval satisfies everything that the spec expects of the case",
    WEAKNESS: "a pass, but every expectation on what has a better side asks for the worse: the case shows what speaks "
    "against the model",
    "fail": "the estimate violates an expectation, or the whole interval does",
    "inconclusive": "the estimate satisfies what is expected and the interval doesn't, or a test of the measurement "
    "itself failed, so that a pass couldn't be believed",
    "error": "it couldn't be measured; the reason stands on its card",
    "waived": "it didn't pass, and the person who is named answers for that until a date",
    "descriptive": "nothing was claimed that the evidence could violate, so nothing passed",
    "cut off": "it began and left no record",
    "not run": "it was planned, and the run ended before it began",
    "not selected": "it was planned, and this run wasn't about it",
}
"""By the word that people read."""

NO_PASS = (
    "A pass is about the images, attacks and limits of its case, no others. What is said of an attack is what these "
    "attacks found: a stronger one may find more, so accuracy under attack is an upper bound."
)
"""What a pass doesn't mean."""

_TERMS: Mapping[str, tuple[str, str]] = {
    "activation maximisation": (r"activation maximi", "an input that makes a unit of the network respond most"),
    "adversarial image": (
        r"\badversarial\b",
        "an image changed within the threat model so that the model errs",
    ),
    "attack success rate": (r"success[ _]rate", "share of the images attacked that became adversarial"),
    "ball": (r"\bball\b", "all images whose distance from the original is at most `eps`, in one norm"),
    "baseline": (r"\bbaseline\b", "a previous run, or the model a release replaces"),
    "box": (r"\bbox\b", "least and greatest value of a pixel"),
    "clean accuracy": (r"clean[ _]accuracy", "accuracy without an attack"),
    "`eps`": (r"\beps\b", "radius of the ball"),
    "L∞, L2, L1, L0": (
        r"(?<![A-Za-z])[Ll](?:inf|∞|2|1|0)(?![A-Za-z0-9])",
        "greatest change of a value; Euclidean length; sum of changes; number of values changed",
    ),
    "logits": (r"\blogits?\b", "what a classifier gives before its softmax"),
    "margin": (
        r"\bmargin\b",
        "the logit of a class less the greatest of the others; an attack has won once its goal's is above 0",
    ),
    "objective": (
        r"\bobjective\b",
        "what the steps of an attack raise: a loss, a logit, a probability or a mean activation",
    ),
    "queries": (r"\bqueries\b", "how often an attack asks the model"),
    "restarts": (r"\brestarts\b", "how often an attack begins anew from another start"),
    "robust accuracy": (
        r"robust[ _]accuracy",
        "share of all images that are right and stay so under the attacks: an upper bound of the true one",
    ),
    "saliency": (r"\bsaliency\b", "which pixels an output depends on"),
    "security curve": (r"security[ _]curve", "accuracy over the attacker's budget"),
    "step size": (r"step[ _]size", "how far an attack moves in one step"),
    "surrogate": (r"\bsurrogate\b", "a network attacked in another's place"),
    "targeted, untargeted": (r"\b(un)?targeted\b", "aimed at one class, or at any wrong one"),
    "threat model": (r"\bthreat model", "norm, `eps`, box, knowledge and goal"),
    "transfer": (r"\btransfer", "adversarial images of one model fooling another"),
}
"""A pattern by which a word is found, and what it means; `docs/reference/glossary.md` says the same, with sources."""


_PLAIN_WORDS = frozenset({"square", "pointwise"})
"""Names of attacks that are words of everyday language, too, and mean the attack only where they stand as code."""


@dataclass(frozen=True)
class Term:
    """A word and what it means. pattern: what finds it in a text. alone: whether it is one only as code."""

    word: str
    meaning: str
    pattern: re.Pattern[str] = field(repr=False)
    alone: bool = False


def known_terms(attacks: Iterable[str]) -> tuple[Term, ...]:
    """All words that are explained here, and attacks by their names where they are installed."""
    return _sorted([*_words(), *_attacks(attacks)])


def terms(texts: Iterable[str], attacks: Iterable[str], also: Iterable[Term] = ()) -> tuple[Term, ...]:
    """The words that occur in texts, attacks by their names, and what else is known to be on a page; each once."""
    said = "\n".join(texts)
    return _sorted([*(term for term in _words() if term.pattern.search(said)), *_attacks(attacks), *also])


@cache
def _words() -> tuple[Term, ...]:
    return tuple(
        Term(word, meaning, re.compile(rf"(?:{pattern})\w*", re.IGNORECASE))
        for word, (pattern, meaning) in _TERMS.items()
    )


def _attacks(names: Iterable[str]) -> Iterator[Term]:
    for name in sorted(set(names)):
        try:
            meaning = f"an attack. {catalog.documentation('attacks', name).get('', '')}"
        except ExtensionError:
            continue  # its card names what isn't installed
        pattern = re.compile(rf"(?<![\w-]){re.escape(name)}(?![\w-])")
        yield Term(f"`{name}`", meaning, pattern, name in _PLAIN_WORDS)


def _sorted(found: Iterable[Term]) -> tuple[Term, ...]:
    return tuple(sorted(dict.fromkeys(found), key=lambda term: term.word.strip("`").lower()))
