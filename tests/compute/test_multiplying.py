"""On how many cores NumPy multiplies."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event

import numpy as np
from threadpoolctl import threadpool_info, threadpool_limits

from auditor.compute import on_one_core


def used() -> set[int]:
    return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}


def test_it_holds_until_the_last_has_left_and_is_taken_back_then():
    assert np.ones(1) @ np.ones(1) == 1
    entered, leave = Event(), Event()

    def long() -> set[int]:
        with on_one_core():
            entered.set()
            leave.wait(30)
            return used()

    with threadpool_limits(3, "blas"):
        before = used()
        with ThreadPoolExecutor(1) as pool:
            with on_one_core():
                late = pool.submit(long)
                assert entered.wait(30)
                assert used() == {1}
            assert used() == {1}, "another thread is still at it"
            leave.set()
            assert late.result() == {1}
        assert used() == before
        assert before != {1}
