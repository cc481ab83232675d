"""What the parameters of attacks have in common, and first moves that attacks share."""

from typing import Annotated, ClassVar

from pydantic import Field

from auditor.compute import tensorflow
from auditor.search.loop import Goal, ThreatModel
from auditor.search.losses import Loss
from auditor.search.norms import by_image, project
from auditor.values import Count, Parameters, PositiveReal, Tensor


class Search(Parameters):
    """Base of every attack's parameters. What an attack doesn't vary is a property; what it does, a field."""

    steps: Count = 100
    """How many steps."""

    @property
    def starts(self) -> int:
        """How often the attack starts anew."""
        return 1

    @property
    def rival_classes(self) -> int:
        """How many of the likeliest other classes it aims at, one after another; 0 if it aims at none."""
        return 0

    @property
    def value(self) -> Loss:
        """The loss that it is shown."""
        return "margin"


class Restarted(Search):
    """An attack with a random start."""

    restarts: Count = 1
    """How many starts; unless the closest images are wanted, later ones attack only what has held so far."""

    @property
    def starts(self) -> int:
        """How often the attack starts anew."""
        return self.restarts


class Aimed(Search):
    """An attack that can aim at single classes although any wrong one would do."""

    rivals: Annotated[int, Field(ge=0)] = 0
    """Aim at each of so many of the likeliest other classes in turn; 0 aims at none in particular."""

    @property
    def rival_classes(self) -> int:
        """How many of the likeliest other classes it aims at, one after another; 0 if it aims at none."""
        return self.rivals


class LossAscent(Aimed):
    """An attack that raises a loss along its gradient."""

    loss: Loss = "scaled_ce"
    """The objective that the attack raises: `scaled_ce`, `ce`, `margin` or `dlr`."""

    @property
    def value(self) -> Loss:
        """The loss that it is shown."""
        return self.loss


def start_at(noise: Tensor, goal: Goal, eps: Tensor, threat: ThreatModel, random: bool) -> Tensor:
    """The origin, or a random place in its ball: noise (N, H, W, C) is spread over the unit ball."""
    if not random:
        return tensorflow().identity(goal.origin)
    return project(goal.origin + noise * by_image(eps), goal.origin, eps, threat.box, threat.norm)


class Ascending(Parameters):
    """How far to go."""

    steps: Count = 5
    """How many steps."""
    step_size: PositiveReal | None = None
    """Standard deviation of one step over the pixels of an image, in the units of the box; its width if left out."""

    SHARE: ClassVar[float] = 1.0  # of the box's width, where no step size is given

    def pace(self, box: tuple[float, float]) -> "Pace":
        """The same in numbers, within a box."""
        width = box[1] - box[0]
        return Pace(steps=self.steps, step_size=self.step_size or self.SHARE * width, width=width)

    def told(self, box: tuple[float, float]) -> list[str]:
        """What to say of a step size that wasn't given."""
        step = self.pace(box).step_size
        return [] if self.step_size else [f"`step_size` is {step:g}: {self.SHARE:g} of the width of the box."]


class Pace(Parameters):
    """How far to go, in numbers."""

    steps: Count
    """How many steps."""
    step_size: PositiveReal
    """Standard deviation of one step over the pixels of an image, in the units of the box."""
    width: PositiveReal = 1.0
    """Width of the box: what a gradient does across it says whether it has vanished."""
