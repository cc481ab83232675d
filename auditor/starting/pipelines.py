"""What a build server runs: a workflow for each that is known, which installs what is installed here."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from auditor.starting.installed import Source


@dataclass(frozen=True)
class Pipeline:
    """A build server's file: where it lies, and its text.

    text: with SOURCE for what pip installs, SPEC for the path of the spec, and GIVEN where the step that installs is
    given a variable. where: where somebody sets that. given: what hands it on. remark: what begins a line for people.
    """

    path: str
    text: str
    where: str
    given: str = ""
    remark: str = "#"

    def filled(self, source: Source, spec: str) -> str:
        """The text of the file. spec: a path that `is_plain`."""
        notes = "".join(f"{self.remark} {line}\n" for line in (source.note, self.where) if source.note)
        text = self.text.replace("GIVEN", self.given if source.note else "")
        return notes + text.replace("SOURCE", f'"{source.asked}"').replace("SPEC", f'"{spec}"' if " " in spec else spec)


def is_plain(path: str) -> bool:
    """Whether a path means itself in a shell within YAML and Groovy, between double quotes if there is a space."""
    return re.fullmatch(r"(?!-)[\w./@%+,= -]*[\w]", path) is not None


_GITHUB = """\
name: audit
on: [push, pull_request]
permissions: {contents: read}
jobs:
  audit:
    runs-on: ubuntu-latest
    timeout-minutes: 60
    permissions: {actions: read, contents: read, security-events: write}
    steps:
      - uses: actions/checkout@v6
      - uses: actions/setup-python@v6
        with: {python-version: "3.11"}
      - run: pip install SOURCEGIVEN
      - uses: actions/cache@v5
        with:
          path: .audit_cache
          key: audit-${{ github.run_id }}-${{ github.run_attempt }}
          restore-keys: audit-
      - run: auditor run SPEC
      # A fork's token may not write there, and not every repository has code scanning: the step before is the gate.
      - if: >-
          always() && hashFiles('reports/**/results.sarif') != '' &&
          (github.event_name == 'push' || !github.event.pull_request.head.repo.fork)
        continue-on-error: true
        uses: github/codeql-action/upload-sarif@v4
        with: {sarif_file: reports}
      - if: always()
        uses: actions/upload-artifact@v7
        with: {name: audit, path: reports}
"""
_GITLAB = """\
audit:
  image: python:3.11
  cache: {key: audit, paths: [.audit_cache]}
  script:
    - pip install SOURCE
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
        // A workspace is kept, and so would be what an earlier build found.
        sh 'rm -f reports/*/junit.xml'
        sh 'python -m venv .venv && .venv/bin/pip install SOURCE'
        // What stands within a page is refused where Jenkins shows artifacts.
        script {
          def code = sh(script: '.venv/bin/auditor run SPEC --audit-report-layout folder', returnStatus: true)
          if (code == 1) { error 'A gate is not met: the report says which.' }
          if (code != 0) { error "Not all could be audited (${code}): the log says why." }
        }
      }
    }
  }
  post {
    always {
      archiveArtifacts artifacts: 'reports/**', allowEmptyArchive: true
      junit testResults: 'reports/*/junit.xml', allowEmptyResults: true
    }
  }
}
"""

PIPELINES: Mapping[str, Pipeline] = {
    "github": Pipeline(
        ".github/workflows/audit.yml",
        _GITHUB,
        "It is a variable of the repository: Settings, Secrets and variables, Actions, Variables.",
        '\n        env: {AUDITOR: "${{ vars.AUDITOR }}"}',
    ),
    "gitlab": Pipeline(".gitlab-ci.yml", _GITLAB, "It is a variable of the project: Settings, CI/CD, Variables."),
    "jenkins": Pipeline(
        "Jenkinsfile",
        _JENKINS,
        "It is an environment variable: Manage Jenkins, System, Global properties, or `environment` of this file.",
        remark="//",
    ),
}
IGNORED = ("reports/", ".audit_cache/")
