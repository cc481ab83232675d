"""`auditor init`: what people have becomes a spec that validates, passes on its model and fails on a degraded one."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from click.testing import CliRunner
from PIL import Image

from auditor.cli.main import main
from auditor.compute.backend import tensorflow
from auditor.loading import resources
from auditor.records.store import Folder
from auditor.spec.plan import make_plan
from auditor.starting import formats, looking
from auditor.starting.looking import look
from auditor.values import DataError, ModelError
from tests.models import formats as forms
from tests.models.serving import honest, start
from tests.models.test_taking import of_any_size
from tests.support import CLASSES, SIZE, data, states

NAMES = ("ant", "bee", "cat")


def write_numbers(folder):
    images, labels = data(150)
    np.savez(folder / "data.npz", images=images, labels=labels, classes=np.array(NAMES))
    two = labels < 2
    np.savez(folder / "two.npz", images=images[two], labels=labels[two], classes=np.array(NAMES[:2]))
    np.savez(folder / "grey_levels.npz", images=(images * 255).round(), labels=labels, classes=np.array(NAMES))


def write_pictures(folder):
    """In colour and twice as large, as a camera would have them."""
    images, labels = data(150)
    for i, (image, label) in enumerate(zip(images, labels, strict=True)):
        there = folder / "photos" / NAMES[label]
        there.mkdir(parents=True, exist_ok=True)
        large = np.kron((image[..., 0] * 255).round().astype(np.uint8), np.ones((2, 2), np.uint8))
        Image.fromarray(np.stack([large] * 3, axis=-1)).save(there / f"{i}.png")


def _single_unit(folder):
    """Whether it is a bee: the difference of two of the network's classes."""
    tensorflow()
    import keras

    model = forms.network()
    kernel, bias = model.layers[-1].get_weights()
    last = keras.layers.Dense(1, activation="sigmoid")
    outputs = last(model.layers[-2].output)
    last.set_weights([kernel[:, 1:2] - kernel[:, :1], bias[1:2] - bias[:1]])
    keras.Model(model.inputs, outputs).save(folder / "unit.keras")


def _logits(folder):
    tensorflow()
    import keras

    model = forms.network()
    last = keras.layers.Dense(CLASSES)
    outputs = last(model.layers[-2].output)
    last.set_weights(model.layers[-1].get_weights())
    keras.Model(model.inputs, outputs).save(folder / "logits.keras")


def _takes_grey_levels(folder):
    tensorflow()
    import keras

    inputs = keras.Input(forms.SHAPE)
    keras.Model(inputs, forms.network()(keras.layers.Rescaling(1 / 255, name="levels")(inputs))).save(
        folder / "levels.keras"
    )


def _served(folder):
    """Nothing to write: a server has it."""


ADDRESS = "http://served/v1/models/net"
WRITTEN = {
    "m.keras": (forms.keras, "data.npz", {"output": "probabilities"}),
    "m.h5": (forms.legacy_keras, "photos", {"output": "probabilities"}),
    "exported": (forms.saved_model, "data.npz", {"format": "saved_model"}),
    "m.tflite": (forms.tflite, "data.npz", {"format": "tflite"}),
    "m.onnx": (forms.onnx_one, "photos", {"format": "onnx"}),
    "m.pbtxt": (forms.frozen_text, "data.npz", {"format": "frozen_graph", "input": "x"}),
    "model-1000.meta": (
        forms.tf1_checkpoint,
        "photos",
        {"format": "tf1_checkpoint", "input": "x", "logits": "y_conv", "constants": {"keep_prob": 1.0}},
    ),
    "model.json": (forms.tfjs, "data.npz", {"format": "tfjs"}),
    ADDRESS: (_served, "data.npz", {"format": "http", "protocol": "tensorflow_serving"}),
    "unit.keras": (_single_unit, "two.npz", {"output": "sigmoid"}),
    "logits.keras": (_logits, "grey_levels.npz", {"output": "logits"}),
    "levels.keras": (_takes_grey_levels, "data.npz", {"preprocessing": {"scale": 255}}),
}


