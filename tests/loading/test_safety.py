"""What a checkpoint may not do to the audit: be another than was meant, run code, take the session down."""

import contextlib
import dataclasses
import hashlib
import json
import os
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization as form
from cryptography.hazmat.primitives.asymmetric import ec

from auditor import catalog
from auditor.loading import signature
from auditor.loading.resources import Resources
from auditor.records.store import Folder
from auditor.run.cache import Cache
from auditor.run.engines import worker
from auditor.spec.plan import make_plan
from auditor.values import ModelError
from tests.models.suspects import h5_external_link, with_lambda
from tests.support import last_run, linear_model, spec, write

with contextlib.suppress(ImportError):  # here, since pytester forgets what is imported while it runs
    import model_signing.signing

ONE = "- {id: odd, check: accuracy, model: odd}\n- {id: fine, check: accuracy}"
OTHER = "a" * 64


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def entry(name: str, more: str) -> str:
    return f"odd: {{format: keras, path: {name}, output: probabilities, {more}}}\n"


def run(project, models, *arguments, checks=ONE):
    write(project, spec(checks, models=models))
    result = project.runpytest_inprocess(*arguments)
    return result, last_run(project)


# --- digests


def test_a_pinned_checkpoint_is_used_and_the_report_says_so(project):
    pinned = f"trusted: true, sha256: {sha256(project.path / 'steeper.keras')}"
    result, found = run(project, entry("steeper.keras", pinned))
    result.assert_outcomes(passed=2)
    origin = found.records["odd"].provenance["models"]["odd"]
    assert origin["pinned"]
    assert not found.records["fine"].provenance["models"]["linear"]["pinned"]
    assert "digests as the spec demands" in (project.path / "reports/tiny/index.html").read_text()


@pytest.mark.parametrize(
    ("pinned", "told"),
    [
        (OTHER, "its SHA-256 is {digest}, the spec says aaa"),
        (f"{{steeper.keras: {OTHER}}}", "the SHA-256 of 'steeper.keras' is {digest}, the spec says aaa"),
        ("{{steeper.keras: {digest}, more: {digest}}}", "it has no file 'more'"),
        ("{{less.keras: {digest}}}", "it has no file 'less.keras'"),
    ],
)
def test_another_checkpoint_is_an_error_of_each_of_its_cases_and_is_not_loaded(project, pinned, told):
    (project.path / "steeper.keras").write_text("no checkpoint at all")
    digest = sha256(project.path / "steeper.keras")
    checks = ONE + "\n- {id: looks, check: model_scan, model: odd}"
    more = f"trusted: true, sha256: {pinned.replace('{{', '{').replace('}}', '}').replace('{digest}', digest)}"
    result, found = run(project, entry("steeper.keras", more), checks=checks)
    result.assert_outcomes(passed=1, failed=2)
    for case in ("odd", "looks"):
        message = found.records[case].verdict.message
        assert told.format(digest=digest) in message
        assert "(line 6 of one.audit.yaml); it isn't loaded" in message


def test_a_digest_of_every_file_of_a_folder(tmp_path):
    linear_model().export(tmp_path / "exported", verbose=False)
    (tmp_path / "data.npz").write_bytes(b"")
    files = sorted(path for path in (tmp_path / "exported").rglob("*") if path.is_file())
    named = {path.relative_to(tmp_path / "exported").as_posix(): sha256(path) for path in files}
    written = {
        "audit": "a",
        "models": {"m": {"format": "saved_model", "path": "exported", "output": "probabilities", "sha256": named}},
        "data": {"dataset": "npz", "path": "data.npz"},
        "checks": [{"id": "c", "check": "accuracy"}],
    }
    (tmp_path / "a.audit.yaml").write_text(json.dumps(written))
    plan = make_plan(tmp_path / "a.audit.yaml")
    checkpoint = Resources().checkpoint(plan, "m")
    assert checkpoint.pinned
    assert checkpoint.digests == named
    (tmp_path / "exported" / "extra").write_text("")
    with pytest.raises(Exception, match="the spec gives no digest of its file 'extra'"):
        Resources().checkpoint(plan, "m")


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ("sha256: abc", "`models.odd.sha256` should match ^[0-9a-f]{64}$ or a mapping, got 'abc'"),
        ("sha356: abc", "unknown key 'sha356'; did you mean 'sha256'?"),
        ("trusted: maybe", "`models.odd.trusted` should be true or false, got 'maybe'"),
        ("load_seconds: 0", "`models.odd.load_seconds` should be above 0, got 0"),
    ],
)
def test_a_mistake_in_a_safeguard_has_its_place(project, more, told):
    write(project, spec(ONE, models=entry("steeper.keras", more)))
    result = project.runpytest_inprocess()
    result.stdout.fnmatch_lines([f"one.audit.yaml:6:*: {told.replace('[', '[[]')}*"])


