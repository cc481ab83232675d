"""Every mistake in a spec is named where it stands, with what is allowed, in words for a person."""
# ruff: noqa: E501 (a table of messages reads best with one in a line)

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auditor import catalog
from auditor.spec.document import read_spec
from auditor.spec.plan import Plan, make_plan
from auditor.values import Problem, SpecError

BASE = """\
audit: demo
models:
  release: {format: keras, path: a.keras, output: probabilities}
  other: {format: keras, path: b.keras, output: probabilities}
data: {dataset: mnist_5k, split: validation}
checks:
  - id: clean
    check: accuracy
    model: release
    params: {first: 10}
    expect: {accuracy: {min: 0.9}}
  - id: flip
    check: digit_flip
    params: {target: 3}
  - id: onto
    check: transfer
    params: {adversarial: flip, onto: [other]}
"""
TOP = (
    "audit, title, seed, confidence, interval, tags, correction, reruns, models, clusters, independent, data, "
    "other_data, checks, waivers, system, responsible, approver, requirements, evidence, profile, not_applicable"
)
ENTRY = "id, check, title, model, params, expect, slices, weak_segments, confidence, controls, tags, priority, requirement, rationale, severity"
CHECKS, DATASETS, FORMATS = (", ".join(catalog.names(kind)) for kind in ("checks", "datasets", "models"))
ACCURACY = ", ".join(catalog.metrics_of("accuracy"))
NUMBER = "should be a number, or a fraction such as 8/255"
CLASSES = "all, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9"
WRITE_OUT = "write the value out, or in quotes if it is text"
FOLDER = "is the name of a folder in `reports/`: it can't begin with a dot, or be that of a file there"
NAME = "should be 1 to 100 of the characters A-Z a-z 0-9 _ . -"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with checkpoints that planning never opens."""
    for name in ("a.keras", "b.keras"):
        (tmp_path / name).touch()
    return tmp_path


def plan(folder: Path, text: str | bytes) -> Plan:
    path = folder / "s.audit.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return make_plan(path, shown_as="s")


def mistakes(folder: Path, text: str | bytes) -> list[str]:
    with pytest.raises(SpecError) as caught:
        plan(folder, text)
    return str(caught.value).splitlines()


def edited(*edits: tuple[str, str]) -> str:
    text = BASE
    for old, new in edits:
        assert text.count(old) == 1, f"{old!r} must stand once in the base spec"
        text = text.replace(old, new)
    return text


def test_the_base_spec_is_right(folder):
    assert [case.id for case in plan(folder, BASE).cases] == ["clean", "flip", "onto"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "s:1:1: the spec is empty; it needs `audit`, `models`, `data` and `checks`"),
        ("# only a comment\n", "s:1:1: the spec is empty; it needs `audit`, `models`, `data` and `checks`"),
        ("- audit\n", "s:1:1: the spec should be a mapping, got a list"),
        ("audit\n", "s:1:1: the spec should be a mapping, got 'audit'"),
        ("a: 1\n---\nb: 2\n", "s:2:1: not valid YAML: a spec is one document, and here another begins"),
        ("a: 1\nb: x\x07y\n", r"s:2:5: not valid YAML: the character '\x07' is not allowed"),
        ("a: *b\n", f"s:1:4: aliases (*b) are not allowed: {WRITE_OUT}"),
        (b"a: 1\nb: caf\xe9\n", "s:2:7: not UTF-8 text: the byte 0xe9 can't stand here; save the file as UTF-8"),
        (BASE.encode("utf-16"), "s:1:1: not UTF-8 text: the byte 0xff can't stand here; save the file as UTF-8"),
        ("a: 1\n? [b]\n: 2\n", "s:2:3: a key must be a plain name"),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_text_that_is_no_spec(folder, text, expected):
    assert mistakes(folder, text) == [expected]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        # YAML beyond plain data
        ("audit: demo", "audit: demo\naudit: x", "2:1: the key 'audit' stands twice in one mapping, first at line 1"),
        ("{first: 10}", "{first: 1, first: 2}", "10:24: the key 'first' stands twice in one mapping, first at line 10"),
        ("demo", "!!python/object:os.system x", "1:8: the tag !!python/object:os.system is not allowed: specs are data only"),
        ("demo", "!env HOME", "1:8: the tag !env is not allowed: specs are data only"),
        ("first: 10", "first: !!int ten", "10:21: 'ten' can't be read as !!int"),
        ("{min: 0.9}", "&a {min: 0.9}", f"11:24: anchors and aliases (&a) are not allowed: {WRITE_OUT}"),
        ("{accuracy: {min: 0.9}}", "{accuracy: &a {min: 1}, errors: *a}", f"11:24: anchors and aliases (&a) are not allowed: {WRITE_OUT}"),
        ("{min: 0.9}", "{<<: {min: 0.9}}", "11:25: unknown key '<<' (known: min, max, max_drop, max_rise)"),
        # unknown names
        ("audit: demo", "audit: demo\nsede: 3", f"2:1: unknown key 'sede'; did you mean 'seed'? (known: {TOP})"),
        ("model: release", "modle: release", f"9:5: unknown key 'modle'; did you mean 'model'? (known: {ENTRY})"),
        ("first: 10", "frist: 10", "10:14: unknown key 'frist'; did you mean 'first'? (known: top, first, gallery)"),
        ("split: v", "splitt: v", "5:27: unknown key 'splitt'; did you mean 'split'? (known: indices, classes, count, duplicates, show_channels, split, dataset, card)"),
        ("min: 0.9", "mni: 0.9", "11:25: unknown key 'mni'; did you mean 'min'? (known: min, max, max_drop, max_rise)"),
        ("check: accuracy", "check: acuracy", f"8:12: unknown check 'acuracy'; did you mean 'accuracy'? (known: {CHECKS})"),
        ("model: release", "model: relase", "9:12: unknown model 'relase'; did you mean 'release'? (known: release, other)"),
        ("onto: [other]", "onto: [release, othr]", "17:49: unknown model 'othr'; did you mean 'other'? (known: release, other)"),
        ("mnist_5k", "mnist5k", f"5:17: unknown dataset 'mnist5k'; did you mean 'mnist_5k'? (known: {DATASETS})"),
        ("keras, path: a", "kears, path: a", f"3:21: unknown model format 'kears'; did you mean 'keras'? (known: {FORMATS})"),
        ("keras, path: a", "3, path: a", f"3:21: unknown model format 3 (known: {FORMATS})"),
        ("accuracy: {", "acuracy: {", f"11:14: unknown metric 'acuracy'; did you mean 'accuracy'? (known: {ACCURACY})"),
        ("accuracy: {", "errors.3: {", f"11:14: unknown metric 'errors.3'; did you mean 'errors'? (known: {ACCURACY})"),
        ("accuracy: {", "accuracy.*: {", "11:14: 'accuracy.*' stands for several metrics; name one of them after the dot"),
        ("min: 0.9", "min: 95", "11:30: 'accuracy' is a share and lies between 0 and 1; min 95 says nothing about it (did you mean 0.95?)"),
        ("min: 0.9", "max: -0.1", "11:30: 'accuracy' is a share and lies between 0 and 1; max -0.1 says nothing about it"),
        ("accuracy: {", "accuracy.: {", "11:14: 'accuracy.' stands for several metrics; name one of them after the dot"),
        ("adversarial: flip", "adversarial: flp", "17:27: unknown check id 'flp'; did you mean 'flip'? (known: clean, flip)"),
        ("adversarial: flip", "adversarial: [flip, filp]", "17:34: unknown check id 'filp'; did you mean 'flip'? (known: clean, flip)"),
        ("adversarial: flip", "adversarial: onto", "17:27: 'onto' points to itself; name another check whose images it takes"),
        # missing
        ("  - id: clean\n    check", "  - check", "7:5: `id` is missing: Unique in the file; part of the test's name."),
        ("audit: demo\n", "", "1:1: `audit` is missing: The name of this audit; its report lands in a folder of that name."),
        ("{format: keras, path: a", "{path: a", f"3:12: `models.release` needs a `format` (known: {FORMATS})"),
        ("dataset: mnist_5k, ", "", f"5:7: `data` needs a `dataset` (known: {DATASETS})"),
        ("path: a.keras, ", "", "3:12: `models.release.path` is missing: The `.keras` or `.h5` file."),
        ("{min: 0.9}", "{}", "11:24: `expect.accuracy`: needs `min`, `max`, `max_drop` or `max_rise`"),
        ("{min: 0.9}", "{min: }", "11:24: `expect.accuracy`: needs `min`, `max`, `max_drop` or `max_rise`"),
        # wrong types: no guessing
        ("first: 10", "first: ten", "10:21: `params.first` should be a whole number, got 'ten'"),
        ("first: 10", "first: '10'", "10:21: `params.first` should be a whole number, got '10'"),
        ("first: 10", "first: true", "10:21: `params.first` should be a whole number, got true"),
        ("first: 10", "first: 5.0", "10:21: `params.first` should be a whole number, got 5.0"),
        ("{first: 10}", "[first]", "10:13: `params` should be a mapping, got a list"),
        ("{first: 10}", "", "10:5: `params` should be a mapping, got nothing"),
        ("{accuracy: {min: 0.9}}", "[accuracy]", "11:13: `expect` should be a mapping, got a list"),
        ("{min: 0.9}", "0.9", "11:24: `expect.accuracy` should be a mapping, got 0.9"),
        ("  - id: flip\n", "  - flip\n  - id: flip\n", "12:5: item 2 of `checks` should be a mapping, got 'flip'"),
        ("{format: keras, path: a.keras, output: probabilities}", "a.keras", "3:12: `models.release` should be a mapping, got 'a.keras'"),
        ("{dataset: mnist_5k, split: validation}", "mnist_5k", "5:7: `data` should be a mapping, got 'mnist_5k'"),
        ("model: release", "model: 7", "9:12: `model` should be text, got 7"),
        ("audit: demo", "audit: demo\ntitle: 7", "2:8: `title` should be text, got 7"),
        ("onto: [other]", "onto: other", "17:39: `params.onto` should be a list, got 'other'"),
        ("adversarial: flip", "adversarial: 3", "17:27: `params.adversarial` should be a name or a list of names, got 3"),
        ("adversarial: flip", "adversarial: [flip, 3]", "17:34: item 2 of `params.adversarial` should be text, got 3"),
        ("target: 3", "clip: 'yes'", "14:20: `params.clip` should be true or false, got 'yes'"),
        # values out of range
        ("first: 10", "first: 0", "10:21: `params.first` should be at least 1, got 0"),
        ("audit: demo", "audit: demo\nconfidence: 95", "2:13: `confidence` should be below 1, got 95"),
        ("audit: demo", "audit: demo\nseed: -1", "2:7: `seed` should be at least 0, got -1"),
        ("audit: demo", "audit: demo\ninterval: wilsn", "2:11: `interval` should be 'exact' or 'wilson', got 'wilsn'; did you mean 'wilson'?"),
        ("audit: demo", "audit: my demo", f"1:8: `audit` {NAME}, got 'my demo'"),
        ("audit: demo", "audit: ..", f"1:8: `audit` {FOLDER}, got '..'"),
        ("audit: demo", "audit: Index.html", f"1:8: `audit` {FOLDER}, got 'Index.html'"),
        ("id: clean", "id: a/b", f"7:9: `id` {NAME}, got 'a/b'"),
        ("  other:", "  an other:", f"4:3: `models.an other` {NAME}, got 'an other'"),
        ("onto: [other]", "onto: []", "17:39: `params.onto` should have 1 or more entries, got 0"),
        ("target: 3", "step_size: -1/2", "14:25: `params.step_size` should be above 0, got '-1/2'"),
        ("min: 0.9", "min: 0.9, max: 0.1", "11:24: `expect.accuracy`: `min` 0.9 is above `max` 0.1"),
        ("min: 0.9", "min: .nan", "11:30: `expect.accuracy.min` should be a finite number, got nan"),
        ("min: 0.9", "min: -.inf", "11:30: `expect.accuracy.min` should be a finite number, got -inf"),
        ("min: 0.9", "min: 1/0", f"11:30: `expect.accuracy.min` {NUMBER}, got '1/0'"),
        ("min: 0.9", "min: high", f"11:30: `expect.accuracy.min` {NUMBER}, got 'high'"),
        ("min: 0.9", "min: true", f"11:30: `expect.accuracy.min` {NUMBER}, got true"),
        ("min: 0.9", "min: 2024-01-02", f"11:30: `expect.accuracy.min` {NUMBER}, got '2024-01-02'"),
        ("split: validation", "split: trian", "5:34: `data.split` should be 'validation', 'train' or 'all', got 'trian'; did you mean 'train'?"),
        ("split: validation", "split: ", "5:27: `data.split` should be 'validation', 'train' or 'all', got nothing"),
        ("dataset: mnist_5k, split: validation", "dataset: npz, path: a.keras, box: [0, big]", f"5:46: item 2 of `data.box` {NUMBER}, got 'big'"),
        ("dataset: mnist_5k, split: validation", "dataset: npz, path: a.keras, box: [0, 1, 2]", "5:42: `data.box` should have 2 or fewer entries, got 3"),
        ("dataset: mnist_5k, split: validation", "dataset: npz, path: a.keras, box: [1, 0]", "5:7: `data`: `box` runs from 1 to 0; write the lesser value first"),
        # the file as a whole
        ("id: flip", "id: clean", "12:9: id 'clean' is used twice, first at line 7; ids are unique in a file"),
        ("id: flip", "id: Clean", "12:9: id 'Clean' differs from 'clean', at line 7, by capitals alone, which not every file system tells apart; rename one"),
    ],
    ids=lambda value: None if ": " in value and value[0].isdigit() else value.strip()[:30],
)  # fmt: skip
def test_one_mistake(folder, old, new, expected):
    assert mistakes(folder, edited((old, new))) == [f"s:{expected}"]


@pytest.mark.parametrize(
    ("target", "wish"),
    [
        ("some", f"unknown class 'some' (known: {CLASSES})"),
        ("al", f"unknown class 'al'; did you mean 'all'? (known: {CLASSES})"),
        ("-1", "`params.target` should be at least 0 or text, got -1"),
        ("[3]", "`params.target` should be a whole number or text, got a list"),
    ],
)
def test_a_mistake_among_alternatives_is_one_message(folder, target, wish):
    text = edited(("check: digit_flip", "check: noise_to_target"), ("target: 3", f"target: {target}"))
    assert mistakes(folder, text) == [f"s:14:22: {wish}"]


def test_images_are_taken_only_from_a_check_that_makes_some(folder):
    [message] = mistakes(folder, edited(("adversarial: flip", "adversarial: clean")))
    assert message.startswith("s:17:27: 'clean' makes no images: its check is 'accuracy' (checks that make some: ")
    assert "digit_flip" in message


def test_a_missing_file_is_named_with_the_folder_it_was_sought_in(folder):
    [message] = mistakes(folder, edited(("a.keras", "gone/a.keras")))
    place = folder / "gone" / "a.keras"
    assert message == f"s:3:34: no such file: gone/a.keras (paths are relative to the spec: {place})"


def test_a_long_value_is_shown_in_part(folder):
    for old, new in [("id: clean", "id: " + "a" * 101), ("first: 10", "first: " + "9" * 5000)]:
        [message] = mistakes(folder, edited((old, new)))
        assert "..." in message
        assert len(message) < 200


@pytest.mark.parametrize("digits", [400, 4000])
def test_a_number_too_great_for_a_float_is_not_finite(folder, digits):
    for number in ("9" * digits, "9" * digits + "/3"):
        [message] = mistakes(folder, edited(("min: 0.9", f"min: {number}")))
        assert "should be a finite number" in message


def test_a_spec_that_cannot_be_read(folder):
    with pytest.raises(SpecError, match=r"^gone:1:1: can't be read: No such file or directory$"):
        make_plan(folder / "gone.audit.yaml", shown_as="gone")
    with pytest.raises(SpecError, match=r":1:1: can't be read: Is a directory$"):
        make_plan(folder)


@pytest.mark.parametrize(
    ("edits", "starts"),
    [
        (
            [("audit: demo", "audit: !x demo\nseed: &a 1"), ("{target: 3}", "{target: 1, target: 2}")],
            ["s:1:8: the tag !x", "s:2:7: anchors", "s:15:25: the key 'target'"],
        ),
        (
            [("audit: demo", "sede: 1"), ("id: clean", "id: a b"), ("{min: 0.9}", "{mni: x, max: y}")],
            ["s:1:1: `audit` is missing", "s:1:1: unknown key 'sede'", "s:7:9: `id`", "s:11:25: unknown key", "s:11:38: `e"],
        ),
        (
            [
                ("path: a.keras", "path: gone"),
                ("split: validation", "split: 3"),
                ("model: release", "model: x"),
                ("{first: 10}", "{first: a, frist: 1}"),
                ("check: digit_flip", "check: flip"),
                ("onto: [other]", "onto: [x, y]"),
            ],
            ["s:3:34: no", "s:5:34: `d", "s:9:12: u", "s:10:21: `p", "s:10:24: u", "s:13:12: u", "s:17:40: u", "s:17:43: u"],
        ),
    ],
    ids=["yaml", "structure", "names and parameters"],
)  # fmt: skip
def test_several_mistakes_are_reported_together_in_the_order_of_lines(folder, edits, starts):
    found = mistakes(folder, edited(*edits))
    assert [message[: len(start)] for message, start in zip(found, starts, strict=True)] == starts


@pytest.mark.parametrize(
    ("written", "value"),
    [("8/255", 8 / 255), ("1", 1.0), ("'0.5/2'", 0.25), ("-1/4", -0.25), ("1e-3", 0.001), ("012", 12), ("0o17", 15)],
)
def test_what_counts_as_a_number(folder, written, value):
    [expectation] = plan(folder, edited(("accuracy: {min: 0.9", f"errors: {{min: {written}"))).cases[0].expectations
    assert expectation.min == value


def test_only_true_and_false_are_truth_values(folder):
    assert plan(folder, edited(("audit: demo", "audit: demo\ntitle: yes"))).spec.content.title == "yes"


def test_values_are_plain_python_types(folder):
    text = edited(("audit: demo", "audit: 'demo'\ntitle: 2024-01-02"), ("first: 10", "first: 0x0a"))
    made = plan(folder, text)
    assert type(made.audit) is str
    assert made.spec.content.title == "2024-01-02"
    assert type(made.cases[0].params.first) is int


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_line_ends_and_byte_order_marks_change_nothing(folder, encoding):
    text = edited(("model: release", "model: relase")).replace("\n", "\r\n").encode(encoding)
    assert [message[:6] for message in mistakes(folder, text)] == ["s:9:12"]


def test_the_digest_is_of_the_bytes_on_disk(folder):
    first = plan(folder, BASE).spec.digest
    assert plan(folder, BASE).spec.digest == first
    assert plan(folder, BASE + "# a comment\n").spec.digest != first


def test_marks_find_the_line_of_every_value(folder):
    (folder / "s.audit.yaml").write_text(BASE)
    spec = read_spec(folder / "s.audit.yaml")
    assert spec.marks.line(("checks", 1)) == 12
    assert spec.marks.line(("checks", 2, "params", "onto", 0)) == 17


fragments = st.sampled_from(
    ["\n", "  ", "- ", ": ", "{", "}", "[", "]", "&a ", "*a", "!!x ", "~", "'", "1", "nan", "\t", "%", "|"]
)


@given(at=st.integers(0, len(BASE)), cut=st.integers(0, 12), put=fragments | st.text(max_size=3))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_damage_ends_in_anything_but_a_plan_or_a_spec_error(folder, at, cut, put):
    text = (BASE[:at] + put + BASE[at + cut :]).encode(errors="replace")
    problems: tuple[Problem, ...] = ()
    try:
        plan(folder, text)
    except SpecError as error:
        problems = error.problems
    assert all(1 <= problem.line <= text.count(b"\n") + 2 and problem.column >= 1 for problem in problems)