def _spec(name):
    """Where the spec of a kind of model is written."""
    return f"specs/{formats.name_of(name)}.audit.yaml"


def _all_written(folder):
    for write, _, _ in WRITTEN.values():  # in this order: a frozen graph is made of a checkpoint, and takes that away
        write(folder)


@pytest.fixture(scope="module")
def begun(tmp_path_factory):
    """A folder in which `init` was asked about every kind of model, what it said, and what serves one of them."""
    folder = tmp_path_factory.mktemp("begun")
    (folder / ".git").mkdir()
    write_numbers(folder)
    write_pictures(folder)
    _all_written(folder)
    server, said, prober = start(honest(forms.network()), forms.SHAPE), {}, resources.Prober()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(resources, "Prober", lambda *_: prober)  # one process tries them all: to start it takes longest
        for name, (_, images, _) in WRITTEN.items():
            more = ["--ci", "github"] if name == "m.keras" else []
            model = name.replace("http://served", server.url)
            said[name] = CliRunner().invoke(main, ["init", model, images, "--yes", "--output", _spec(name), *more])
        yield folder, said, server
    server.stop()


@pytest.mark.parametrize("name", WRITTEN)
def test_what_people_have_becomes_a_spec(begun, name):
    folder, said, _ = begun
    assert said[name].exit_code == 0, said[name].output
    assert f"Next: auditor run {_spec(name)}" in said[name].output
    path = folder / _spec(name)
    entry = yaml.safe_load(path.read_text())["models"]["release"]
    assert {key: entry[key] for key in WRITTEN[name][2]} == WRITTEN[name][2]
    plan = make_plan(path)
    checks = {case.id: case for case in plan.cases}
    assert checks["clean-accuracy"].expectations
    assert not plan.warnings
    assert plan.audit == formats.name_of(name)
    assert ("file-is-harmless" in checks) == (name != ADDRESS)
    [attacks] = [case.params.attacks for case in plan.cases if case.check == "robust_accuracy"]
    blind = name in ("m.tflite", ADDRESS)
    assert [choice.name for choice in attacks] == (["square"] if blind else ["apgd", "square"])


def test_what_was_assumed_is_said(begun):
    _, said, _ = begun
    assert "resize them? yes (assumed)" in said["m.h5"].output
    assert "was a softmax to follow when it was trained? yes (assumed)" in said["logits.keras"].output
    assert "rescales its input itself (layer `levels`): give it 0..255" in said["levels.keras"].output
    assert "150 of 150 images are right" in said["m.onnx"].output
    assert "what is keep_prob fed with when the model is used, not trained? 1.0 (assumed)" in said["m.pbtxt"].output
    assert "it takes an image as a row of 36 numbers" in said["model-1000.meta"].output


def test_what_a_build_server_needs_lies_there_too(begun):
    folder, _, _ = begun
    workflow = yaml.safe_load((folder / ".github" / "workflows" / "audit.yml").read_text())
    steps = [step.get("run") for step in workflow["jobs"]["audit"]["steps"]]
    assert "auditor run specs/m.keras.audit.yaml" in steps
    assert (folder / ".gitignore").read_text().splitlines() == ["reports/", ".audit_cache/"]


@pytest.mark.slow
def test_gates_pass_on_the_model_and_fail_on_a_degraded_one(begun):
    """Every kind is measured, exchanged for a network that takes every class for another, and measured again."""
    folder, _, server = begun
    quick = ["-k", "clean-accuracy or harmless or sure", "-p", "no:cacheprovider"]
    assert CliRunner().invoke(main, ["validate", "specs"]).exit_code == 0
    whole = CliRunner().invoke(main, ["run", "specs/m.keras.audit.yaml", *quick[2:], "--audit-report", "whole"])
    assert whole.exit_code == 0, whole.output
    good = CliRunner().invoke(main, ["run", "specs", *quick])
    assert good.exit_code == 0, good.output
    before, network = forms.network().get_weights(), forms.network()
    assert _gates(folder) == dict.fromkeys(map(formats.name_of, WRITTEN), "pass")
    try:
        network.set_weights([*before[:-2], np.roll(before[-2], 1, axis=1), np.roll(before[-1], 1)])
        server.version = "8"
        _all_written(folder)
        degraded = CliRunner().invoke(main, ["run", "specs", *quick])
    finally:
        network.set_weights(before)
    assert degraded.exit_code == 1, degraded.output
    assert _gates(folder) == dict.fromkeys(map(formats.name_of, WRITTEN), "fail")


