"""A test suite for trained classifiers: YAML specs, real attacks, verdicts with intervals, an HTML report."""

__version__ = "0.1.0"
