"""Specs to begin with where there is no model yet: whole texts, in which names and thresholds are to be changed."""

from collections.abc import Mapping
from dataclasses import dataclass

_HEAD = """\
# {about}
# Change what is in CAPITALS and every threshold, then `auditor validate SPEC`, then `auditor run SPEC`.
# `auditor formats` lists what opens a model, `auditor datasets` what gives images, `auditor checks NAME` explains.
audit: {name}
seed: 0

models:
  # output: probabilities, logits, log_probabilities, sigmoid or scores.
  release: {{format: keras, path: MODEL.keras, output: probabilities}}
{models}
# A folder with a folder of images for every class; `resize: [224, 224]`, `channels: 1` where the model takes others.
data: {{dataset: image_folder, path: IMAGES}}

checks:
"""
_ACCURACY = """\
  # How often is it right, on the worst class too? As many images as you have are looked at.
  - id: clean-accuracy
    check: accuracy
    expect:
      accuracy: {min: 0.9}
      worst_class_accuracy: {min: 0.7}
"""
_CALIBRATION = """\
  # Is it right as often as it says?
  - id: knows-how-sure-it-is
    check: calibration
    expect:
      ece: {max: 0.1}
"""
_SCAN = """\
  # Does the file hold code, or anything else that harms whoever opens it?
  - id: file-is-harmless
    check: model_scan
    expect:
      critical: {max: 0}
"""
_ATTACK = """\
  # What accuracy survives an attacker who may change every value by `eps`? For grey images 0.1 is usual.
  - id: holds-under-attack
    check: robust_accuracy
    params: {eps: 8/255, samples: 200, attacks: [{attack: apgd, steps: 40, restarts: 2}, {attack: square, steps: 500}]}
    expect:
      robust_accuracy: {min: 0.3}
"""
_DISTANCE = """\
  # How far is it, from an image, to the nearest one that is taken for something else? It describes until you expect it.
  - id: how-far-it-is
    check: minimal_perturbation
    params: {samples: 50}

  # How does accuracy fall as the attacker may do more?
  - id: as-the-attacker-may-do-more
    check: security_curve
    params: {eps: [2/255, 4/255, 8/255], samples: 100, attacks: [{attack: apgd, steps: 40}]}
"""
QUALIFICATION = """\
  - id: decoys-are-caught
    check: qualification
    params: {eps: 0.3, claim: 0.5}
    expect:
      missed: {max: 0}
      false_alarms: {max: 0}
"""
"""A case of the check `qualification`, as it stands below `checks:`."""
_QUALIFICATION = f"""\
  # Can the auditor itself be trusted here? Networks that only look robust have to be found out.
{QUALIFICATION}"""
_WORLD = """\
  # What do noise, blur, weather and compression do to it?
  - id: holds-in-the-world
    check: corruptions
    params: {samples: 100}
    expect:
      corrupted_accuracy: {min: 0.6}

  # What if the image is turned or moved a little?
  - id: holds-where-it-is-turned
    check: spatial
    params: {samples: 50}
"""
_NONSENSE = """\
  # Is it certain of nonsense?
  - id: unsure-of-nonsense
    check: out_of_distribution

  # Do odd inputs, such as a grey border or another order of images, change its answers?
  - id: answers-steadily
    check: stability
    params: {samples: 50}
"""
# An image that stops as soon as it fools one model says nothing of others: `transfer` takes none of them.
_ATTACK_IN_FULL = _ATTACK.replace("eps: 8/255,", "eps: 8/255, full_length: true,")
_BEFORE = """\
  # Does an attack on the new model work on the one before, too? Then attackers need not see the new one.
  - id: attacks-carry-over
    check: transfer
    params: {adversarial: holds-under-attack, onto: [before]}
"""


@dataclass(frozen=True)
class Template:
    """A first spec: what it is for, its checks in their order, and other models that it asks for."""

    about: str
    checks: tuple[str, ...]
    models: str = ""

    def text(self, name: str) -> str:
        """The spec, of an audit of this name."""
        head = _HEAD.format(about=self.about, name=name, models=self.models)
        return head + "\n".join(self.checks)


TEMPLATES: Mapping[str, Template] = {
    "minimal": Template("One gate: how often the model is right.", (_ACCURACY,)),
    "release": Template(
        "What a release must prove: accuracy, calibration, robustness to attacks and to the world, a harmless file.",
        (_ACCURACY, _CALIBRATION, _ATTACK, _WORLD, _SCAN),
    ),
    "attack": Template(
        "What an attacker can do within a threat model, and whether the auditor would notice.",
        (_ACCURACY, _ATTACK, _DISTANCE, _QUALIFICATION),
    ),
    "world": Template(
        "What the world does without any attacker: corruptions, turned images, nonsense.",
        (_ACCURACY, _WORLD, _NONSENSE),
    ),
    "successor": Template(
        "A new model beside the one before it.",
        (_ACCURACY, _ATTACK_IN_FULL, _BEFORE),
        "  before: {format: keras, path: MODEL-BEFORE.keras, output: probabilities}\n",
    ),
}
