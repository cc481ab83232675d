"""Which images stand for a set: held against the definition of a fair share, for any set and any number."""

import ast
import dataclasses
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import auditor
from auditor.checks import accuracy
from auditor.measuring.cascade import attackable
from auditor.reading.common import Subset
from auditor.values import fingerprints, in_turn, ranking, seen_and_unseen
from tests.support import LinearClassifier, context, samples


def furthest_from_share(sizes: list[int]) -> float:
    """By how much any class differs from its share, after any number of images."""
    labels = np.random.default_rng(len(sizes)).permutation(np.repeat(np.arange(len(sizes)), sizes))
    order = in_turn(labels)
    assert sorted(order) == list(range(len(labels)))
    taken = np.cumsum(np.eye(len(sizes))[labels[order]], axis=0)
    return float(np.abs(taken - np.outer(np.arange(1, len(labels) + 1), sizes) / len(labels)).max())


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(1, 4000), min_size=1, max_size=40).filter(lambda sizes: sum(sizes) <= 4000))
def test_no_class_differs_from_its_share_by_a_whole_image(sizes):
    assert furthest_from_share(sizes) < 1


@pytest.mark.parametrize(
    "sizes",
    [
        [500, 499],
        [200, 199, 199],
        [200] * 9 + [191],
        [500] * 9 + [491],
        [990] + [1] * 10,
        [3989] + [1] * 11,
        [1] * 1000,
    ],
)
def test_sizes_at_which_places_of_equal_distance_run_along_the_classes(sizes):
    assert furthest_from_share(sizes) < 1


def subject(count: int = 60, seed: int = 0):
    """A context on small images of three classes in turn."""
    return dataclasses.replace(
        context(LinearClassifier(np.zeros((36, 3), np.float32), np.zeros(3)), samples(count)), spec_seed=seed
    )


def test_fewer_are_the_first_of_more_and_the_same_again():
    one = subject()
    assert one.sample(40)[:13].tolist() == subject().sample(13).tolist()
    assert sorted(one.sample(1000)) == list(range(60))
    assert one.sample(13).tolist() != subject(seed=1).sample(13).tolist()
    assert dataclasses.replace(one, seed=99).sample(13).tolist() == one.sample(13).tolist(), "cases share their images"


def test_of_some_alone_each_class_has_its_share_of_those():
    among = np.array([0, 3, 6, 9, 12, 15, 18, 21, 1, 4, 7, 10])
    chosen = subject().sample(6, among)
    assert set(chosen) <= set(among.tolist())
    assert np.bincount(subject().samples.labels[chosen]).tolist() == [4, 2]


def names_of(one, positions) -> set[int]:
    return set(one.samples.indices[positions].tolist())


def test_the_same_images_whatever_their_order_their_units_and_the_numbers_of_their_classes():
    plain = subject()
    wanted = names_of(plain, plain.sample(20))
    set_ = plain.samples
    mixed = np.random.default_rng(1).permutation(len(set_))
    shuffled = dataclasses.replace(
        set_, images=set_.images[mixed], labels=set_.labels[mixed], indices=set_.indices[mixed]
    )
    renumbered = dataclasses.replace(set_, labels=(set_.labels + 1) % 3)
    # Grey levels, as 8 bits hold them: once in [0, 1], once in [0, 255].
    levels = np.round(set_.images * 255)
    small = dataclasses.replace(set_, images=(levels / 255).astype(np.float32))
    large = dataclasses.replace(set_, images=levels.astype(np.float32), box=(0.0, 255.0))
    for other in (shuffled, renumbered):
        one = dataclasses.replace(plain, samples=other)
        assert names_of(one, one.sample(20)) == wanted
    both = [dataclasses.replace(plain, samples=other) for other in (small, large)]
    assert names_of(both[0], both[0].sample(20)) == names_of(both[1], both[1].sample(20))


def test_copies_of_an_image_do_not_come_one_after_the_other():
    labels = np.zeros(40, np.int64)
    order = in_turn(labels, 10, ranking(0, labels, [b"a"] * 20 + [b"%d" % i for i in range(20)]))
    assert 1 < (order < 20).sum() < 9


