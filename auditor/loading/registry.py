"""What is shared with MLflow: how it is reached, and models named `models:/name/version`.

MLflow is imported on request only, with its telemetry off, and is asked nothing unless a tracking URI is configured.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from auditor.spec import Registered
from auditor.telling.reason import reason
from auditor.values import TrackingError

URI = "MLFLOW_TRACKING_URI"
_ADDRESS = re.compile(r"^([A-Za-z][A-Za-z0-9+-]*:.+|databricks)$")


def fetch(wanted: Registered, tracking: str, folder: Path) -> Path:
    """Download the whole artifact of a version into a folder of its own; return where the artifact lies."""
    name = f"models:/{wanted.model}/{wanted.version}"
    with connected(tracking_uri(tracking, name), f"{name} can't be fetched") as mlflow:
        into = folder / f"{wanted.model}-{wanted.version}"
        return Path(mlflow.artifacts.download_artifacts(artifact_uri=name, dst_path=str(into)))


def tracking_uri(given: str, purpose: str) -> str:
    """Return `given`, or else what MLFLOW_TRACKING_URI says; raise TrackingError where neither is a URI."""
    uri = given or os.environ.get(URI, "")
    if not uri:
        message = "no tracking URI is configured, and none is guessed; set MLFLOW_TRACKING_URI or --audit-mlflow=URI"
        raise TrackingError(f"{purpose}: {message}")
    if not _ADDRESS.match(uri):
        message = f"{uri!r} is no tracking URI; allowed are such as https://host:5000, file:///folder and databricks"
        raise TrackingError(f"{purpose}: {message} (after --audit-mlflow without a URI, put another option first)")
    return uri


def require() -> None:
    """Raise TrackingError where MLflow isn't installed, without importing it."""
    if find_spec("mlflow") is None:
        raise TrackingError("mlflow isn't installed; install it with: pip install 'robustness-auditor[mlflow]'")


@contextmanager
def connected(uri: str, failing: str) -> Iterator[Any]:
    """Lend the module `mlflow`, set to a tracking URI.

    Whatever goes wrong with it is a TrackingError that begins with `failing` and shows no password.
    """
    mlflow = _import()
    before = mlflow.get_tracking_uri() if mlflow.is_tracking_uri_set() else None
    try:
        mlflow.set_tracking_uri(uri)
        yield mlflow
    except Exception as error:  # of MLflow, of its stores and of the network: all mean the same here
        # MLflow quotes the address in full.
        raise TrackingError(f"{failing} ({shown(uri)}): {reason(error).replace(uri, shown(uri))}") from error
    finally:
        mlflow.set_tracking_uri(before)  # it stands in the environment too, where it would outlive this


def shown(uri: str) -> str:
    """A URI without user and password."""
    user, at, _ = urlsplit(uri).netloc.rpartition("@")
    return uri.replace(user + at, "", 1) if at else uri


def _import() -> Any:
    require()
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = os.environ["DO_NOT_TRACK"] = "true"
    # Its own seven tries keep a session waiting for minutes where no server answers.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    import mlflow

    return mlflow
