"""Extensions are found by file name, show their face, and cost nothing to look at."""

import subprocess
import sys
from importlib.metadata import EntryPoint
from typing import get_args

import pytest

from auditor import catalog
from auditor.classifiers.preprocessing import ModelParameters
from auditor.search.loop import Sees
from auditor.search.norms import Norm
from auditor.values import ExtensionError, MetricInfo, MetricKind, Parameters

EXTENSIONS = [(kind, name) for kind in catalog.KINDS for name in catalog.names(kind)]
CHECKS = catalog.names("checks")
RUN_FUNCTIONS = {"checks": ("run",), "attacks": ("start", "step"), "models": ("load",), "datasets": ("preview", "load")}
HEAVY = (
    *("tensorflow", "keras", "matplotlib", "scipy.stats", "mlxtend", "sklearn", "PIL"),
    *("torch", "onnxruntime", "ai_edge_litert", "urllib3"),
)

each_extension = pytest.mark.parametrize(("kind", "name"), EXTENSIONS, ids=lambda value: value)


def python(code: str) -> str:
    """Run code in a fresh interpreter and return what it prints."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_importing_every_extension_is_cheap():
    code = f"""
import sys
from auditor import catalog
for kind in catalog.KINDS:
    for name in catalog.names(kind):
        catalog.load(kind, name)
print([name for name in {HEAVY} if name in sys.modules])
"""
    assert python(code) == "[]"


def test_names_are_found_without_importing_anything():
    code = """
import sys
from auditor import catalog
found = [catalog.names(kind) for kind in catalog.KINDS]
print([m for m in sys.modules if m.startswith(tuple(f"auditor.{kind}." for kind in catalog.KINDS))])
"""
    assert python(code) == "[]"


@pytest.mark.parametrize(
    ("kind", "some"),
    [
        (
            "checks",
            {"accuracy", "noise_to_target", "digit_flip", "transfer", "filters", "weight_maps", "covert_message"},
        ),
        ("attacks", {"std_ascent", "apgd", "fab", "autoattack"}),
        (
            "models",
            {
                "keras",
                "saved_model",
                "tf1_checkpoint",
                "tfjs",
                "frozen_graph",
                "tflite",
                "onnx",
                "torch",
                "torch_weights",
                "weights",
                "http",
            },
        ),
        ("datasets", {"mnist", "mnist_5k", "npz"}),
    ],
)
def test_names_are_sorted_and_leave_out_helpers(kind, some):
    names = catalog.names(kind)
    assert some <= set(names)
    assert list(names) == sorted(names)
    assert not any(name.startswith("_") for name in names)


@pytest.mark.parametrize(
    ("kind", "wrong", "message"),
    [
        ("checks", "acuracy", "unknown check 'acuracy'; did you mean 'accuracy'? (known: accuracy, "),
        ("models", "kears", "unknown model format 'kears'; did you mean 'keras'? (known: frozen_graph, http, "),
        ("datasets", "mnist_5K", "unknown dataset 'mnist_5K'; did you mean 'mnist_5k'? (known: cifar10, "),
        ("attacks", "zzz", "unknown attack 'zzz' (known: "),
        ("checks", "_text", "unknown check '_text'"),
        ("checks", "../errors", "unknown check '../errors'"),
    ],
)
def test_an_unknown_name_gets_the_nearest_right_one(kind, wrong, message):
    with pytest.raises(ExtensionError) as caught:
        catalog.load(kind, wrong)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("no_such_module_anywhere", "check 'mine' can't be imported: No module named 'no_such_module_anywhere'"),
        ("math:pi", "check 'mine': its entry point must name a module"),
    ],
)
def test_a_broken_entry_point_is_explained(monkeypatch, target, message):
    point = EntryPoint("mine", target, "auditor.checks")
    monkeypatch.setattr(catalog, "_third_party", lambda kind: {"mine": point} if kind == "checks" else {})
    with pytest.raises(ExtensionError) as caught:
        catalog.load("checks", "mine")
    assert str(caught.value) == message


@each_extension
def test_the_docstring_has_a_first_line_and_every_section_in_order(kind, name):
    parts = catalog.documentation(kind, name)
    assert list(parts) == ["", *catalog.SECTIONS]
    assert all(text for text in parts.values())
    assert "\n" not in parts[""], "the first line stands alone: menus and the schema show it"
    assert parts[""][-1] in ".?"


@each_extension
def test_the_module_shows_its_face(kind, name):
    module = catalog.load(kind, name)
    params = catalog.params_of(kind, name)
    assert issubclass(params, Parameters)
    assert params.__doc__
    assert kind != "models" or issubclass(params, ModelParameters), "preprocessing belongs to every format"
    functions = RUN_FUNCTIONS[kind]
    if kind == "attacks":
        assert module.SEES in get_args(Sees)
        assert module.SEEKS in ("ball", "distance", "boundary", "ascent", "ensemble")
        assert set(module.NORMS) <= set(get_args(Norm))
        functions = ("stages",) if module.SEEKS == "ensemble" else functions
    assert all(callable(getattr(module, function, None)) for function in functions)


@each_extension
def test_every_parameter_is_explained(kind, name):
    fields = catalog.params_of(kind, name).model_fields
    assert {field: info.description for field, info in fields.items() if not info.description} == {}


@pytest.mark.parametrize("name", CHECKS)
def test_every_metric_is_explained(name):
    metrics = catalog.metrics_of(name)
    assert metrics
    for metric, info in metrics.items():
        assert isinstance(info, MetricInfo)
        assert info.kind in get_args(MetricKind)
        assert info.text.strip(), metric
        assert "*" not in metric.removesuffix(".*")


def test_a_family_of_metrics_describes_its_members():
    promised = {
        "a": MetricInfo("exact", "one"),
        "b.*": MetricInfo("mean", "many"),
        "b.x": MetricInfo("exact", "special"),
    }
    assert catalog.describe("a", promised).text == "one"
    assert catalog.describe("b.3", promised).text == "many"
    assert catalog.describe("b.1.5", promised).text == "many"
    assert catalog.describe("b.x", promised).text == "special"
    assert catalog.describe("b", promised) is None
    assert catalog.describe("a.3", promised) is None