def test_a_fingerprint_is_of_what_an_image_shows():
    images = np.array([0, 0.5, 1, 0.5]).reshape(4, 1, 1, 1).astype(np.float32)
    first, half, last, again = fingerprints(images, (0.0, 1.0))
    assert half == again
    assert len({first, half, last}) == 3
    assert fingerprints(images * 2 - 1, (-1.0, 1.0)) == (first, half, last, again)


def test_a_constant_model_is_right_on_half_of_cats_and_dogs_in_turn():
    """500 of 999 at places of equal distance are 500 cats, of which it calls every one a cat."""
    count = 999
    cats = LinearClassifier(np.zeros((36, 2), np.float32), np.array([1.0, 0.0], np.float32))
    images = np.random.default_rng(0).random((count, 6, 6, 1)).astype(np.float32)
    pets = dataclasses.replace(
        samples(3), images=images, labels=np.arange(count) % 2, indices=np.arange(count), classes=("cat", "dog")
    )
    right = attackable(context(cats, pets), 500, None).right
    assert len(right) == 500
    assert right.sum() in (250, 251)


def test_the_first_images_as_they_stand_are_said_to_be_of_what_they_are():
    """The article looks at the first so many: what that leaves out is told."""
    model = LinearClassifier(np.zeros((36, 3), np.float32), np.zeros(3, np.float32))
    absent, looked = accuracy.run(context(model, samples()), accuracy.Params(first=2, top=1)).notes
    assert "there is no image: c." in absent
    assert looked == (
        "Looked at are the first 2 images of 60, as they stand in the data: they are of a (1), b (1); none is of c."
    )
    assert not accuracy.run(context(model, samples()), accuracy.Params(top=1)).notes


def test_many_classes_are_not_all_listed():
    told = seen_and_unseen(np.array([3]), [str(i) for i in range(100)])
    assert told == "they are of 3 (1); none is of 0, 1, 2, 4, 5, 6, 7, 8, 9, 10, 11, 12 and 87 more classes"


def test_a_count_of_a_dataset_is_nested():
    labels, rows = np.arange(300) % 7, np.arange(300)
    chosen = [set(Subset(count=n).choose(labels, rows, None, "data").tolist()) for n in (10, 40, 299)]
    assert chosen[0] < chosen[1] < chosen[2]


# --- one way to choose

_CHECKS = sorted((Path(auditor.__file__).parent / "checks").glob("*.py"))
# What may take images as they stand, and why: the article's own first 200, of which a note says what they are.
_AS_THEY_STAND = {("accuracy.py", "run")}


def _functions(path: Path):
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef):
            yield node


def _slices_samples(node: ast.AST) -> bool:
    """`samples.images[:n]`, `context.samples.labels[a:b]` and the like."""
    if not isinstance(node, ast.Subscript) or not isinstance(node.slice, ast.Slice):
        return False
    value = node.value
    of_samples = isinstance(value, ast.Attribute) and value.attr in ("images", "labels", "indices")
    owner = value.value if isinstance(value, ast.Attribute) else None
    called = owner.attr if isinstance(owner, ast.Attribute) else owner.id if isinstance(owner, ast.Name) else ""
    places = (node.slice.lower, node.slice.upper)
    whole = isinstance(node.slice.lower, ast.Name) and isinstance(node.slice.upper, ast.BinOp)  # one: [at : at + 1]
    return of_samples and called == "samples" and any(places) and not whole


@pytest.mark.parametrize("path", _CHECKS, ids=lambda path: path.stem)
def test_no_check_chooses_images_by_where_they_stand(path):
    """Whatever is measured on some of the samples takes `context.sample`; `evenly` is for what is shown."""
    for function in _functions(path):
        for node in ast.walk(function):
            where = f"{path.name}:{getattr(node, 'lineno', 0)} in {function.name}"
            if _slices_samples(node):
                assert (path.name, function.name) in _AS_THEY_STAND, f"{where}: take `context.sample(n)`"
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "evenly":
                assert function.name in ("_figures", "_strip"), f"{where}: `evenly` is for galleries and axes"
            assert getattr(node, "attr", "") != "linspace" or function.name in ("_figures", "_curve", "_spread"), (
                f"{where}: take `context.sample(n)`"
            )
