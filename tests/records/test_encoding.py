"""What a dataclass says of its fields is understood, however it says it."""

import dataclasses
import typing
from typing import Any, TypeVar

import numpy as np
import pytest
from typing_extensions import TypeAliasType

from auditor.records.encoding import decode, encode

Kind = TypeVar("Kind", bound=np.generic)
# As NumPy has it since 2.5, which Python 3.11 can't have; and names for others.
Array = TypeAliasType("Array", np.ndarray[Any, np.dtype[Kind]], type_params=(Kind,))
Pair = TypeAliasType("Pair", tuple[Kind, Kind], type_params=(Kind,))
Name = TypeAliasType("Name", str)


@dataclasses.dataclass(frozen=True)
class Held:
    image: Array[Any]
    maybe: Array[Any] | None
    pairs: tuple[Pair[int], ...]
    name: Name = "none"


@pytest.mark.parametrize("alone", [False, True])
def test_a_name_for_a_type_is_what_it_stands_for(alone):
    image = np.arange(6.0).reshape(2, 3)
    held = Held(image, None if alone else image, ((1, 2), (3, 4)), "a")
    arrays: dict[str, Any] = {}
    data = encode(held, arrays)
    found = decode(Held, data, arrays)
    assert typing.get_origin(Array[Any]) is not np.ndarray
    assert np.array_equal(found.image, image)
    assert (found.maybe is None) == alone
    assert (found.pairs, found.name) == (held.pairs, "a")
    for wrong in ({"pairs": [[1, "2"]]}, {"name": 3}, {"pairs": [[1]]}):
        with pytest.raises(ValueError):
            decode(Held, {**data, **wrong}, arrays)
