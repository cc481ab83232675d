"""Pages opened in a browser, and what is asked of all of them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page


@contextmanager
def opened(
    browser: "Browser", path: Path, anchor: str = "", init: str = "", alone: bool = True, **context: object
) -> "Iterator[Page]":
    """The page as opened: whatever is done to it, it must not complain, and not ask for any other file.

    init: what is run before the page's own script. alone: whether files of its folder are other files.
    """
    with browser.new_context(**context) as window:
        page, troubles, asked = window.new_page(), [], []
        page.on("console", lambda message: troubles.append(message.text))
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.add_init_script(init)
        page.goto(path.as_uri() + anchor)
        yield page
        assert not troubles, troubles
        files = {path.as_uri()} if alone else {file.as_uri() for file in path.parent.rglob("*")}
        assert path.as_uri() in {url.partition("#")[0] for url in asked if not url.startswith("data:")} <= files


def unfold(page: "Page") -> None:
    page.evaluate("for (const details of document.querySelectorAll('details')) details.open = true")


def in_view(page: "Page", target: "Locator") -> bool:
    """Whether its upper edge is on the screen, at the latest a second after the browser was sent there."""
    for _ in range(20):
        box, view = target.bounding_box(), page.viewport_size
        if box is not None and view is not None and -1 <= box["y"] < view["height"]:
            return True
        page.wait_for_timeout(50)
    return False


def beyond_the_edge(page: "Page") -> list[str]:
    """What lies beyond the window's right edge, but for what scrolls within the page."""
    found: list[str] = page.evaluate(
        """() => [...document.querySelectorAll('body *')]
          .filter((e) => !e.closest('.scroll, .unseen, .skip') || e.matches('.scroll'))
          .filter((e) => e.checkVisibility() && e.getBoundingClientRect().right > innerWidth + 0.5)
          .map((e) => e.outerHTML.slice(0, 80))"""
    )
    if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
        found.append("the page scrolls sideways")
    return found


def reached_by_tab(page: "Page") -> int:
    """How many places there are to act upon, all of which Tab has reached in order, each with its outline."""
    count: int = page.evaluate(
        """() => {
          const wanted = 'a[href], button, input, summary, pre, .scroll';
          globalThis.all = [...document.querySelectorAll(wanted)].filter((e) => e.checkVisibility());
          return all.length;
        }"""
    )
    for expected in range(count):
        page.keyboard.press("Tab")
        place, outlined, shown = page.evaluate(
            """() => {
              const here = document.activeElement, style = getComputedStyle(here);
              const outlined = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2;
              return [all.indexOf(here), outlined, here.outerHTML.slice(0, 200)];
            }"""
        )
        assert place == expected, f"Tab leads to {shown}"
        assert outlined, f"no focus to be seen on {shown}"
    return count