def _gates(folder):
    """What became of the floor under the accuracy, in the last run of every audit."""
    runs = [Folder(path.parent).load_run() for path in (folder / "reports").glob("*/manifest.json")]
    return {run.audit: states(run)["clean-accuracy"] for run in runs}


def test_a_spec_is_not_written_over(begun):
    folder, _, _ = begun
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        again = CliRunner().invoke(main, ["init", "m.keras", "data.npz", "--output", "specs/m.keras.audit.yaml"])
    assert again.exit_code == 2
    assert "exists; --output names another file" in again.output


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("m.pkl", "runs whatever code it holds"),
        ("m.ckpt.index", "name the `.meta` file that holds its graph"),
        ("saved_model.pb", "name its folder"),
        ("m.bin", "can't be told from its name"),
    ],
)
def test_a_file_that_is_no_model_says_what_to_do(tmp_path, name, says):
    (tmp_path / name).touch()
    with pytest.raises(ModelError, match=says):
        formats.model_format(tmp_path / name)


def test_data_that_cannot_be_told(tmp_path):
    with pytest.raises(DataError, match="a folder with a folder of images for every class"):
        formats.dataset(None, (SIZE, SIZE, 1))
    Image.new("L", (4, 4)).save(tmp_path / "a.png")
    with pytest.raises(DataError, match="lie in no class's folder"):
        formats.dataset(tmp_path, None)


def test_a_table_beside_images_is_read_by_the_columns_that_it_has(tmp_path):
    Image.new("L", (4, 4)).save(tmp_path / "a.png")
    (tmp_path / "labels.csv").write_text("id,file_name,Class\n1,a.png,ant\n")
    columns = {"image_column": "file_name", "label_column": "Class"}
    wanted = {"dataset": "csv", "path": tmp_path / "labels.csv", **columns}
    assert formats.dataset(tmp_path, None) == formats.dataset(tmp_path / "labels.csv", None) == wanted
    for part in ("train", "test"):
        (tmp_path / "split" / part).mkdir(parents=True)
    with pytest.raises(
        DataError, match=r"parts of a data set \(test, train\); name the one that the model wasn't trained on"
    ):
        formats.dataset(tmp_path / "split", None)


def test_any_size_whole_numbers_and_names_beside_the_model_are_noticed(tmp_path, monkeypatch):
    write_pictures(tmp_path)
    of_any_size("uint8").save(tmp_path / "m.keras")
    (tmp_path / "labels.txt").write_text("0 cat\n1 ant\n2 bee\n")
    monkeypatch.chdir(tmp_path)
    said = CliRunner().invoke(main, ["init", "m.keras", "photos", "--yes"])
    assert said.exit_code == 0, said.output
    assert "it takes images of any size and 1 channels" in said.output
    told = "labels.txt beside the model has its classes in another order than the data, or more: cat, ant, bee"
    assert told in " ".join(said.output.split())
    [path] = tmp_path.rglob("*.audit.yaml")
    spec = yaml.safe_load(path.read_text())
    assert spec["models"]["release"]["preprocessing"] == {"scale": 255}
    assert (spec["data"]["names"], spec["data"]["channels"], spec["data"].get("resize")) == (
        ["cat", "ant", "bee"],
        1,
        None,
    )
    [attacks] = [case.params.attacks for case in make_plan(path).cases if case.check == "robust_accuracy"]
    assert [choice.name for choice in attacks] == ["square"]


