"""What tests of embedded images ask of what they have loaded."""

from auditor.values import Samples


def bright(samples: Samples) -> list[int]:
    """The grey value (0 to 255) of each image's first pixel."""
    return (samples.images[:, 0, 0, 0] * 255).round().astype(int).tolist()
