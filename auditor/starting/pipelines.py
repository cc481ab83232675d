"""What a build server runs: a workflow for each that is known, with nothing but what the README installs."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Pipeline:
    """A build server's file: where it lies, and its text with the spec's path for SPEC."""

    path: str
    text: str


_GITHUB = """\
name: audit
on: [push, pull_request]
permissions: {contents: read}
jobs:
  audit:
    runs-on: ubuntu-latest
    permissions: {contents: read, security-events: write}
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-python@v5
        with: {python-version: "3.11"}
      - run: pip install robustness-auditor
      - uses: actions/cache@v4
        with:
          path: .audit_cache
          key: audit-${{ github.run_id }}-${{ github.run_attempt }}
          restore-keys: audit-
      - run: auditor run SPEC
      # A fork's token may not write there.
      - if: always() && (github.event_name == 'push' || !github.event.pull_request.head.repo.fork)
        uses: github/codeql-action/upload-sarif@v3
        with: {sarif_file: reports}
      - if: always()
        uses: actions/upload-artifact@v4
        with: {name: audit, path: reports}
"""
_GITLAB = """\
audit:
  image: python:3.11
  cache: {key: audit, paths: [.audit_cache]}
  script:
    - pip install robustness-auditor
    - auditor run SPEC
  after_script:
    - auditor report --join .
  artifacts:
    when: always
    paths: [reports, gl-code-quality.json]
    reports: {junit: junit.xml, codequality: gl-code-quality.json}
"""
_JENKINS = """\
pipeline {
  agent { docker { image 'python:3.11' } }
  stages {
    stage('audit') {
      steps {
        sh 'python -m venv .venv && .venv/bin/pip install robustness-auditor'
        // What stands within a page is refused where Jenkins shows artifacts.
        sh '.venv/bin/auditor run SPEC --audit-report-layout folder'
      }
    }
  }
  post {
    always {
      junit 'reports/*/junit.xml'
      archiveArtifacts artifacts: 'reports/**', allowEmptyArchive: true
    }
  }
}
"""

PIPELINES: Mapping[str, Pipeline] = {
    "github": Pipeline(".github/workflows/audit.yml", _GITHUB),
    "gitlab": Pipeline(".gitlab-ci.yml", _GITLAB),
    "jenkins": Pipeline("Jenkinsfile", _JENKINS),
}
IGNORED = ("reports/", ".audit_cache/")
