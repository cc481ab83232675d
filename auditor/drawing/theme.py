"""Colours by their role on the page, and the settings under which everything is drawn.

A page's charts name roles, not colours: `var(--c0)`, which its style sheet sets for light, dark and paper. Files that
stand alone have the colours of the light page.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

LEVELS = 10
"""A heatmap's colours come in so many steps beyond none."""

LIGHT: Mapping[str, str] = {
    "ink": "#1c1d21",
    "quiet": "#565a62",
    "rule": "#dedcd6",
    "surface": "#ffffff",
    "raised": "#f3f2ee",
    "bar": "#5b87b8",
    "whisker": "#1d599e",
    "zone": "#cfe6dd",
    "c0": "#1d599e",
    "c1": "#bb3d0a",
    "c2": "#007257",
    "c3": "#7b3fa0",
    "c4": "#806300",
    "c5": "#4a4e56",
}
"""The light page's colours; `page.css` says the same."""

SERIES = 6
_MAPS = {"light": ("Blues", "bwr_r"), "dark": ("cividis", "berlin_r")}
_FONT = "Auditor"


def roles() -> list[str]:
    """Every role that a colour of a chart can have."""
    steps = range(1, LEVELS + 1)
    levels = [f"{kind}-{step}" for kind in ("heat", "more", "less") for step in steps]
    return [*LIGHT, *levels, *(f"on-{level}" for level in levels)]


def stand_ins() -> dict[str, str]:
    """A colour for every role that nothing else has, for `svg` to put the role back in its place."""
    return {role: f"#fe0a{number:02x}" for number, role in enumerate(roles())}


def colours(theme: str = "light") -> dict[str, str]:
    """The colour of every role in a picture that stands alone."""
    return {**LIGHT, **levels(theme)}


def levels(theme: str) -> dict[str, str]:
    """The steps of the heatmaps' colours, from Matplotlib's own maps, and what is read on each: ink or paper.

    Sequential steps run along one map, diverging ones from its middle to both ends. None is so near the page's own
    colour that it passes for nothing.
    """
    import matplotlib
    from matplotlib.colors import to_hex

    sequential, diverging = (matplotlib.colormaps[name] for name in _MAPS[theme])
    found = {}
    for step in range(1, LEVELS + 1):
        share = step / LEVELS
        found[f"heat-{step}"] = to_hex(sequential(0.12 + 0.88 * share if theme == "light" else share))
        found[f"more-{step}"] = to_hex(diverging(0.5 + 0.4 * (0.15 + 0.85 * share)))
        found[f"less-{step}"] = to_hex(diverging(0.5 - 0.4 * (0.15 + 0.85 * share)))
    return found | {f"on-{name}": _read_on(colour) for name, colour in found.items()}


def _read_on(colour: str) -> str:
    """Black or white, whichever stands out more."""
    light = luminance(colour)
    return "#000000" if (light + 0.05) / 0.05 >= 1.05 / (light + 0.05) else "#ffffff"


def luminance(colour: str) -> float:
    """Relative luminance of a colour, as WCAG 2 defines it."""
    shares = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    red, green, blue = (s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@contextmanager
def settings() -> Iterator[None]:
    """Draw in this block as everywhere: whatever a user's settings, language and fonts are."""
    import warnings

    import matplotlib

    with matplotlib.rc_context(), warnings.catch_warnings():
        # What the bundled font has no sign for is drawn by the browser's.
        warnings.filterwarnings("ignore", message="Glyph .* missing", category=UserWarning)
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(
            {
                "svg.fonttype": "none",
                "svg.hashsalt": "auditor",
                "text.parse_math": False,
                "font.family": [_font()],
                "image.composite_image": False,
            }
        )
        yield


def _font() -> str:
    """The name under which Matplotlib's own font is found, wherever another of its name may lie."""
    import matplotlib
    from matplotlib.font_manager import FontEntry, fontManager

    if not any(entry.name == _FONT for entry in fontManager.ttflist):
        file = f"{matplotlib.get_data_path()}/fonts/ttf/DejaVuSans.ttf"
        fontManager.ttflist.append(FontEntry(fname=file, name=_FONT, weight=400, size="scalable"))
    return _FONT
