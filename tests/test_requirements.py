"""The locked versions fit what pyproject.toml asks for, on every Python and machine, and name no place."""

import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
# Which build of PyTorch fits is a machine's own choice, and a package that TFDS needs comes as source only.
UNLOCKED = {"torch", "torchvision", "tfds"}
PINS = r"(?P<pin>[a-z0-9-]+==[\w.+!]+(?: ; [^\\]+)?)(?: \\)?"
LINES = re.compile(
    rf"{PINS}|    --hash=sha256:[0-9a-f]{{64}}(?: \\)?|\s+#\s+(?:via|via [\w.-]+|[\w.-]+)(?: \(\S+\))?|#.*"
)
PLACES = [
    {
        "python_version": python,
        "python_full_version": f"{python}.1",
        "sys_platform": system,
        "platform_machine": machine,
    }
    for python in ("3.11", "3.12", "3.13")
    for system, machine in (("linux", "x86_64"), ("linux", "aarch64"), ("darwin", "arm64"))
]


@cache
def lines(name: str) -> tuple[str, ...]:
    return tuple((ROOT / "requirements" / name).read_text(encoding="utf-8").splitlines())


def pins(name: str, place: dict[str, str]) -> dict[str, Version]:
    found = [Requirement(match["pin"]) for line in lines(name) if (match := LINES.fullmatch(line)) and match["pin"]]
    here = [one for one in found if one.marker is None or one.marker.evaluate(place)]
    assert len({one.name for one in here}) == len(here), "a package is locked twice for one place"
    return {one.name: Version(str(one.specifier).removeprefix("==")) for one in here}


def asked(extra: str) -> Iterator[Requirement]:
    """What an extra asks for, through the extras of this package that it names."""
    for text in EXTRAS[extra]:
        one = Requirement(text)
        if one.name == PROJECT["name"]:
            for named in sorted(one.extras):
                yield from asked(named)
        else:
            yield one


def everything() -> list[Requirement]:
    return [*map(Requirement, PROJECT["dependencies"]), *asked("dev")]


@pytest.mark.parametrize("name", ["dev.txt", "lowest.txt"])
def test_a_lock_holds_names_versions_and_hashes_and_nothing_else(name):
    assert [line for line in lines(name) if not LINES.fullmatch(line)] == []
    assert not [line for line in lines(name) if re.search(r"://|file:|^-|index|@", line)]
    whole = "\n".join(lines(name))
    assert len(re.findall(r"^[a-z0-9-]+==", whole, re.M)) == len(re.findall(r"==\S+(?: ; .*)? \\\n    --hash", whole))


@pytest.mark.parametrize("name", ["dev.txt", "lowest.txt"])
def test_what_the_project_asks_for_is_locked_at_a_version_it_allows(name):
    for place in PLACES:
        locked = pins(name, place)
        for one in everything():
            version = locked.get(canonicalize_name(one.name))
            assert version is not None, f"{one.name} is not in requirements/{name}: run `make lock`"
            assert one.specifier.contains(version), f"{name} has {one.name} {version}, not {one.specifier}: `make lock`"


def test_every_extra_is_locked_but_those_that_cannot_be():
    locked = {one.name for one in everything()}
    for extra in EXTRAS:
        assert ({one.name for one in asked(extra)} <= locked) == (extra not in UNLOCKED), extra


def test_the_lowest_versions_are_the_least_that_the_project_states():
    locked = pins("lowest.txt", PLACES[0])
    for one in everything():
        [least] = [Version(bound.version) for bound in one.specifier if bound.operator == ">="]
        found = locked[canonicalize_name(one.name)]
        assert found.release[: len(least.release)] == least.release, f"{one.name}: {found} was tried, {least} is stated"


def test_an_upper_bound_has_its_reason_above_it():
    written = (ROOT / "pyproject.toml").read_text(encoding="utf-8").splitlines()
    bounded = [at for at, line in enumerate(written) if re.match(r'\s+"[\w.\[\],-]+[^"]*[<!~]', line)]
    assert [written[at] for at in bounded if not written[at - 1].lstrip().startswith("#")] == []
