"""The examples for clusters say what schedulers, workers and the auditor understand."""

import importlib.util
from pathlib import Path
from typing import Any

import pytest
import yaml

EXAMPLES = Path(__file__).parents[1] / "examples"


def _commands(documents: list[dict[str, Any]]) -> dict[str, list[str]]:
    found = {}
    for document in documents:
        if document["kind"] in ("Deployment", "Job"):
            (container,) = document["spec"]["template"]["spec"]["containers"]
            found[container["name"]] = [*container["command"], *container.get("args", [])]
    return found


def test_the_commands_and_settings_for_kubernetes_are_understood(pytestconfig):
    pytest.importorskip("distributed")
    from dask import config
    from distributed.cli import dask_scheduler, dask_worker
    from distributed.security import Security

    documents = list(yaml.safe_load_all((EXAMPLES / "kubernetes.yaml").read_text()))
    commands = _commands(documents)
    scheduler = dask_scheduler.main.make_context("scheduler", commands["scheduler"][2:]).params
    assert scheduler["protocol"] == "tls"
    (service,) = (document for document in documents if document["kind"] == "Service")
    address = f"tls://{service['metadata']['name']}:{scheduler['port']}"
    worker = dask_worker.main.make_context("worker", commands["worker"][2:], ignore_unknown_options=True).params
    assert (worker["scheduler"], worker["nthreads"], worker["resources"]) == (address, 1, "GPU=1")
    options = pytestconfig._parser.parse_known_args(commands["audit"][2:])
    assert (options.audit_engine, options.audit_gpu, options.audit_scheduler) == ("dask", True, address)
    (settings,) = (document["data"]["dask.yaml"] for document in documents if document["kind"] == "ConfigMap")
    with config.set(config.merge(config.config, yaml.safe_load(settings))):
        security = Security()
        assert security.require_encryption
        files = (security.tls_ca_file, security.tls_scheduler_cert, security.tls_worker_key, security.tls_client_cert)
        assert files == ("/tls/ca.pem", "/tls/cert.pem", "/tls/key.pem", "/tls/cert.pem")
        assert config.get("distributed.scheduler.no-workers-timeout") == "30 minutes"


def test_the_job_of_a_worker_on_slurm_has_one_thread_one_gpu_and_certificates(tmp_path, monkeypatch):
    jobqueue = pytest.importorskip("dask_jobqueue")
    from dask import config

    found = importlib.util.spec_from_file_location("slurm", EXAMPLES / "slurm.py")
    slurm = importlib.util.module_from_spec(found)
    found.loader.exec_module(slurm)
    certificates = pytest.importorskip("tests.run.engines.certificates", reason="needs cryptography")
    for name, value in certificates.settings(tmp_path / "tls").items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(
        slurm,
        "SLURMCluster",
        lambda **options: jobqueue.SLURMCluster(**{**options, "interface": "lo"}),  # few machines have `ib0`
    )
    config.refresh()
    with slurm.cluster() as cluster:
        job = cluster.job_script()
    assert "#SBATCH --gres=gpu:1" in job
    command = job.splitlines()[-1].split() or job.splitlines()[-2].split()
    assert command[command.index("--resources") + 1] == "GPU=1"
    assert [command[at + 1] for at, part in enumerate(command) if part == "--nthreads"][-1] == "1"
    assert command[command.index("--tls-cert") + 1] == str(tmp_path / "tls" / "cert.pem")
