"""The order of the tests, and what the sessions that they start do without."""

import gc
import importlib
import pkgutil
from collections.abc import Iterator
from contextlib import suppress

import pytest
from hypothesis import settings

import auditor
from auditor.compute import tensorflow
from auditor.compute.backend import settle_threads

# Test modules import what imports TensorFlow while they are collected. With fewer threads than these, a network that
# stands for an endpoint would wait for those that wait for it.
settle_threads()
# A gate that draws other examples each time says now this and now that of the same commit; searching is `make search`.
settings.register_profile("same", derandomize=True, deadline=None)
settings.register_profile("search", max_examples=2000, deadline=None)
settings.load_profile("same")
# A third of what a session without TensorFlow takes is the import of a plugin that none of them uses.
LEAN = ("PYTEST_ADDOPTS", "-p no:hypothesispytest")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests come first: a worker that began one last would let the others wait for it."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(scope="session", autouse=True)
def _what_stays_comes_first() -> None:
    """TensorFlow reads its threads when it is imported, so no test may be the first to import it in its own way.

    Nor may one within a session that pytester takes out of memory again, and TensorFlow with it; what is imported
    before stays, so the package isn't compiled anew for each either. And every session looks for garbage when it ends,
    twice: half of what a small one takes was spent on objects that stay.
    """
    tensorflow()
    import keras  # noqa: F401 - its objects too

    for module in pkgutil.walk_packages(auditor.__path__, "auditor."):
        if not module.name.endswith("__main__"):
            with suppress(ModuleNotFoundError):  # what it needs is an extra
                importlib.import_module(module.name)
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def _lean() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(*LEAN)
        yield


@pytest.fixture
def pytester(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """The same; it takes the variable away."""
    monkeypatch.setenv(*LEAN)
    return pytester
