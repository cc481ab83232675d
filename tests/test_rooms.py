"""Where everything lies: rooms that say what happens in them, and files that are read in one sitting."""

import ast
import importlib
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from statistics import median

import pytest

import auditor
from auditor import catalog

HOUSE = Path(auditor.__file__).parent
ROOMS = sorted(path.parent for path in HOUSE.glob("*/__init__.py"))
FILES = sorted(HOUSE.rglob("*.py"))
LONGEST, MEDIAN = 350, 130
# Rooms that work with nearly all others.
HIGH = ("cli", "plugin", "evidence", "run")
# Rooms that hand on the names that others use.
HANDING = ("statistics", "compute", "spec", "search", "classifiers", "reading", "judging", "measuring", "corruptions")
# How a notebook shows them: imported when it does, by methods of the values themselves.
SHOWING = {("values", "drawing"), ("values", "report")}

each_room = pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.name)


@cache
def imported(path: Path) -> tuple[tuple[str, ...], ...]:
    """Every name that a file imports of this package, at the top or within a function, as its parts."""
    return tuple(_imported(path))


def _imported(path: Path) -> Iterator[tuple[str, ...]]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found = [alias.name.split(".") for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path} imports by dots, which hides the room"
            found = [[*(node.module or "").split("."), alias.name] for alias in node.names]
        else:
            continue
        yield from (tuple(parts) for parts in found if parts[0] == "auditor")


def room_of(path: Path) -> str:
    return path.relative_to(HOUSE).parts[0].removesuffix(".py")


def test_the_house_holds_rooms_and_hardly_anything_else():
    there = {path.name for path in HOUSE.iterdir() if path.name != "__pycache__"}
    assert there == {"__init__.py", "__main__.py", "catalog.py", "py.typed", *(room.name for room in ROOMS)}


@each_room
def test_a_room_says_in_ten_lines_what_happens_there_and_what_to_import(room):
    text = ast.get_docstring(ast.parse((room / "__init__.py").read_text())) or ""
    assert 1 < len(text.splitlines()) <= 10
    named = re.findall(r"`([\w.]+)`", text)
    if room.name in catalog.KINDS:
        assert "one file each" in text
        assert "CONTRIBUTING.md" in text
    elif room.name != "values":  # of which all names are handed on
        module = importlib.import_module(f"auditor.{room.name}")
        files = {path.stem for path in room.iterdir()}
        own = [name.removeprefix(f"{room.name}.") for name in named]
        assert [name for name in own if name.split(".")[0] in files or hasattr(module, name)], "none of its own"


@each_room
def test_a_room_says_which_rooms_it_imports_and_no_others(room):
    text = ast.get_docstring(ast.parse((room / "__init__.py").read_text())) or ""
    found = {parts[1] for path in room.rglob("*.py") for parts in imported(path) if len(parts) > 1}
    if room.name in HIGH:
        return
    told = text[max(text.rfind("imports "), text.rfind("they import ")) :]
    assert {name for name in re.findall(r"`(\w+)", told) if (HOUSE / name).is_dir()} <= found
    found -= {room.name, "telling", *(there for here, there in SHOWING if here == room.name)}
    found = {name for name in found if (HOUSE / name).is_dir() or name == "catalog"}
    assert sorted(name for name in found if f"`{name}`" not in text and f"`{name}." not in text) == []


@each_room
def test_no_name_that_is_handed_on_is_a_files_too(room):
    """Whoever imports the file last would put it in the name's place."""
    files = {path.stem for path in room.iterdir()}
    for node in ast.walk(ast.parse((room / "__init__.py").read_text())):
        if isinstance(node, ast.ImportFrom) and node.module != f"auditor.{room.name}":
            given = {alias.asname or alias.name for alias in node.names}
            assert not given & files - {(node.module or "").split(".")[-1]}


@each_room
def test_what_others_import_is_handed_on_or_said_to_be_imported_from_where_it_is(room):
    """By name from the room where it hands names on; else from modules that its docstring names as `room.module`."""
    text = " ".join((ast.get_docstring(ast.parse((room / "__init__.py").read_text())) or "").split())
    handed = set(getattr(importlib.import_module(f"auditor.{room.name}"), "__all__", ())) | {"PAGE", "EXTRACT"}
    if room.name in catalog.KINDS:  # which the catalogue loads by their names
        return
    strangers = {}
    for path in FILES:
        for parts in imported(path):
            if len(parts) < 3 or parts[1] != room.name or room_of(path) == room.name or parts[2] in handed:
                continue
            if f"`{room.name}.{parts[2]}`" not in text:
                strangers[str(path.relative_to(HOUSE))] = ".".join(parts)
    assert strangers == {}


@pytest.mark.parametrize("name", HANDING)
def test_what_is_handed_on_is_what_others_use_and_costs_little(name):
    room = importlib.import_module(f"auditor.{name}")
    elsewhere = [path for path in FILES if room_of(path) != name]
    used = {parts[2] for path in elsewhere for parts in imported(path) if parts[1:2] == (name,) and len(parts) > 2}
    assert sorted(set(room.__all__) - used) == []
    heavy = ("tensorflow", "keras", "scipy", "matplotlib", "PIL", "jinja2", "urllib3", "h5py", "sqlite3", "pytest")
    program = f"import sys, auditor.{name}; print([name for name in {heavy} if name in sys.modules])"
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert told.stdout == "[]\n"


def test_nobody_imports_what_is_private_in_another_room():
    strangers = []
    for path in FILES:
        for parts in imported(path):
            private = any(part.startswith("_") and not part.startswith("__") for part in parts)
            if private and parts[1] != room_of(path):
                strangers.append(f"{path.relative_to(HOUSE)}: {'.'.join(parts)}")
    assert strangers == []


def test_the_folders_of_extensions_hold_only_extensions():
    for kind in catalog.KINDS:
        there = {path.name for path in (HOUSE / kind).iterdir() if path.name != "__pycache__"}
        assert there == {"__init__.py", *(f"{name}.py" for name in catalog.names(kind))}, kind


def test_every_file_is_read_in_one_sitting():
    lines = {str(path.relative_to(HOUSE)): len(path.read_text().splitlines()) for path in FILES}
    assert {name: count for name, count in lines.items() if count > LONGEST} == {}
    assert median(lines.values()) < MEDIAN