def _of_levels_in_another_order(folder):
    """Which of three thirds of an image is bright, of values to 255; its classes aren't in the order of their names."""
    tensorflow()
    import keras

    names = ("wasp", "ant", "bee")
    model = keras.Sequential([keras.Input((6, 6, 1)), keras.layers.Flatten(), keras.layers.Dense(3)])
    kernel = np.kron(np.eye(3), np.ones((12, 1))) / 255
    # Of values up to 1 it always says the same.
    model.layers[-1].set_weights([kernel.astype(np.float32), np.array([0, 0.5, 0], np.float32)])
    model.save(folder / "thirds.keras")
    generator = np.random.default_rng(0)
    for i in range(120):
        image = generator.integers(0, 60, (6, 6)).astype(np.uint8)
        image[2 * (i % 3) : 2 * (i % 3) + 2] += 150
        there = folder / "photos" / names[i % 3]
        there.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(there / f"{i}.png")


def spec_of(name):
    return yaml.safe_load(Path(f"{name}.audit.yaml").read_text("utf-8"))


def test_another_range_and_another_order_are_found_and_of_guesses_nothing_is_claimed(tmp_path, monkeypatch):
    _of_levels_in_another_order(tmp_path)
    monkeypatch.chdir(tmp_path)
    kept = []
    monkeypatch.setattr(looking, "look", lambda *given: kept.append(look(*given)) or kept[0])
    said = CliRunner().invoke(main, ["init", "thirds.keras", "photos", "--yes"])
    assert said.exit_code == 0, said.output
    assert "multiplied by 255" in said.output
    assert "do so? yes (assumed)" in said.output
    assert spec_of("thirds")["models"]["release"] == {
        "format": "keras",
        "path": "thirds.keras",
        "output": "logits",
        "preprocessing": {"scale": 255},
    }
    assert "in its order, wasp, ant, bee; say so? yes (assumed)" in said.output
    assert "120 of 120 images are right: 100%" in said.output
    assert spec_of("thirds")["data"]["names"] == ["wasp", "ant", "bee"]
    assert "# The order of `names` is the one that fits the model's answers" in Path("thirds.audit.yaml").read_text(
        "utf-8"
    )
    assert make_plan(Path("thirds.audit.yaml")).cases[0].expectations

    guesses = replace(kept[0], labels=np.arange(120) // 3 % 3)
    monkeypatch.setattr(looking, "look", lambda *_: guesses)
    said = CliRunner().invoke(main, ["init", "thirds.keras", "photos", "--yes", "--force"])
    assert said.exit_code == 0, said.output
    assert "images looked at are right, no more than by always naming one class" in said.output
    assert spec_of("thirds")["checks"][0] == {"id": "clean-accuracy", "check": "accuracy"}


def test_what_a_build_server_reads_is_not_written_where_it_does_not_look(tmp_path, monkeypatch):
    (tmp_path / ".git").mkdir()
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    said = CliRunner().invoke(main, ["init", "--template", "minimal", "--ci", "github"])
    assert said.exit_code == 2
    assert f"run this in {tmp_path}, with paths from there" in said.output
    assert not list(tmp_path.rglob("*.y*ml"))
    assert CliRunner().invoke(main, ["init", "--template", "minimal"]).exit_code == 0
    assert Path(".gitignore").read_text().splitlines() == ["reports/", ".audit_cache/"]
    # Nor what it can't reach, or would take for something else.
    monkeypatch.chdir(tmp_path)
    for spec, said_of in (
        ("../mine.audit.yaml", f"lies outside of {tmp_path}, which is all that a build server has"),
        ("a'b.audit.yaml", "isn't made of alone"),
        ("a: b.audit.yaml", "isn't made of alone"),
        ("-x.audit.yaml", "isn't made of alone"),
        ("$(id).audit.yaml", "isn't made of alone"),
    ):
        said = CliRunner().invoke(main, ["init", "--template", "minimal", "--ci", "gitlab", f"--output={spec}"])
        assert said.exit_code == 2, spec
        assert said_of in " ".join(said.output.split()), said.output
    assert not (tmp_path / ".gitlab-ci.yml").exists()
    there = ["init", "--template", "minimal", "--ci", "gitlab", f"--output={tmp_path / 'our audits.audit.yaml'}"]
    assert CliRunner().invoke(main, there).exit_code == 0
    assert '- auditor run "our audits.audit.yaml"' in (tmp_path / ".gitlab-ci.yml").read_text()
