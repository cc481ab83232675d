"""A file is what its bytes say: graphs are found under any name, and what nobody knows isn't passed as looked into."""

import codecs
import io
import pickle
import zipfile

import pytest

from auditor.compute.backend import tensorflow
from auditor.loading.scanning import scan
from tests.models.suspects import Command
from tests.support import last_run, linear_model, spec, write


def graph(operation: str = "WriteFile"):
    """A frozen graph that writes a file."""
    tf = tensorflow()
    with tf.Graph().as_default() as made:
        name = tf.constant("/tmp/mark", name="name")
        if operation == "WriteFile":
            tf.io.write_file(name, "harmless")
    return made.as_graph_def()


def meta():
    from tensorflow.core.protobuf.meta_graph_pb2 import MetaGraphDef

    return MetaGraphDef(graph_def=graph())


def saved():
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

    return SavedModel(saved_model_schema_version=1, meta_graphs=[meta()])


def also_a_zip() -> bytes:
    """A graph that ends, in a field that no reader of graphs knows, in a whole zip file."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("config.json", "{}")
    content = file.getvalue()
    return graph().SerializeToString() + b"\xfa\x7f" + bytes([len(content) & 0x7F | 0x80, len(content) >> 7]) + content


def as_text(message) -> bytes:
    return b"# a graph\n\n" + str(message).encode()


def lite(name: bytes = b"FlexWriteFile") -> bytes:
    """A model of TensorFlow Lite that calls an operation of TensorFlow."""
    import flatbuffers
    from tensorflow.lite.python import schema_py_generated as schema

    code = schema.OperatorCodeT()
    code.builtinCode, code.customCode = schema.BuiltinOperator.CUSTOM, name
    model = schema.ModelT()
    model.version, model.operatorCodes = 3, [code]
    builder = flatbuffers.Builder(0)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


WRITING = {
    "frozen graph": lambda: graph().SerializeToString(),
    "graph with what belongs to it": lambda: meta().SerializeToString(),
    "SavedModel": lambda: saved().SerializeToString(),
    "graph as text": lambda: as_text(graph()),
    "SavedModel as text": lambda: as_text(saved()),
    "graph that is a zip file as well": also_a_zip,
    "TensorFlow Lite": lite,
}
BINARY = ("frozen graph", "graph with what belongs to it", "SavedModel", "graph that is a zip file as well")


NAMES = ["frozen.pb", "model.keras", "weights.h5", "model.onnx", "model", "notes.txt", "saved_model.pb", "graph.meta"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", WRITING)
def test_a_graph_that_writes_files_is_found_under_any_name(tmp_path, kind, name):
    (tmp_path / name).write_bytes(WRITING[kind]())
    found = [threat for threat in scan({name: tmp_path / name}) if threat.severity == "critical"]
    if name in NAMES[-2:] and kind not in BINARY:
        assert [threat.kind for threat in found] == ["unreadable"]  # by this name no loader takes it for what it is
    else:
        assert any("WriteFile" in threat.message for threat in found), found


def test_it_is_found_among_the_parts_of_an_archive(tmp_path):
    linear_model().save(tmp_path / "m.keras")
    with zipfile.ZipFile(tmp_path / "m.keras", "a") as archive:
        archive.writestr("assets/graph.bin", graph().SerializeToString())
    threat = scan({"m.keras": tmp_path / "m.keras"})[0]
    assert (threat.severity, threat.file) == ("critical", "m.keras › assets/graph.bin")


@pytest.mark.parametrize("protocol", range(6))
def test_a_pickle_of_any_protocol_is_no_pass(tmp_path, protocol):
    (tmp_path / "m.dat").write_bytes(pickle.dumps(Command(), protocol))
    (threat,) = scan({"m.dat": tmp_path / "m.dat"})
    assert threat.severity in (("unknown",) if protocol == 1 else ("critical",))


@pytest.mark.parametrize(
    "content",
    [
        b"", b"cat\ndog\n", "Räder\n".encode(), b'{"a": [1, 2]}', b"{ not json", b"# Title\n\nnode is a word here\n",
        b"x = " + b"(" * 500, b"a\\d\n", b"names: [cat, dog]\n",
        b"# Use\n\n```python\nimport keras\nmodel = keras.saving.load_model('m.keras')\n```\n",
    ],
)  # fmt: skip
def test_texts_are_looked_into_and_hold_nothing(tmp_path, content):
    (tmp_path / "labels.txt").write_bytes(content)
    assert scan({"labels.txt": tmp_path / "labels.txt"}) == ()


LAMBDA = b'{"class_name": "Lambda", "module": "keras.layers", "config": {}}'


@pytest.mark.parametrize(
    ("content", "severity", "told"),
    [
        (b"import os\nos.remove('x')\n", "unknown", "it is a program"),
        (b"__import__('os').remove('x')", "unknown", "it is a program"),
        (b"#!/bin/sh\nrm x\n", "unknown", "it is a program"),
        (b"!!python/object/apply:os.remove ['x']\n", "critical", "it is YAML that makes objects of Python"),
        (codecs.BOM_UTF8 + LAMBDA, "critical", "it is Python code"),
        (codecs.BOM_UTF8 + as_text("node { name: 'w' op: 'WriteFile' }"), "critical", "the operation WriteFile"),
    ],
)
def test_texts_that_may_act_are_no_pass(tmp_path, content, severity, told):
    (tmp_path / "labels.txt").write_bytes(content)
    (threat,) = scan({"labels.txt": tmp_path / "labels.txt"})
    assert threat.severity == severity
    assert told in threat.message


def test_what_holds_no_graph_by_a_graph_s_name_is_not_looked_into(tmp_path):
    (tmp_path / "saved_model.pb").write_bytes(b"\x08\x01")
    (threat,) = scan({"saved_model.pb": tmp_path / "saved_model.pb"})
    assert threat.severity == "unknown"


def test_a_graph_that_only_computes_is_known(tmp_path):
    for name, content in (("a.pb", graph("none").SerializeToString()), ("b.tflite", lite(b"FlexRelu"))):
        (tmp_path / name).write_bytes(content)
        assert scan({name: tmp_path / name}) == ()


def test_numbers_are_known_only_beside_the_table_they_belong_to(tmp_path):
    shard = tmp_path / "variables.data-00000-of-00001"
    shard.write_bytes(b"\x00\xff\x01" * 100)
    (threat,) = scan({shard.name: shard})
    assert (threat.severity, threat.kind) == ("unknown", "not looked into")
    table = tmp_path / "variables.index"
    table.write_bytes(bytes(40) + b"\x57\xfb\x80\x8b\x24\x75\x47\xdb")
    assert scan({shard.name: shard, table.name: table}) == ()


CHECKS = """\
- {id: scan, check: model_scan, model: odd, expect: {critical: {max: 0}}}
- {id: none, check: model_scan, model: odd, expect: {unknown: {max: 0}}}
"""


def scanned(project, path):
    write(project, spec(CHECKS, models=f"odd: {{format: keras, path: {path}, output: probabilities}}\n"))
    project.runpytest_inprocess()
    return last_run(project)


def test_what_was_not_looked_into_is_never_a_pass(project):
    (project.path / "m.xyz").write_bytes(b"\x00\x01what is this\xfe" * 30)
    found = scanned(project, "m.xyz")
    record = found.records["scan"]
    assert record.verdict.status == "inconclusive"
    assert "m.xyz couldn't be looked into, being of no kind that the scan knows" in record.verdict.message
    assert record.evidence.summary == "0 files were looked into, m.xyz not: nothing critical, 0 warnings."
    assert (record.evidence.metrics["unknown"].value, record.evidence.metrics["files"].value) == (1, 0)
    assert found.records["none"].verdict.status == "fail"
    assert record.provenance["models"]["odd"]["not looked into"] == ["m.xyz"]
    page = (project.path / "reports/tiny/index.html").read_text()
    assert "couldn’t be looked into before loading" in page


def test_a_frozen_graph_that_writes_files_fails_the_scan_and_is_not_loaded(project):
    (project.path / "frozen.pb").write_bytes(graph().SerializeToString())
    record = scanned(project, "frozen.pb").records["scan"]
    assert record.verdict.status == "fail"
    models = "odd: {format: keras, path: frozen.pb, output: probabilities}\n"
    write(project, spec("- {id: right, check: accuracy, model: odd}\n", models=models))
    project.runpytest_inprocess()
    message = last_run(project).records["right"].verdict.message
    assert "the operation WriteFile" in message
    assert "it isn't loaded" in message
