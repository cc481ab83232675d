"""What frameworks ask about a classifier, so that a report can say which of it was tested and which was not.

MITRE ATLAS (techniques), NIST AI 100-2 E2025 (attack classes of predictive AI), OWASP Machine Learning Security Top 10
(2023), Regulation (EU) 2024/1689, the AI Act (Article 15), ISO/IEC 24029 (robustness of neural networks), TS 4213
(classification performance) and 42001 (management systems). A case carries the controls it speaks to: its check's own,
or those its spec names.
"""

from collections.abc import Mapping
from dataclasses import dataclass

OWN = "own:"


@dataclass(frozen=True)
class Control:
    """One thing a framework names. id: as specs write it, `FRAMEWORK:NAME`. version: of the framework, as it is named
    here. attack: whether it is something that attackers do, which no case can fulfil. checked: what names and ids were
    held against, and when.
    """

    id: str
    framework: str
    title: str
    version: str = ""
    attack: bool = False
    checked: str = ""


_FRAMEWORKS: Mapping[str, tuple[str, str, str, Mapping[str, str]]] = {
    "atlas": (
        "MITRE ATLAS",
        "content release 2026.09",
        "pages made of the release's data, by which they were last changed on 27 May or 31 July 2026",
        {
            "AML.T0015": "Evade AI Model",
            "AML.T0018": "Manipulate AI Model",
            "AML.T0020": "Training Data Poisoning",
            "AML.T0024": "Exfiltration via AI Inference API",
            "AML.T0031": "Erode AI Model Integrity",
            "AML.T0042": "Verify Attack",
            "AML.T0043.000": "Craft Adversarial Data: White-Box Optimization",
            "AML.T0043.001": "Craft Adversarial Data: Black-Box Optimization",
            "AML.T0043.002": "Craft Adversarial Data: Black-Box Transfer",
            "AML.T0043.003": "Craft Adversarial Data: Manual Modification",
            "AML.T0043.004": "Craft Adversarial Data: Insert Backdoor Trigger",
        },
    ),
    "nist": (
        "NIST AI 100-2",
        "E2025, March 2025",
        "headings of chapter 2 (2.2.1 to 2.4.4) and the index of attacks (NISTAML.01 to .03)",
        {
            "evasion-white-box": "White-box evasion",
            "evasion-black-box": "Black-box evasion",
            "evasion-transfer": "Transferability of attacks",
            "poisoning-availability": "Availability poisoning",
            "poisoning-targeted": "Targeted poisoning",
            "poisoning-backdoor": "Backdoor poisoning",
            "poisoning-model": "Model poisoning",
            "privacy-reconstruction": "Data reconstruction",
            "privacy-membership": "Membership inference",
            "privacy-property": "Property inference",
            "privacy-extraction": "Model extraction",
        },
    ),
    "owasp": (
        "OWASP ML Top 10",
        "2023 edition, draft v0.3",
        "the project's list as of 30 September 2026",
        {
            "ML01": "Input Manipulation Attack",
            "ML02": "Data Poisoning Attack",
            "ML03": "Model Inversion Attack",
            "ML04": "Membership Inference Attack",
            "ML05": "Model Theft",
            "ML06": "AI Supply Chain Attacks",
            "ML07": "Transfer Learning Attack",
            "ML08": "Model Skewing",
            "ML09": "Output Integrity Attack",
            "ML10": "Model Poisoning",
        },
    ),
    "aia": (
        "EU AI Act, Article 15",
        "Regulation (EU) 2024/1689, OJ L, 12.7.2024",
        "the text of Article 15(1) to (5) as published",
        {
            "15.1": "Accuracy, robustness and cybersecurity at an appropriate level",
            "15.3": "Levels of accuracy and their metrics declared",
            "15.4": "Resilience against errors, faults and inconsistencies",
            "15.5": "Resilience against attempts to exploit vulnerabilities",
        },
    ),
    "iso24029": (
        "ISO/IEC 24029",
        "TR 24029-1:2021, 24029-2:2023, DIS 24029-3 (December 2025)",
        "catalogue pages and tables of contents; part 3 was a draft for vote (DIS) when it was looked at",
        {
            "statistical": "Statistical methods (parts 1 and 3)",
            "empirical": "Empirical methods (part 1)",
            "formal": "Formal methods (part 2)",
        },
    ),
    "iso4213": (
        "ISO/IEC TS 4213",
        "TS 4213:2022, under revision since October 2025",
        "catalogue page and table of contents",
        {
            "5.3": "Control criteria: representative data, information leakage, baselines",
            "6": "Statistical measures of performance",
        },
    ),
    "iso42001": (
        "ISO/IEC 42001, Annex A",
        "42001:2023",
        "published summaries of the control",
        {"A.6.2.4": "AI system verification and validation: measures, and criteria for their use"},
    ),
}

# What these name is what attackers do: a case can try it, and be evidence of how far it gets, never fulfil it.
_OF_ATTACKS = ("atlas", "nist", "owasp")
_CHECKED = "26 November 2026"
CONTROLS: Mapping[str, Control] = {
    f"{key}:{name}": Control(f"{key}:{name}", framework, title, version, key in _OF_ATTACKS, f"{source}; {_CHECKED}")
    for key, (framework, version, source, controls) in _FRAMEWORKS.items()
    for name, title in controls.items()
}
_PROFILES = {"nist-ai-100-2": "nist", "iso-24029": "iso24029", "eu-ai-act-15": "aia", "owasp-ml": "owasp"}
PROFILES: Mapping[str, tuple[str, ...]] = {
    name: tuple(control for control in CONTROLS if control.startswith(f"{key}:")) for name, key in _PROFILES.items()
}
"""By the name that a spec sets out to cover a framework by: the ids of its controls."""


def control(name: str) -> Control:
    """Look up a control; one that begins with `own:` is somebody's own."""
    if name.startswith(OWN):
        return Control(name, "Own controls", name.removeprefix(OWN))
    return CONTROLS[name]


EVASION = ("atlas:AML.T0015", "owasp:ML01", "aia:15.1", "aia:15.5", "iso24029:empirical", "iso42001:A.6.2.4")
WHITE_BOX = ("atlas:AML.T0043.000", "nist:evasion-white-box")
BLACK_BOX = ("atlas:AML.T0043.001", "nist:evasion-black-box")
TRANSFER = ("atlas:AML.T0043.002", "nist:evasion-transfer")
ACCURACY = ("aia:15.1", "aia:15.3", "iso24029:statistical", "iso4213:6", "iso42001:A.6.2.4")
WORLD = ("aia:15.1", "aia:15.4", "iso24029:empirical", "iso24029:statistical", "iso42001:A.6.2.4")
DATA = ("aia:15.1", "iso24029:statistical", "iso4213:5.3")
