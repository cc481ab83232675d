"""What the `auditor` command and the plugin print: texts made safe, and characters that any console has.

Nothing else prints (ruff's TID251 sees to it). A console that knows Latin-1 or ASCII alone must not end a command: its
exit code would say that evidence doesn't hold.
"""

import codecs
import sys
import unicodedata
from typing import Any

import click
import rich.console
from rich.text import Text

from auditor.telling.escaping import on_terminal

_ERRORS = "auditor.plain"
_PLAIN = {
    "≥": ">=", "≤": "<=", "→": "->", "–": "-", "—": "-", "−": "-", "…": "...", "×": "x", "·": "-", "•": "*", "∞": "inf",
    "✓": "ok", "✕": "x", "✗": "x", "↯": "!", "○": "o", "›": ">", "⟨": "<", "⟩": ">", "’": "'", "“": '"', "”": '"',
}  # fmt: skip


def _replaced(error: UnicodeError) -> tuple[str, int]:
    """Stand in for what an encoding lacks: its like in ASCII where there is one, its number otherwise."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(_plain, error.object[error.start : error.end])), error.end


def _plain(character: str) -> str:
    known = _PLAIN.get(character)
    bare = unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode()
    return known or bare or character.encode("ascii", "backslashreplace").decode()


codecs.register_error(_ERRORS, _replaced)


def prepare(*streams: Any) -> None:
    """Let streams write what their encoding lacks in other words, where they would raise an error."""
    for stream in streams:
        # What a program has put in a stream's place need not be able to.
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors=_ERRORS)


class Console(rich.console.Console):
    """Rich's console, for texts of which any may be a stranger's."""

    def __init__(self, **options: Any) -> None:
        super().__init__(highlight=False, **options)
        prepare(self.file)

    def render_str(self, text: str, **options: Any) -> Text:
        """Render a text, which is how every title, cell and line gets onto the console."""
        return super().render_str(on_terminal(text), **options)


def say(text: object, colour: str | None = None, err: bool = False) -> None:
    """Print a line, to the error stream if asked to."""
    stream = sys.stderr if err else sys.stdout
    prepare(stream)
    # Named, as click takes a stream of ASCII for a mistake otherwise, and writes UTF-8 to it.
    click.secho(on_terminal(str(text)), stream, fg=colour)