def test_a_model_without_files_has_nothing_to_guard_or_to_look_into(project):
    served = "served: {format: http, url: 'http://127.0.0.1:9/v2/models/m', protocol: kserve_v2, output: logits"
    looks = "- {id: looks, check: model_scan, model: served}"
    write(project, spec(looks, models=f"{served}, sha256: {OTHER}, trusted: true}}\n"))
    told = [f"*: `{name}` is for checkpoints in files; the format 'http' has none*" for name in ("sha256", "trusted")]
    project.runpytest_inprocess().stdout.fnmatch_lines(told)
    _, found = run(project, served + "}\n", checks=looks)
    assert found.records["looks"].verdict.message == "model 'served' has no files to look into"


def test_what_is_kept_holds_for_a_checkpoint_that_the_spec_demands_and_for_code_as_then(project):
    digest, checks = sha256(project.path / "steeper.keras"), ONE + "\n- {id: looks, check: model_scan, model: odd}"
    run(project, entry("steeper.keras", "trusted: true"), checks=checks)

    _, found = run(project, entry("steeper.keras", f"trusted: true, sha256: {digest}"), checks=checks)
    assert {case for case, record in found.records.items() if record.cached} == {"odd", "fine"}
    assert found.records["odd"].provenance["models"]["odd"]["pinned"]
    assert found.records["looks"].evidence.metrics["unpinned"].value == 0

    result, found = run(project, entry("steeper.keras", f"trusted: true, sha256: {OTHER}"), checks=checks)
    result.assert_outcomes(passed=1, failed=2)
    assert f"its SHA-256 is {digest}, the spec says aaa" in found.records["odd"].verdict.message

    _, found = run(project, entry("steeper.keras", "trusted: true"), "--audit-allow-code", checks=checks)
    assert not any(record.cached for record in found.records.values())


def test_no_format_has_a_parameter_of_a_safeguards_name():
    from auditor.spec.document import Safeguards

    for name in catalog.names("models"):
        assert not Safeguards.model_fields.keys() & catalog.params_of("models", name).model_fields.keys()


# --- signatures


@pytest.fixture
def keys(project):
    """A key's two halves, and another public one."""
    pytest.importorskip("model_signing")
    for name in ("ours", "other"):
        key = ec.generate_private_key(ec.SECP256R1())
        private = key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption())
        public = key.public_key().public_bytes(form.Encoding.PEM, form.PublicFormat.SubjectPublicKeyInfo)
        (project.path / f"{name}.pem").write_bytes(private)
        (project.path / f"{name}.pub").write_bytes(public)
    return project


def sign(path, signature):
    model_signing.signing.Config().use_elliptic_key_signer(private_key=path.parent / "ours.pem").sign(path, signature)


def test_a_signed_checkpoint_is_used_and_any_other_is_not(keys):
    path = keys.path / "steeper.keras"
    signed = "trusted: true, public_key: ours.pub"
    sign(path, keys.path / "model.sig")
    result, found = run(keys, entry(path.name, signed))
    result.assert_outcomes(passed=2)
    assert found.records["odd"].provenance["models"]["odd"]["signed"]
    assert "signed as the spec demands" in (keys.path / "reports/tiny/index.html").read_text()

    (keys.path / "model.sig").rename(keys.path / "aside.sig")
    result, found = run(keys, entry(path.name, signed))
    result.assert_outcomes(passed=1, failed=1)
    assert "there is no signature" in found.records["odd"].verdict.message, "though nothing else has changed"

    (keys.path / "aside.sig").rename(keys.path / "model.sig")
    path.write_bytes((keys.path / "linear.keras").read_bytes())
    result, found = run(keys, entry(path.name, signed))
    result.assert_outcomes(passed=1, failed=1)
    assert "model.sig doesn't hold with" in found.records["odd"].verdict.message


def test_a_signature_of_a_folder_covers_every_file(keys):
    folder = keys.path / "exported"
    linear_model().export(folder, verbose=False)
    sign(folder, keys.path / "model.sig")
    arguments = ("m", folder, keys.path / "model.sig", keys.path / "ours.pub")
    signature.check(*arguments)
    (folder / "more").write_text("")
    with pytest.raises(ModelError, match="Extra files found"):
        signature.check(*arguments)
    (folder / "more").unlink()
    with pytest.raises(ModelError, match=r"doesn't hold with .*other.pub"):
        signature.check(*arguments[:3], keys.path / "other.pub")
    (keys.path / "model.sig").write_text("{}")
    with pytest.raises(ModelError, match=r"doesn't hold with .*ours.pub"):
        signature.check(*arguments)
    with pytest.raises(ModelError, match=r"there is no signature .*; `model_signing sign key` makes one"):
        signature.check("m", folder, keys.path / "none.sig", keys.path / "ours.pub")


