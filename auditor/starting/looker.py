"""Who looks: opens model and data as an audit of them would, asks what can't be known, and says what was found."""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from auditor.classifiers import sized
from auditor.loading.opening import behind_preprocessing
from auditor.loading.resources import Resources
from auditor.spec import Plan, make_plan
from auditor.values import Classifier, Samples

Ask = Callable[[str, str, Sequence[str]], str]
"""A question, its likely answer, and all there are, if they are few: gives the answer."""
Say = Callable[[str], None]
Entry = Mapping[str, Any]
"""What a spec says of a model, or of data."""

NAME = "release"


@dataclass
class Looker:
    """What is known so far, and the resources that open it."""

    resources: Resources
    ask: Ask
    say: Say
    notes: list[str] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)
    """Why nothing is to be claimed of what was measured, beside what the numbers themselves show."""

    def plan(self, model: Entry, data: Entry) -> Plan:
        """A plan of nothing but this model on this data."""
        spec = {
            "audit": "look",
            "models": {NAME: _plain(model)},
            "data": _plain(data),
            "checks": [{"id": "look", "check": "accuracy"}],
        }
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "look.audit.yaml"
            path.write_text(yaml.safe_dump(spec), encoding="utf-8")
            return make_plan(path)

    def samples(self, model: Entry, data: Entry) -> Samples:
        """The data, as an audit lets it in; loaded once for as long as its entry stays."""
        return self.resources.samples(self.plan(model, data))

    def opened(self, model: Entry, data: Entry) -> Classifier:
        """The model by itself, whether or not the data fits it."""
        return self.resources.let_in_for_samples(self.plan(model, data), NAME)

    def prepared(self, opened: Classifier, model: Entry, data: Entry, shape: tuple[int, ...]) -> Classifier:
        """What was opened, behind the preprocessing of the model's entry, for images (H, W, C); not held against it."""
        return behind_preprocessing(NAME, sized(opened, shape), self.plan(model, data).models[NAME], shape)

    def classifier(self, model: Entry, data: Entry) -> Classifier:
        """The model as an audit measures it on the data."""
        return self.resources.classifier(self.plan(model, data), NAME)

    def digest(self, model: Entry, data: Entry) -> str:
        """SHA-256 of the model's files; of one that a server has, nothing."""
        return "".join(self.resources.digests(self.plan(model, data).models[NAME]).values())


def _plain(entry: Entry) -> dict[str, Any]:
    return {name: str(value) if isinstance(value, Path) else value for name, value in entry.items()}
