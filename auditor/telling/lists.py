"""How lists are told that may be long, in one place: as many as are read, and how many more there are."""

from collections.abc import Iterable


def listed(texts: Iterable[object], most: int, apart: str = ", ", rest: str = "more") -> str:
    """The first of texts, and how many more there are: `cat, dog, owl and 3 more`; nothing of none.

    apart: what parts them; clauses, by `"; "`, have what is left parted off as well: `a; b; and 3 more`. rest: what the
    others are called.
    """
    told = [str(text) for text in texts]
    left = and_more(len(told) - most, rest)
    return apart.join(told[:most]) + (apart.rstrip() if left and apart != ", " else "") + left


def and_more(left: int, rest: str = "more") -> str:
    """What follows a list of which some are left out: ` and 3 more`; nothing where none is."""
    return f" and {left} {rest}" if left > 0 else ""


def first(texts: Iterable[str], where: str = "") -> str:
    """The first of sentences, and how many more there are: `a.json is gone (and 3 more)`. where: what lists them."""
    told = list(texts)
    left = and_more(len(told) - 1).lstrip()
    return told[0] + (f" ({left}{f'; {where}' if where else ''})" if left else "")