def test_a_signature_without_its_package_or_key(project, monkeypatch):
    (project.path / "its.sig").write_text("{}")
    (project.path / "key.pub").write_text("")
    monkeypatch.setitem(sys.modules, "model_signing.verifying", None)
    _, found = run(project, entry("steeper.keras", "public_key: key.pub, signature_path: its.sig"))
    assert "pip install 'robustness-auditor[signing]'" in found.records["odd"].verdict.message
    write(project, spec(ONE, models=entry("steeper.keras", "signature_path: its.sig")))
    told = "*`signature_path` needs `public_key`, the key that must have signed it*"
    project.runpytest_inprocess().stdout.fnmatch_lines([told])


def test_a_signature_that_the_spec_says_nothing_of_is_told_and_not_taken_for_checked(project):
    (project.path / "model.sig").write_text("{}")
    checks = "- {id: odd, check: accuracy, model: odd}\n- {id: looks, check: model_scan, model: odd}"
    result, found = run(project, entry("steeper.keras", "trusted: true"), checks=checks)
    result.assert_outcomes(passed=2)
    told = "*one.audit.yaml:6:*model 'odd' has a signature, model.sig, which isn't checked: name the key*`public_key`"
    result.stdout.fnmatch_lines([told])
    origin = found.records["odd"].provenance["models"]["odd"]
    assert (origin["signed"], origin["unchecked"]) == (False, True)
    assert "A signature lies beside that wasn't checked" in found.records["looks"].evidence.summary
    assert (
        "lies beside it, unchecked, as the spec names no key" in (project.path / "reports/tiny/index.html").read_text()
    )

    (project.path / "model.sig").unlink()
    _, found = run(project, entry("steeper.keras", "trusted: true"), checks=checks)
    assert not found.records["odd"].provenance["models"]["odd"]["unchecked"]
    assert "signature" not in found.records["looks"].evidence.summary, "kept, though not of this"


# --- code


def test_code_runs_only_where_it_is_allowed(project):
    with_lambda().save(project.path / "code.keras")
    models = entry("code.keras", "trusted: true")
    result, found = run(project, models)
    result.assert_outcomes(passed=1, failed=1)
    message = found.records["odd"].verdict.message
    assert "code.keras › config.json: Lambda 'lambda" in message
    assert "it isn't loaded (if you trust whoever made it, --audit-allow-code loads it all the same)" in message
    assert not found.code_allowed

    result, found = run(project, models, "--audit-allow-code")
    result.assert_outcomes(passed=2)
    assert found.code_allowed
    assert found.records["odd"].provenance["code_allowed"]
    result.stdout.fnmatch_lines(["code in checkpoints was allowed to run (--audit-allow-code)"])
    page = (project.path / "reports/tiny/index.html").read_text()
    assert "Code in checkpoints was allowed to run" in page


def test_code_is_allowed_by_the_ini_file_in_workers_too(project):
    with_lambda().save(project.path / "code.keras")
    project.makeini("[pytest]\naudit_allow_code = true")
    write(project, spec(ONE, models=entry("code.keras", "trusted: true")))
    project.runpytest_inprocess("-n1").assert_outcomes(passed=2)
    assert last_run(project).records["odd"].provenance["code_allowed"]


def asked(classifier, task):
    return classifier.predict(task)


def test_workers_of_an_engine_run_code_where_it_is_allowed(project):
    with_lambda().save(project.path / "code.keras")
    plan = make_plan(write(project, spec(ONE, models=entry("code.keras", "trusted: true"))))
    resources = Resources(allow_code=True)
    classifier = resources.classifier(plan, "odd")
    source, images = resources.source_of(classifier), resources.samples(plan).images
    _, found = worker.work(asked, source, resources.digests(source), classifier.input_shape, 0, images)
    assert (found == classifier.predict(images)).all()
    forbidden = dataclasses.replace(source, allow_code=False)
    with pytest.raises(ModelError, match="Lambda"):
        worker.work(asked, forbidden, resources.digests(source), classifier.input_shape, 0, images)


