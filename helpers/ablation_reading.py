"""Read an ablation table: which of the recipes helped, which hurt, and where one cannot tell.

A row is a recipe: the mean of a number over a few runs that differ in their seeds, and its spread,
the standard deviation over these runs. Smaller is better, as for a Fréchet distance.

The difference of two means d has the standard error e = sqrt((s1² + s2²) / n). With n = 3 runs
each, two recipes that are in truth the same differ by more than 2 e one time in nine and by more
than 3 e one time in 25, because spreads of three runs are themselves uncertain (Student's t with
about 4 degrees of freedom).

Source: Student, "The probable error of a mean", 1908, doi:10.1093/biomet/6.1.1.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

#: What a recipe can be said to have done.
HELPED, HURT, CANNOT_TELL = "helped", "hurt", "cannot tell"

#: A difference counts when it is more than so many of its standard errors.
STANDARD_ERRORS = 3


def read_ablation(
    table: Mapping[str, tuple[float, float]], floor: float, seeds: int = 3
) -> dict[str, str]:
    """Say of each recipe whether it "helped", it "hurt", or one "cannot tell".

    A mean below the floor counts as the floor, for what is as near to real images as other real
    images are cannot be told from them. Then a recipe helped if its mean is below the baseline's
    by more than 3 standard errors sqrt((s1² + s2²) / seeds), and hurt if it is above by more.

    Parameters
    ----------
    table : recipe to (mean, spread) of its distances; one recipe is "baseline".
    floor : the distance of two sets of real images.
    seeds : runs per recipe.

    Returns
    -------
    recipe to verdict, in the table's order, without the baseline.
    """
    own_mean, own_spread = table["baseline"]
    verdicts = {}
    for recipe, (mean, spread) in table.items():
        if recipe == "baseline":
            continue
        gain = max(own_mean, floor) - max(mean, floor)
        error = math.sqrt((own_spread**2 + spread**2) / seeds)
        certain = abs(gain) > STANDARD_ERRORS * error
        verdicts[recipe] = CANNOT_TELL if not certain else HELPED if gain > 0 else HURT
    return verdicts
