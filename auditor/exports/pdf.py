"""A report as a PDF (A4, tagged, with bookmarks), printed by the Chromium that is there."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from auditor.report.paper import for_paper
from auditor.telling.reason import named_reason
from auditor.values import RecordError, Run

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")
_SECONDS = 300


def write_pdf(run: Run, path: Path) -> None:
    """Print a run to a file; raise RecordError where no browser is there, or it fails."""
    browser = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if browser is None:
        message = f"a PDF is printed by Chromium, and none is here (looked for {', '.join(BROWSERS)})"
        raise RecordError(f"{message}: install one, or print index.html from any browser")
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder, "report.html")
        page.write_text(for_paper(run), encoding="utf-8")
        root = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []  # else it won't start as root
        command = [
            browser, "--headless=new", *root, "--disable-gpu", f"--user-data-dir={folder}/profile",
            "--no-pdf-header-footer", "--generate-pdf-document-outline", f"--print-to-pdf={folder}/report.pdf",
            page.as_uri(),
        ]  # fmt: skip
        try:
            done = subprocess.run(command, capture_output=True, timeout=_SECONDS, check=False)
            content = Path(folder, "report.pdf").read_bytes()
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        except FileNotFoundError as error:
            raise RecordError(f"{browser} printed nothing (it ended with {done.returncode})") from error
        except (OSError, subprocess.SubprocessError) as error:
            raise RecordError(f"{path} can't be printed: {named_reason(error)}") from error
