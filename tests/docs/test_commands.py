"""Every `auditor …` that is written down, in documents, help and messages, is a command with options of today."""

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from auditor.cli.main import main

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / f"{name}.md" for name in ("README", "SECURITY", "CONTRIBUTING", "ARCHITECTURE")]
PAGES += sorted((ROOT / "docs").rglob("*.md"))
SOURCES = sorted(path for path in (ROOT / "auditor").rglob("*.*") if path.suffix in (".py", ".html"))
FENCE = re.compile(r"^ *```(\w*).*?\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
# As far as it is the command's: up to what a shell, a quotation or a comment ends it with.
TYPED = re.compile(r"(?:^|[\s/'\"(`])auditor ([a-z][^`\n'\";|&>#)]*)")
SPAN = re.compile(r"`auditor ([a-z-][^`]*)`")
PASSED_ON = ("run", "qualify")
"""Commands whose other options are pytest's."""


def written(path: Path) -> Iterator[str]:
    """What follows `auditor` in a file, wherever it is written as code."""
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".md":
        yield from SPAN.findall(re.sub(r'\s*"\n\s*f?"', "", text))
        return
    for language, block in FENCE.findall(text):
        if language != "python":
            yield from TYPED.findall(block)
    yield from SPAN.findall(" ".join(FENCE.sub("", text).split()))


def helps(command: click.Command) -> Iterator[str]:
    """What a command's own help says to type."""
    yield from re.findall(r"^ *auditor ([a-z][^#\n]*?)(?:  .*)?$", command.help or "", re.MULTILINE)
    yield from SPAN.findall(command.help or "")
    for one in command.commands.values() if isinstance(command, click.Group) else ():
        yield from helps(one)


def wrong(told: str, of_pytest: frozenset[str]) -> str:
    """What isn't a command, an option or a choice of today in what follows `auditor`."""
    words = told.replace("\n", " ").split()
    command: click.Command = main
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        name = words.pop(0).rstrip(".,:")
        for part in name.split("|"):
            if part not in command.commands:
                return f"no command {part!r}"
        command = command.commands[name.split("|")[0]]
    known = {name: option for option in command.params for name in (*option.opts, *option.secondary_opts)}
    for position, word in enumerate(words):
        option, _, value = word.partition("=")
        if not option.startswith("-") or option == "--":
            continue
        allowed = {*known, "-h", "--help", *(of_pytest if command.name in PASSED_ON else ())}
        if option not in allowed:
            return f"no option {option!r} of {command.name}"
        kind, given = getattr(known.get(option), "type", None), value or (words[position + 1 : position + 2] or [""])[0]
        if isinstance(kind, click.Choice) and re.fullmatch(r"[a-z]+", given) and given not in kind.choices:
            return f"{option} is none of {kind.choices}: {given}"
    arguments = [param for param in command.params if isinstance(param, click.Argument)]
    if arguments and isinstance(arguments[0].type, click.Choice) and words and re.fullmatch(r"[a-z]+", words[0]):
        return "" if words[0] in arguments[0].type.choices else f"no {words[0]!r} of {command.name}"
    return ""


@pytest.fixture(scope="module")
def of_pytest(request) -> frozenset[str]:
    """All options of pytest, with those of its plugins and ours."""
    parser = request.config._parser
    return frozenset(
        name for group in (parser._anonymous, *parser._groups) for o in group.options for name in o.names()
    )


def test_commands_that_are_written_down_are_those_of_today(of_pytest):
    found = [(path.relative_to(ROOT).as_posix(), told) for path in (*PAGES, *SOURCES) for told in written(path)]
    found += [("--help", told) for told in helps(main)]
    mistakes = [f"{where}: auditor {told}: {why}" for where, told in found if (why := wrong(told, of_pytest))]
    assert not mistakes, "\n".join(mistakes)
    assert len(found) > 150
    named = {told.split()[0] for _, told in found}
    assert set(main.commands) <= named, "every command is written of somewhere"


@pytest.mark.parametrize(
    "told",
    ["reprot", "report --joined x", "run specs --audit-nonsuch", "cache purge", "init --ci gitea", "schema audits"],
)
def test_a_mistake_would_be_seen(told, of_pytest):
    assert wrong(told, of_pytest)
