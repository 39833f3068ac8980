"""A small made-up bank card call centre: the same seed and days give the same files."""

from sample.cast import END, EPOCH
from sample.landing import Broken, Sample, write

__all__ = ["END", "EPOCH", "Broken", "Sample", "write"]
