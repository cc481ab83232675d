"""What `auditor init --template` writes is run as it stands, with files of the names that it asks for."""

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from auditor.checks import qualification
from auditor.cli.main import main
from auditor.compute.backend import tensorflow
from auditor.records.store import Folder
from auditor.starting.templates import TEMPLATES
from tests.support import CLASSES, SIZE, data, linear_weights, states


def _network(scale):
    """A linear classifier of the sum of its three channels, surer the larger `scale` is."""
    tensorflow()
    import keras

    model = keras.Sequential([keras.Input((SIZE, SIZE, 3)), keras.layers.Flatten(), keras.layers.Dense(CLASSES)])
    kernel, bias = linear_weights()
    model.layers[-1].set_weights([np.repeat(kernel, 3, axis=0) * scale / 3, bias])
    model.add(keras.layers.Softmax())
    return model


def _files(folder: Path) -> None:
    """A sure network, the one before it, and images in which classes are plain to see, or just so in every tenth."""
    _network(3.0).save(folder / "MODEL.keras")
    _network(2.0).save(folder / "MODEL-BEFORE.keras")
    for i, (image, label) in enumerate(zip(*data(150), strict=True)):
        there = folder / "IMAGES" / ("ant", "bee", "cat")[label]
        there.mkdir(parents=True, exist_ok=True)
        pale = 0.4 + (image - 0.4) * (1 if i % 10 else 0.08)
        Image.fromarray((pale[..., 0] * 255).round().astype(np.uint8)).save(there / f"{i}.png")


def _shortened(path: Path) -> None:
    """Take as few steps and images as gates still can be settled with, and leave all else as it is written."""
    text = path.read_text("utf-8")
    for long, short in (("steps: 500", "steps: 20"), ("steps: 40", "steps: 5"), ("samples: 50", "samples: 20")):
        text = text.replace(long, short)
    path.write_text(text, "utf-8")


pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """All of them in one run, so that what they share is measured once: the verdict of every case, by template."""
    folder = tmp_path_factory.mktemp("templates")
    _files(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        # All decoys take minutes, and have tests of their own.
        patch.setattr(qualification, "DISGUISES", dict(list(qualification.DISGUISES.items())[:1]))
        for name in TEMPLATES:
            assert CliRunner().invoke(main, ["init", "--template", name]).exit_code == 0
            _shortened(Path(f"{name}.audit.yaml"))
        done = CliRunner().invoke(main, ["run", ".", "-p", "no:cacheprovider"])
    runs = [Folder(path.parent).load_run() for path in (folder / "reports").glob("*/manifest.json")]
    return {run.audit: states(run) for run in runs}, done.output


@pytest.mark.parametrize("name", TEMPLATES)
def test_each_measures_all_that_it_asks_for_and_passes_on_a_sound_model(ran, name):
    found, said = ran
    assert len(found[name]) == sum(text.count("- id: ") for text in TEMPLATES[name].checks)
    assert set(found[name].values()) <= {"pass", "descriptive"}, said
