"""An empty picture, a plane on it for data, and axes that have only what says something."""

from collections.abc import Callable, Mapping, Sequence

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.transforms import Affine2D, Transform

from auditor.drawing import words
from auditor.drawing.layout import SIZE

Colours = Mapping[str, str]
DOTS = 72
"""At so many dots an inch a point is a pixel."""
EDGE = 10  # around a chart


def canvas(width: float, height: float) -> Canvas:
    """An empty picture, so many pixels large."""
    made = Canvas(figsize=(width / DOTS, height / DOTS), dpi=DOTS)
    made.patch.set_visible(False)
    return made


class Plane:
    """Where data lie on a picture: an x and a y axis within a rectangle.

    Axes of Matplotlib's come with their ticks, spines and titles, which take as long to make as all the rest of a chart
    and show nothing where every place is known beforehand.
    """

    def __init__(
        self,
        made: Canvas,
        place: tuple[float, float, float, float],
        x: tuple[float, float],
        y: tuple[float, float],
    ) -> None:
        """place: left, top, width and height in pixels, from the picture's left upper corner; x, y: the axes' ends.

        `y` is the value below and the one above. Transforms: `data` from both axes, `under` and `beside` from one, with
        shares of the rectangle along the other, `inside` from shares along both.
        """
        left, top, self.width, self.height = place
        self.x, self.y = x, y
        self._made = made
        bottom = made.get_size_inches()[1] * DOTS - top - self.height
        self._corner = left, float(bottom)
        self.data: Transform = self._from(x, y)
        self.under: Transform = self._from(x, (0.0, 1.0))
        self.beside, self.inside = self._from((0.0, 1.0), y), self._from((0.0, 1.0), (0.0, 1.0))

    def _from(self, x: tuple[float, float], y: tuple[float, float]) -> Transform:
        wide, tall = self.width / (x[1] - x[0]), self.height / (y[1] - y[0])
        left, bottom = self._corner
        placed = Affine2D.from_values(wide, 0, 0, tall, left - x[0] * wide, bottom - y[0] * tall)
        return placed + pixels_of(self._made)

    def add(self, *artists: Artist) -> None:
        """Put artists on the picture that have no transform of their own: what they show are data."""
        for artist in artists:
            if not artist.is_transform_set():
                artist.set_transform(self.data)
            self._made.add_artist(artist)


class AxesPlane(Plane):
    """A plane that is axes, for those who change a picture: what they add to it lies where the data do."""

    def __init__(
        self,
        made: Canvas,
        place: tuple[float, float, float, float],
        x: tuple[float, float],
        y: tuple[float, float],
    ) -> None:
        super().__init__(made, place, x, y)
        across, down = made.get_size_inches() * DOTS
        left, bottom = self._corner
        self._axes = made.add_axes((left / across, bottom / down, self.width / across, self.height / down))
        self._axes.set_axis_off()
        self._axes.set_xlim(x)
        self._axes.set_ylim(y)
        self.data, self.inside = self._axes.transData, self._axes.transAxes
        self.under, self.beside = self._axes.get_xaxis_transform(), self._axes.get_yaxis_transform()

    def add(self, *artists: Artist) -> None:
        """Put artists on the axes, whose data they show unless they have a transform of their own."""
        for artist in artists:
            artist.set_clip_on(False)
            self._axes.add_artist(artist)


def pixels_of(made: Canvas) -> Transform:
    """From pixels, counted from a picture's left lower corner."""
    return Affine2D().scale(1 / DOTS) + made.dpi_scale_trans


def bare(axes: Axes, colours: Colours) -> None:
    """Take off axes what says nothing."""
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(colours["quiet"])
    axes.set_axisbelow(True)
    axes.tick_params(labelcolor=colours["ink"], color=colours["quiet"], labelsize=SIZE)
    axes.tick_params(axis="y", length=0, pad=7)


def mark(axes: Axes, places: Sequence[float], along: str, say: Callable[[float], str] = words.tick) -> None:
    """Put numbers along the `x` or the `y` axis, at these places and no others. say: how one is told."""
    axis = axes.xaxis if along == "x" else axes.yaxis
    axis.set_ticks(places, [say(t) for t in places])
