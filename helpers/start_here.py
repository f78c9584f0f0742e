"""The one function of lesson 00."""

from __future__ import annotations


def pixel_count(height: int, width: int, channels: int = 3) -> int:
    """How many numbers an image is made of: height rows of width pixels of ``channels`` numbers."""
    return height * width * channels