def test_an_architecture_is_looked_into_too(project):
    model = with_lambda()
    (project.path / "code.json").write_text(model.to_json())
    model.save_weights(project.path / "m.weights.h5")
    models = (
        "odd: {format: weights, architecture: code.json, path: m.weights.h5, output: probabilities, trusted: true}\n"
    )
    result, found = run(project, models)
    result.assert_outcomes(passed=1, failed=1)
    assert "code.json: Lambda 'lambda" in found.records["odd"].verdict.message
    result, _ = run(project, models, "--audit-allow-code")
    result.assert_outcomes(passed=2)


def test_what_looks_hostile_is_not_loaded(project):
    path = h5_external_link(project.path)
    result, found = run(project, entry(path.name, "trusted: true"))
    result.assert_outcomes(passed=1, failed=1)
    assert "m.h5 › model_weights/elsewhere: it is a link into another file" in found.records["odd"].verdict.message


# --- another process

EVIL = '''
"""A format whose checkpoints do harm when they are opened."""

import ctypes
import os
import time
from pathlib import Path

import numpy as np

from auditor.values import ModelError
from auditor.values import FilePath, Parameters
from auditor.models import keras


class Params(Parameters):
    """Which file says what to do."""

    path: FilePath
    """The file."""


def load(params):
    """Do what the file says."""
    todo = Path(params.path).read_text()
    with Path(__file__).with_name(Path(params.path).stem + ".log").open("a") as log:
        log.write(f"{os.getpid()}\\n")
    if todo == "crash":
        ctypes.string_at(0)
    if todo == "loop":
        time.sleep(600)
    if todo == "bomb":
        return [np.ones(10**7) for _ in range(1000)]
    if todo == "refuse":
        raise ModelError("it doesn't want to")
    if todo == "defect":
        raise KeyError("oops")
    return keras.load(keras.Params(path=str(Path(__file__).with_name("linear.keras")), output="probabilities"))
'''
HARM = {
    "bomb": "loading it takes more memory than it may",
    "refuse": "it doesn't want to",
    "defect": "KeyError: 'oops'",
    "none": None,
    "changed": None,
    "loop": "was loaded in another process first, and took longer than 3 s",
}


@pytest.fixture
def evil(project, monkeypatch):
    """The format `evil`, as another package would bring it."""
    (project.path / "evil_format.py").write_text(EVIL)
    info = project.path / "evil-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: evil\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[auditor.models]\nevil = evil_format\n")
    monkeypatch.syspath_prepend(project.path)
    catalog._third_party.cache_clear()
    yield project
    catalog._third_party.cache_clear()
    sys.modules.pop("evil_format", None)


def pids(project, name):
    return (project.path / f"{name}.log").read_text().split()


@pytest.mark.slow
def test_harm_is_done_elsewhere_and_the_session_goes_on(evil):
    for name in HARM:
        (evil.path / f"{name}.evil").write_text(name)
    seconds = dict.fromkeys(HARM, 300) | {"loop": 3}
    models = "".join(
        f"{name}: {{format: evil, path: {name}.evil, load_gigabytes: 1, load_seconds: {seconds[name]}}}\n"
        for name in HARM
    )
    checks = "\n".join(f"- {{id: {name}, check: accuracy, model: {name}}}" for name in HARM)
    result, found = run(evil, models, checks=checks + "\n- {id: again, check: accuracy, model: refuse}")
    result.assert_outcomes(passed=2, failed=5)
    assert len(pids(evil, "refuse")) == 1, "what was refused isn't tried again in a session"
    for name, told in HARM.items():
        record = found.records[name]
        assert record.verdict.status == ("error" if told else "descriptive"), name
        assert told is None or told in record.verdict.message, record.verdict.message
        # Only what has passed elsewhere is loaded here.
        assert (str(os.getpid()) in pids(evil, name)) == (told is None), name
    assert 'raise KeyError("oops")' in found.records["defect"].failure.traceback

    kept = Cache(evil.path / ".audit_cache")
    kept.remove([entry.path.name for entry in kept.entries()])  # results alone, so that all is measured again
    before = pids(evil, "none")
    (evil.path / "changed.evil").write_text("crash")
    result, found = run(evil, models, "-k", "none or changed", checks=checks)
    result.assert_outcomes(passed=1, failed=1, deselected=4)
    assert pids(evil, "none")[len(before) :] == [str(os.getpid())], "it passed before, so it isn't tried again"
    told = "took it down: it died of SIGSEGV (it had 1 GB; the spec can raise this model's `load_seconds`"
    part = Folder(evil.path / "reports" / "tiny" / "partial").load_run()
    assert told in part.records["changed"].verdict.message
    assert found.records["changed"].verdict.status == "descriptive", "what was found before stays beside it"
    assert len([note for note in (evil.path / ".audit_cache/loaded").iterdir() if not note.suffix]) == 2
