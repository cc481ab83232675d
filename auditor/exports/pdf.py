"""A report as a PDF (A4, tagged, with bookmarks): printed by the Chromium that is there, else set by WeasyPrint."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from auditor.report.paper import for_paper, plainly
from auditor.telling.reason import named_reason, os_reason
from auditor.values import RecordError, Run

BROWSERS = (
    "chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge", "microsoft-edge",
)  # fmt: skip
"""Those that print without a window, by the names of their programs."""
_SECONDS = 300


def browser_here() -> str | None:
    """The path of the browser that prints, if there is one."""
    return next((found for name in BROWSERS if (found := shutil.which(name))), None)


def write_pdf(run: Run, path: Path) -> None:
    """Print a run to a file; raise RecordError where nothing is there that can, or it fails."""
    browser = browser_here()
    page = for_paper(run)
    content = _set(plainly(page)) if browser is None else _printed(browser, page)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except OSError as error:
        raise RecordError(f"{path} can't be written: {os_reason(error)}") from error


def _printed(browser: str, page: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "report.html")
        file.write_text(page, encoding="utf-8")
        root = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []  # else it won't start as root
        command = [
            browser, "--headless=new", *root, "--disable-gpu", f"--user-data-dir={folder}/profile",
            "--no-pdf-header-footer", "--generate-pdf-document-outline", f"--print-to-pdf={folder}/report.pdf",
            file.as_uri(),
        ]  # fmt: skip
        try:
            done = subprocess.run(command, capture_output=True, timeout=_SECONDS, check=False)
            return Path(folder, "report.pdf").read_bytes()
        except FileNotFoundError as error:
            raise RecordError(f"{browser} printed nothing (it ended with {done.returncode})") from error
        except (OSError, subprocess.SubprocessError) as error:
            raise RecordError(f"{browser} doesn't print: {named_reason(error)}") from error


def _set(page: str) -> bytes:
    """By WeasyPrint, which takes some ten times as long as a browser, and loads nothing."""
    try:
        from weasyprint import HTML
        from weasyprint.urls import URLFetcher
    except ImportError as error:
        message = f"a PDF takes Chromium or WeasyPrint, and neither is here (looked for {', '.join(BROWSERS)})"
        remedy = "install one, or pip install 'robustness-auditor[pdf]', or print index.html from any browser"
        raise RecordError(f"{message}: {remedy}") from error
    except OSError as error:  # the package is there, and a library of the system that it loads isn't
        message = f"WeasyPrint is here, and doesn't start: {named_reason(error)}"
        raise RecordError(f"{message}; it needs Pango, which the system's own packages have") from error
    made: bytes = HTML(string=page, url_fetcher=URLFetcher(allowed_protocols=("data",))).write_pdf(
        pdf_variant="pdf/ua-1"
    )
    return made
