"""What AutoAttack on ImageNet would cost on 1, 8 and 64 GPU workers, on paper: `python -m tests.benchmarks.forecast`.

Measured constants are those of `python -m tests.benchmarks.wide --only way`; assumed ones say so. ARCHITECTURE.md has
the formula.
"""

from dataclasses import dataclass
from math import ceil

from tests.benchmarks._report import say, show

BLOCK = 16
MEGABYTES = 224 * 224 * 3 * 4 / 1e6  # of one image

# Measured here, for a block of 9.6 MB (two shared cores): its key, its copy in the cache, its way by Dask.
KEY, KEPT, SENT = 0.019, 0.064, 0.159
COMPRESSED = 9.6 / 1.017  # MB a second, into the record
LOOK = 1 / 3  # of a gradient
# Assumed: input gradients of ResNet-50 a second at 16 images, half of what a data-centre GPU makes of full batches.
RATE = 600.0
START = 30.0  # assumed: seconds until a worker has imported TensorFlow and loaded the checkpoint


@dataclass(frozen=True)
class Stage:
    """images: how many it is given (assumed). passes: gradients for each that holds to the end."""

    name: str
    images: int
    passes: float

    @property
    def blocks(self) -> int:
        """How many blocks they make."""
        return ceil(self.images / BLOCK)

    @property
    def work(self) -> float:
        """Seconds of a GPU for one block: as long as one of its images holds, a batch of few takes as long."""
        return BLOCK * self.passes / RATE

    def seconds(self, workers: int) -> float:
        """Until its last block is done: rounds of the workers, or what the client needs to feed them."""
        return max(ceil(self.blocks / workers) * self.work, self.blocks * (KEY + KEPT + SENT) + self.work)


# Assumed: 64% of 50 000 are classified right and 35% hold, as published of an adversarially trained ResNet-50.
STAGES = (
    Stage("APGD-CE, 100", 32_000, 100),
    Stage("APGD-T, 9 x 100", 19_500, 900),
    Stage("FAB-T, 9 x 100", 17_500, 900),
    Stage("Square, 5000", 17_500, 5000 * LOOK),
)


def main() -> None:
    """Print the table."""
    counts = (1, 8, 64)
    rows = []
    for stage in STAGES:
        hours = [f"{stage.seconds(count) / 3600:.2f}" for count in counts]
        feeds = stage.work / (KEY + KEPT + SENT)
        rows.append((stage.name, str(stage.blocks), f"{stage.work:.1f}", f"{feeds:.0f}", *hours))
    attack = [START + sum(stage.seconds(count) for stage in STAGES) for count in counts]
    record = 2 * STAGES[0].images * MEGABYTES
    rows.append(("the record, in the client", "", "", "", *[f"{record / COMPRESSED / 3600:.2f}"] * len(counts)))
    total = [seconds + record / COMPRESSED for seconds in attack]
    rows.append(("in all", "", "", "", *(f"{seconds / 3600:.2f}" for seconds in total)))
    titles = ("stage", "blocks", "s a block", "workers fed", *(f"hours on {count}" for count in counts))
    show("AutoAttack, 50 000 images of 224 x 224 x 3, ResNet-50", titles, rows)
    gained = [attack[0] / seconds / count for seconds, count in zip(attack, counts, strict=True)]
    say(f"share of the workers' time that is used, without the record: {', '.join(f'{g:.0%}' for g in gained)}")
    sent = sum(stage.images for stage in STAGES) * MEGABYTES / 1e3
    say(f"{sent:.0f} GB to the workers, as much back and into the cache; {record / 1e3:.0f} GB in the record's arrays")


if __name__ == "__main__":
    main()
