"""covert_message"""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from auditor.checks.covert_message import Params, decode, digits_per_byte, encode, run
from auditor.values import CheckError
from tests.support import context


@given(st.text(min_size=1), st.integers(2, 300))
def test_what_is_written_is_read(text, base):
    digits = encode(text.encode(), base)
    assert digits.min() >= 0
    assert digits.max() < base
    assert decode(digits, base) == text


@pytest.mark.parametrize(("base", "size"), [(2, 8), (3, 6), (10, 3), (16, 2), (255, 2), (256, 1), (1000, 1)])
def test_digits_per_byte(base, size):
    assert digits_per_byte(base) == size


def test_plain_ascent_is_read_by_strangers_too(networks, digits):
    strangers = ["retrained-1", "retrained-2"]
    evidence = run(context(networks["cnn"], digits, networks), Params(message="Hello!", strangers=strangers))
    assert evidence.metrics["owner_recovered"].value == 1
    assert evidence.metrics["stranger_recovered"].value > 0.5
    assert evidence.metrics["bits_per_image"].value == pytest.approx(8 / 3)
    assert evidence.tables[0].rows[0][2] == "Hello!"


def test_decoys_keep_strangers_out(networks, digits):
    params = Params(
        message="Hello!", strangers=["retrained-3"], decoys=["retrained-1", "retrained-2"], steps=40, step_size=0.05
    )
    evidence = run(context(networks["cnn"], digits, networks), params)
    assert evidence.metrics["owner_recovered"].value >= 0.8
    assert evidence.metrics["stranger_recovered"].value <= 0.5
    assert evidence.metrics["stranger_digits.retrained-3"].value < evidence.metrics["owner_digits"].value


def test_a_stranger_took_no_part(networks, digits):
    with pytest.raises(ValidationError, match="both a stranger and a decoy"):
        Params(strangers=["a"], decoys=["a"])
    with pytest.raises(CheckError, match="owns the message"):
        run(context(networks["cnn"], digits, networks), Params(strangers=["model"]))
