"""Pieces of work on several cores: all of them, at once, and not for longer than somebody waits."""

import threading
import time

import pytest

from auditor.compute import parallel, progress
from auditor.compute.capacity import cores


def test_every_piece_is_worked_off_and_several_meet():
    met = threading.Barrier(3, timeout=20)

    def piece(item):
        met.wait()  # never passes with fewer than three at once
        return 10 * item

    assert sorted(parallel.each(piece, range(6), most=3)) == [(i, 10 * i) for i in range(6)]


def test_results_come_in_order_if_that_is_asked_for():
    def slow_first(item):
        time.sleep(0.02 * (3 - item))
        return item

    assert parallel.in_order(slow_first, range(3)) == [0, 1, 2]


def test_a_piece_within_a_piece_takes_no_more_cores():
    def outer(_):
        return {threading.get_ident() for _ in range(4)} | set(
            parallel.in_order(lambda _: threading.get_ident(), range(4))
        )

    assert all(len(found) == 1 for _, found in parallel.each(outer, range(4), most=2))


def test_an_error_is_raised_and_ends_what_tells_of_its_progress():
    met = threading.Barrier(2, timeout=20)
    begun, ended = [], []

    def piece(item):
        if item < 2:
            met.wait()
        if item == 0:
            raise ValueError("the first")
        begun.append(item)
        for _ in range(2000):
            try:
                progress.told("going on")
            except progress.StoppedError:
                ended.append(item)
                raise
            time.sleep(0.01)
        raise AssertionError("nobody stopped it")

    with pytest.raises(ValueError, match="the first"):
        list(parallel.each(piece, range(50), most=2))
    assert 1 in ended
    assert sorted(ended) == sorted(begun), "none is left behind"
    assert len(begun) < 10, "those that hadn't begun never do"


def test_whoever_watches_hears_of_all_threads():
    heard = []
    with progress.watched(heard.append):
        parallel.in_order(lambda item: progress.told("piece ", item), range(4))
    assert sorted(heard) == [f"piece {i}" for i in range(4)]


@pytest.mark.parametrize(
    ("environment", "wanted"),
    [
        ({}, cores()),
        ({"PYTEST_XDIST_WORKER_COUNT": "1000"}, 1),
        ({"PYTEST_XDIST_WORKER_COUNT": "2"}, max(1, cores() // 2)),
        ({"TF_NUM_INTRAOP_THREADS": str(cores())}, 1),
        ({"TF_NUM_INTRAOP_THREADS": "1"}, cores()),
    ],
)
def test_as_many_at_once_as_there_are_cores_for(monkeypatch, environment, wanted):
    for name in ("PYTEST_XDIST_WORKER_COUNT", "TF_NUM_INTRAOP_THREADS"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert parallel.at_once() == wanted
