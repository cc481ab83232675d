"""The one way out for texts that others wrote: names, titles, owners, reasons, messages. They are shown, never obeyed.

Every output passes its texts through here: the terminal (`console`), the page's templates, JUnit XML, SARIF,
code quality, and the step summary. `results.json` escapes everything beyond ASCII, so it needs no more.
"""

import re

# Invisible, or reordering their surroundings, or no characters at all, which XML has no way to write: any of them
# could make a page say what its records don't. Joiners (U+200C, U+200D) stay: scripts and emoji are written with them.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f\u2028-\u202e"
    "\u2060-\u206f\u3164\ud800-\udfff\ufdd0-\ufdef\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff\U000e0000-\U000e0fff"
    + "".join(map(chr, (plane << 16 | end for plane in range(1, 17) for end in (0xFFFE, 0xFFFF))))
    + "]"
)
# What a build server takes from a log as a command: GitHub's `::error::`, `##[error]` of GitHub and Azure, `##vso[`,
# `##teamcity[`. A wrapped line can begin anywhere, so they are taken apart wherever they stand, escaped
# for rich's markup or not.
_COMMAND = re.compile(r":(?=:[A-Za-z][\w-]*(?:[ \t][^\n]*)?::)|#(?=#\w*\\?\[)")


def visible(text: str) -> str:
    """Replace control, zero-width and direction-changing characters by something that can be seen."""
    # Nearly all texts are printable, which is quickly known.
    return text if text.isprintable() else _INVISIBLE.sub(_shown, text)


def unfit(text: str) -> str:
    """Return the first character that a name may not have, as it is shown, or nothing."""
    found = None if text.isprintable() else _INVISIBLE.search(text)
    return _shown(found) if found else ""


def on_terminal(text: str) -> str:
    """Make a text fit for a terminal, and for a log that a build server reads: no escape codes, no commands."""
    return _COMMAND.sub(r"\g<0> ", visible(text))


def _shown(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code < 0x20:
        return chr(0x2400 + code)
    return "␡" if code == 0x7F else f"⟨U+{code:04X}⟩"
