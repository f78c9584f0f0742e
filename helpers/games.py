"""Games of two players: payoff matrices, the value function of a GAN, and two games on a plane.

    from helpers.games import BilinearGame, play

    trajectory = play(BilinearGame(), start=(1, 1), steps=500, learning_rate=0.1)

Matrix games: ``expected_payoff``, ``best_responses``, ``is_nash``, ``pure_equilibria``,
``fictitious_play``. What a GAN is worth: ``optimal_discriminator``, ``gan_value``,
``jensen_shannon``. Games played by gradients: ``BilinearGame`` and ``DiracGAN``, the five update
rules in ``RULES``, ``play``, and ``update_eigenvalues``, which says before a game is played whether
it settles.

Sources: Nash 1950, "Equilibrium points in n-person games", doi:10.1073/pnas.36.1.48;
Goodfellow et al. 2014, "Generative adversarial nets", arXiv:1406.2661; Mescheder, Geiger and
Nowozin 2018, "Which training methods for GANs do actually converge?", arXiv:1801.04406.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike

Field = Callable[[np.ndarray], np.ndarray]
Rule = Literal["simultaneous", "alternating", "extragradient", "optimistic", "consensus"]
Loss = Literal["standard", "non-saturating", "wasserstein"]

RULES: tuple[Rule, ...] = get_args(Rule)
LOSSES: tuple[Loss, ...] = get_args(Loss)
CONSENSUS_WEIGHT = 0.5

# Densities that are cut off at the ends of a grid do not sum to exactly 1.
_SUM_TOLERANCE = 0.01


# --- what a GAN is worth ------------------------------------------------------------------------


def optimal_discriminator(p_real: ArrayLike, p_fake: ArrayLike) -> np.ndarray:
    """Return the best discriminator against a fixed generator.

    ``D*(x) = p_real(x) / (p_real(x) + p_fake(x))``, and 1/2 where both are 0: nothing ever comes
    from there, so any answer is as good.

    Parameters
    ----------
    p_real, p_fake : arrays of one shape, probabilities or densities at the same places.

    Returns
    -------
    array of that shape, the probability that what lies there is real.

    Raises
    ------
    ValueError
        If the shapes differ, or a value is negative or not finite.

    Source: Goodfellow et al. 2014, proposition 1.
    """
    p, q = _two_densities(p_real, p_fake)
    # Halved, so that the sum of two huge densities does not overflow.
    both = p / 2 + q / 2
    return np.divide(p / 2, both, where=both > 0, out=np.full_like(both, 0.5))


def gan_value(p_real: ArrayLike, p_fake: ArrayLike, discriminator: ArrayLike) -> float:
    """Return the value of the GAN game for distributions over finitely many places.

    ``V(D, G) = Σ p_real log D + Σ p_fake log(1 - D)`` in nats, with 0 log 0 = 0. The discriminator
    wants it large, the generator small. Against the optimal discriminator it is
    ``-log 4 + 2 jensen_shannon(p_real, p_fake)``, so -log 4 at best for the generator.

    Parameters
    ----------
    p_real, p_fake : arrays of one shape, probabilities that sum to 1.
    discriminator : array of that shape, the probability that it gives to "real", from 0 to 1.

    Returns
    -------
    float, 0 or less; -inf where the discriminator is certain and wrong.

    Raises
    ------
    ValueError
        If the shapes differ, a distribution does not sum to 1, or a probability is not one.

    Source: Goodfellow et al. 2014, equation 1.
    """
    p, q = _two_distributions(p_real, p_fake)
    d = np.asarray(discriminator, float)
    if d.shape != p.shape:
        raise ValueError(f"discriminator has shape {d.shape}, the distributions have {p.shape}.")
    if not ((d >= 0) & (d <= 1)).all():
        wrong = d[~((d >= 0) & (d <= 1))][0]
        raise ValueError(f"discriminator has {wrong:g} in it; give probabilities from 0 to 1.")
    return float(_times_log(p, d).sum() + _times_log(q, 1 - d).sum())


def jensen_shannon(p: ArrayLike, q: ArrayLike) -> float:
    """Return the Jensen-Shannon divergence of two distributions over finitely many places.

    ``½ KL(p ‖ m) + ½ KL(q ‖ m)`` with ``m = (p + q) / 2``, in nats: 0 for equal ones, log 2 for
    two that share no place.

    Parameters
    ----------
    p, q : arrays of one shape, probabilities that sum to 1.

    Raises
    ------
    ValueError
        If the shapes differ, or one does not sum to 1 or has a negative value.

    Source: Lin 1991, "Divergence measures based on the Shannon entropy", doi:10.1109/18.61115.
    """
    p, q = _two_distributions(p, q)
    # p / m is twice the optimal discriminator; q / m is not taken from 1 minus it, which is rounded
    # to 0 where q is tiny.
    real, fake = optimal_discriminator(p, q), optimal_discriminator(q, p)
    return float((_times_log(p, 2 * real).sum() + _times_log(q, 2 * fake).sum()) / 2)


def _times_log(weight: np.ndarray, x: np.ndarray) -> np.ndarray:
    """``weight * log(x)``, with 0 log 0 = 0 and no warning for log 0 = -inf."""
    with np.errstate(divide="ignore"):
        return np.where(weight > 0, weight * np.log(np.where(weight > 0, x, 1)), 0)


def _two_densities(p_real: ArrayLike, p_fake: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    p, q = np.asarray(p_real, float), np.asarray(p_fake, float)
    if p.shape != q.shape:
        raise ValueError(f"The two densities must have one shape, not {p.shape} and {q.shape}.")
    for each in (p, q):
        if not (np.isfinite(each) & (each >= 0)).all():
            wrong = each[~(np.isfinite(each) & (each >= 0))][0]
            raise ValueError(f"A density is finite and not negative; there is {wrong:g} in one.")
    return p, q


def _two_distributions(p_real: ArrayLike, p_fake: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    p, q = _two_densities(p_real, p_fake)
    for each in (p, q):
        if abs(each.sum() - 1) > _SUM_TOLERANCE:
            raise ValueError(
                f"Probabilities sum to 1, not to {each.sum():g}; multiply densities on a grid by "
                "its spacing."
            )
    return p, q


# --- matrix games -------------------------------------------------------------------------------
# payoff[i, j] is what a player gets when row plays i and column plays j, in both matrices.


def expected_payoff(
    payoff: ArrayLike, row_strategy: ArrayLike, column_strategy: ArrayLike
) -> float:
    """Return what a player gets on average: ``Σ_ij row_i payoff_ij column_j``.

    Parameters
    ----------
    payoff : array of shape (rows, columns), the payoff of the player in question.
    row_strategy, column_strategy : arrays of shape (rows,) and (columns,), probabilities.

    Raises
    ------
    ValueError
        If the shapes do not fit or a strategy is not a probability distribution.
    """
    payoff = _matrix(payoff, "payoff")
    row = _strategy(row_strategy, payoff.shape[0], "row_strategy")
    column = _strategy(column_strategy, payoff.shape[1], "column_strategy")
    return float(row @ payoff @ column)


def best_responses(
    payoff: ArrayLike, opponent: ArrayLike, tolerance: float = 1e-9
) -> tuple[int, ...]:
    """Return the indices of the rows of ``payoff`` that are best against the opponent's strategy.

    Parameters
    ----------
    payoff : array of shape (own actions, opponent's actions). For the column player that is the
        transpose: ``best_responses(column_payoff.T, row_strategy)``.
    opponent : array of shape (opponent's actions,), probabilities.
    tolerance : rows that are worse by no more than this count as best too.

    Raises
    ------
    ValueError
        If the shapes do not fit or the strategy is not a probability distribution.
    """
    payoff = _matrix(payoff, "payoff")
    values = payoff @ _strategy(opponent, payoff.shape[1], "opponent")
    return tuple(int(i) for i in np.flatnonzero(values >= values.max() - tolerance))


def is_nash(
    row_payoff: ArrayLike,
    column_payoff: ArrayLike,
    row_strategy: ArrayLike,
    column_strategy: ArrayLike,
    tolerance: float = 1e-9,
) -> bool:
    """Return whether neither player gains by changing strategy alone.

    It is enough to try the pure strategies: a mixture gets a mean of what they get, so where no
    pure one gains, no mixture does.

    Parameters
    ----------
    row_payoff, column_payoff : arrays of shape (rows, columns); ``[i, j]`` is what the player gets
        when row plays i and column plays j. In a zero-sum game the second is minus the first.
    row_strategy, column_strategy : arrays of shape (rows,) and (columns,), probabilities.
    tolerance : a gain of no more than this counts as none.

    Raises
    ------
    ValueError
        If the shapes do not fit or a strategy is not a probability distribution.

    Source: Nash 1950.
    """
    rows, columns = _two_matrices(row_payoff, column_payoff)
    x = _strategy(row_strategy, rows.shape[0], "row_strategy")
    y = _strategy(column_strategy, rows.shape[1], "column_strategy")
    gain_of_row = (rows @ y).max() - x @ rows @ y
    gain_of_column = (x @ columns).max() - x @ columns @ y
    return bool(max(gain_of_row, gain_of_column) <= tolerance)


def pure_equilibria(row_payoff: ArrayLike, column_payoff: ArrayLike) -> list[tuple[int, int]]:
    """Return the (row, column) pairs from which neither player gains by moving alone.

    There may be none (rock-paper-scissors), one or several; mixed equilibria are not looked for.

    Parameters
    ----------
    row_payoff, column_payoff : arrays of shape (rows, columns), as for ``is_nash``.

    Raises
    ------
    ValueError
        If the two shapes differ.
    """
    rows, columns = _two_matrices(row_payoff, column_payoff)
    stays = (rows == rows.max(0, keepdims=True)) & (columns == columns.max(1, keepdims=True))
    return [(int(i), int(j)) for i, j in np.argwhere(stays)]


def fictitious_play(
    row_payoff: ArrayLike, column_payoff: ArrayLike, rounds: int
) -> tuple[np.ndarray, np.ndarray]:
    """Let both players answer what the other has played so far; return how often each did what.

    Both begin with their action 0. From then on each plays a best response to the frequencies of
    the other's past actions, the first one where several are best. In a zero-sum game the
    frequencies converge to an equilibrium, while the actions themselves go round for ever.

    Parameters
    ----------
    row_payoff, column_payoff : arrays of shape (rows, columns), as for ``is_nash``.
    rounds : how often they play, 1 or more.

    Returns
    -------
    two arrays of shapes (rounds, rows) and (rounds, columns): entry t holds the frequencies after
    t + 1 rounds.

    Raises
    ------
    ValueError
        If the two shapes differ or there is no round.

    Source: Brown 1951, "Iterative solution of games by fictitious play"; Robinson 1951, "An
    iterative method of solving a game", doi:10.2307/1969530 (convergence).
    """
    rows, columns = _two_matrices(row_payoff, column_payoff)
    if rounds < 1:
        raise ValueError(f"rounds is {rounds}; play at least 1.")
    plays_of_row = np.zeros((rounds, rows.shape[0]))
    plays_of_column = np.zeros((rounds, rows.shape[1]))
    # Payoff of every action, summed over what the other has played.
    sum_of_row, sum_of_column = np.zeros(rows.shape[0]), np.zeros(rows.shape[1])
    for t in range(rounds):
        i, j = sum_of_row.argmax(), sum_of_column.argmax()
        plays_of_row[t, i] = plays_of_column[t, j] = 1
        sum_of_row += rows[:, j]
        sum_of_column += columns[i]
    played = np.arange(1, rounds + 1)[:, None]
    return plays_of_row.cumsum(0) / played, plays_of_column.cumsum(0) / played


def _matrix(payoff: ArrayLike, name: str) -> np.ndarray:
    payoff = np.asarray(payoff, float)
    if payoff.ndim != 2 or not payoff.size:
        raise ValueError(f"{name} has shape {payoff.shape}; give one of (rows, columns).")
    if not np.isfinite(payoff).all():
        raise ValueError(f"{name} has a value that is not finite; give numbers only.")
    return payoff


def _two_matrices(row_payoff: ArrayLike, column_payoff: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    rows, columns = _matrix(row_payoff, "row_payoff"), _matrix(column_payoff, "column_payoff")
    if rows.shape != columns.shape:
        raise ValueError(
            f"row_payoff has shape {rows.shape} and column_payoff {columns.shape}; both are "
            "(rows, columns), neither is transposed."
        )
    return rows, columns


def _strategy(strategy: ArrayLike, count: int, name: str) -> np.ndarray:
    strategy = np.asarray(strategy, float)
    if strategy.shape != (count,):
        raise ValueError(f"{name} has shape {strategy.shape}; it takes {count} probabilities.")
    if not ((strategy >= 0) & (strategy <= 1)).all() or abs(strategy.sum() - 1) > 1e-6:
        raise ValueError(f"{name} is {strategy.tolist()}; it takes probabilities that sum to 1.")
    return strategy


# --- games on a plane ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Game:
    """Two players who hold one number each, and move along their own gradients.

    labels : names of the two numbers. equilibrium : where neither gains by moving.
    """

    labels: ClassVar[tuple[str, str]] = ("x", "y")
    equilibrium: ClassVar[tuple[float, float]] = (0.0, 0.0)

    def value(self, points: ArrayLike) -> np.ndarray:
        """Return f at points of shape (..., 2); the first player minimises it, the other maximises.

        Raises ValueError unless the last axis has two entries.
        """
        raise NotImplementedError

    def field(self, points: ArrayLike) -> np.ndarray:
        """Return where each player wants to go, shape (..., 2) for points of shape (..., 2).

        The first entry is the first player's direction of improvement, the second the other's.
        Raises ValueError unless the last axis has two entries.
        """
        raise NotImplementedError

    def jacobian(self, point: ArrayLike = (0.0, 0.0)) -> np.ndarray:
        """Return the derivative of the field, shape (..., 2, 2): ``[i, j]`` is ∂field_i/∂point_j.

        Raises ValueError unless the last axis has two entries.
        """
        raise NotImplementedError

    def eigenvalues(self, point: ArrayLike = (0.0, 0.0)) -> np.ndarray:
        """Return the two complex eigenvalues of the Jacobian at one point.

        For players who move in infinitely small steps: where both real parts are negative, an
        equilibrium attracts; where they are 0, play circles; imaginary parts are its speed.
        Raises ValueError unless the point has two entries.
        """
        return _eigenvalues(self.jacobian(_point(point)))


@dataclass(frozen=True)
class BilinearGame(Game):
    """The game ``f(x, y) = x y``: x minimises, y maximises.

    Its field is ``(-y, x)``, which is at right angles to the way to the equilibrium (0, 0).
    """

    def value(self, points: ArrayLike) -> np.ndarray:
        x, y = _coordinates(points)
        return x * y

    def field(self, points: ArrayLike) -> np.ndarray:
        x, y = _coordinates(points)
        return np.stack([-y, x], -1)

    def jacobian(self, point: ArrayLike = (0.0, 0.0)) -> np.ndarray:
        x, _ = _coordinates(point)
        return np.broadcast_to([[0.0, -1.0], [1.0, 0.0]], (*x.shape, 2, 2)).copy()


@dataclass(frozen=True)
class DiracGAN(Game):
    """The smallest GAN: real data at 0, fakes at θ, and a discriminator ``D(x) = ψ x``.

    ``f(θ, ψ) = g(θψ) + g(0) - r1/2 ψ²``, which the generator θ minimises and the discriminator ψ
    maximises. The field is ``(-ψ g'(θψ), θ g'(θψ) - r1 ψ)``, and its eigenvalues at (0, 0) are
    ``-r1/2 ± √(r1²/4 - g'(0)²)``. As in the source, a large D(x) stands for "fake"; with -ψ in
    place of ψ it stands for "real", and nothing else changes.

    Parameters
    ----------
    loss : "standard", g(t) = -log(1 + exp(-t)), so g'(0) = 1/2; "non-saturating", the same but
        that the generator maximises g(-θψ); "wasserstein", g(t) = t.
    r1 : weight of the R1 penalty, the squared slope of D at the real data, 0 or more.

    Raises
    ------
    ValueError
        If the loss is none of the three, or r1 is negative or not finite.

    Source: Mescheder, Geiger and Nowozin 2018, definition 2.1 and lemmas 2.3 and 4.1.
    """

    loss: Loss = "standard"
    r1: float = 0.0
    labels: ClassVar[tuple[str, str]] = ("θ, generator", "ψ, discriminator")

    def __post_init__(self) -> None:
        if self.loss not in LOSSES:
            raise ValueError(f"loss is {self.loss!r}; choose one of {', '.join(LOSSES)}.")
        if not (np.isfinite(self.r1) and self.r1 >= 0):
            raise ValueError(f"r1 is {self.r1}; a penalty's weight is 0 or more.")

    def value(self, points: ArrayLike) -> np.ndarray:
        """Return f at points of shape (..., 2).

        With the non-saturating loss, f is what the discriminator maximises; the generator does not
        minimise it but maximises g(-θψ).
        """
        theta, psi = _coordinates(points)
        if self.loss == "wasserstein":
            score = theta * psi
        else:
            score = -np.logaddexp(0, -theta * psi) - np.log(2)
        return score - self.r1 / 2 * psi**2

    def field(self, points: ArrayLike) -> np.ndarray:
        theta, psi = _coordinates(points)
        t = theta * psi
        generators = self._slope(-t if self.loss == "non-saturating" else t)
        return np.stack([-psi * generators, theta * self._slope(t) - self.r1 * psi], -1)

    def jacobian(self, point: ArrayLike = (0.0, 0.0)) -> np.ndarray:
        theta, psi = _coordinates(point)
        t = theta * psi
        slope, bend = self._slope(t), self._bend(t)
        generators = self._slope(-t) if self.loss == "non-saturating" else slope
        # The curvature g'' is even, and the inner derivative changes its sign.
        sign = 1 if self.loss == "non-saturating" else -1
        entries = [
            [sign * psi**2 * bend, -generators + sign * t * bend],
            [slope + t * bend, theta**2 * bend - self.r1],
        ]
        return np.stack([np.stack(row, -1) for row in entries], -2)

    def _slope(self, t: np.ndarray) -> np.ndarray:
        """g'(t)."""
        if self.loss == "wasserstein":
            return np.ones_like(t)
        return np.exp(-np.logaddexp(0, t))  # 1 / (1 + exp(t)) without overflow

    def _bend(self, t: np.ndarray) -> np.ndarray:
        """g''(t)."""
        if self.loss == "wasserstein":
            return np.zeros_like(t)
        return -np.exp(-np.logaddexp(0, t) - np.logaddexp(0, -t))


def _coordinates(points: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    points = np.asarray(points, float)
    if points.ndim < 1 or points.shape[-1] != 2:
        raise ValueError(
            f"Points have shape (..., 2), one number for each player, not {points.shape}."
        )
    return points[..., 0], points[..., 1]


def _point(point: ArrayLike) -> np.ndarray:
    point = np.asarray(point, float)
    if point.shape != (2,):
        raise ValueError(f"A point is two numbers, one for each player, not {point.shape}.")
    return point


def _eigenvalues(matrix: np.ndarray) -> np.ndarray:
    """Of a 2x2 matrix, in closed form: exact where two coincide, which a solver is not."""
    (a, b), (c, d) = matrix
    root = np.sqrt(complex(((a - d) / 2) ** 2 + b * c))
    return (a + d) / 2 + np.array([root, -root])


# --- update rules -------------------------------------------------------------------------------
# A field is a function from points (..., 2) to velocities (..., 2), such as game.field.


def simultaneous_step(field: Field, point: ArrayLike, learning_rate: float) -> np.ndarray:
    """Return the point after both players have moved at once: ``z + η v(z)``.

    Raises ValueError if the learning rate is negative or not finite, as all steps do.
    """
    point = np.asarray(point, float)
    return point + _rate(learning_rate) * field(point)


def alternating_step(field: Field, point: ArrayLike, learning_rate: float) -> np.ndarray:
    """Return the point after the first player has moved, and then the second, who has seen it."""
    moved = np.array(point, float)
    moved[..., 0] += _rate(learning_rate) * field(moved)[..., 0]
    moved[..., 1] += learning_rate * field(moved)[..., 1]
    return moved


def extragradient_step(field: Field, point: ArrayLike, learning_rate: float) -> np.ndarray:
    """Return the point after a step with the velocity one step ahead: ``z + η v(z + η v(z))``.

    Source: Korpelevich 1976, "The extragradient method for finding saddle points".
    """
    point = np.asarray(point, float)
    return point + learning_rate * field(simultaneous_step(field, point, learning_rate))


def optimistic_step(
    field: Field,
    point: ArrayLike,
    learning_rate: float,
    previous_velocity: ArrayLike | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the point after a step that expects the velocity to go on changing as it did.

    ``z + η (2 v(z) - previous_velocity)``.

    Parameters
    ----------
    previous_velocity : array like the point, the second thing that the step before returned;
        None in the first step, which is a simultaneous one.

    Returns
    -------
    the point, and the velocity v(z) for the next step.

    Source: Daskalakis et al. 2018, "Training GANs with optimism", arXiv:1711.00141.
    """
    point = np.asarray(point, float)
    velocity = field(point)
    previous = velocity if previous_velocity is None else np.asarray(previous_velocity, float)
    return point + _rate(learning_rate) * (2 * velocity - previous), velocity


def consensus_step(
    game: Game, point: ArrayLike, learning_rate: float, weight: float = CONSENSUS_WEIGHT
) -> np.ndarray:
    """Return the point after a step in which both also want the velocities to become small.

    ``z + η (v - weight Jᵀ v)``: Jᵀ v is the gradient of |v|²/2, J the Jacobian of v.

    Raises
    ------
    ValueError
        If the weight or the learning rate is negative or not finite.

    Source: Mescheder, Nowozin and Geiger 2017, "The numerics of GANs", arXiv:1705.10461.
    """
    point, velocity = np.asarray(point, float), game.field(point)
    pull = np.einsum("...ij,...i->...j", game.jacobian(point), velocity)
    return point + _rate(learning_rate) * (velocity - _weight(weight) * pull)


def play(
    game: Game,
    start: ArrayLike,
    steps: int,
    learning_rate: float,
    rule: Rule = "simultaneous",
    consensus_weight: float = CONSENSUS_WEIGHT,
) -> np.ndarray:
    """Return the points that a game passes through, the start first.

    Parameters
    ----------
    game : a BilinearGame or DiracGAN.
    start : array of shape (2,), or (..., 2) for several plays at once.
    steps : 0 or more.
    learning_rate : 0 or more.
    rule : one of RULES. consensus_weight : for the rule "consensus" only.

    Returns
    -------
    array of shape (steps + 1, ..., 2). Where play runs away beyond all numbers, inf and nan.

    Raises
    ------
    ValueError
        If the rule is unknown, or a number is negative or not finite.
    """
    if rule not in RULES:
        raise ValueError(f"rule is {rule!r}; choose one of {', '.join(RULES)}.")
    if steps < 0:
        raise ValueError(f"steps is {steps}; play 0 or more.")
    start = np.stack(_coordinates(start), -1)
    trajectory = np.empty((steps + 1, *start.shape))
    trajectory[0] = start
    one_step = {
        "simultaneous": simultaneous_step,
        "alternating": alternating_step,
        "extragradient": extragradient_step,
    }
    velocity = None
    with np.errstate(over="ignore", invalid="ignore"):
        for t in range(steps):
            point = trajectory[t]
            if rule == "optimistic":
                point, velocity = optimistic_step(game.field, point, learning_rate, velocity)
            elif rule == "consensus":
                point = consensus_step(game, point, learning_rate, consensus_weight)
            else:
                point = one_step[rule](game.field, point, learning_rate)
            trajectory[t + 1] = point
    return trajectory


def update_eigenvalues(
    game: Game,
    rule: Rule,
    learning_rate: float,
    point: ArrayLike = (0.0, 0.0),
    consensus_weight: float = CONSENSUS_WEIGHT,
) -> np.ndarray:
    """Return the eigenvalues of one step, linearised at an equilibrium.

    From nearby, play converges where all moduli are below 1, and runs away where one is above; the
    largest is the factor by which the distance shrinks or grows in one step, in the long run. With
    λ an eigenvalue of the field's Jacobian J and η the learning rate:

    ============== =============================================================================
    simultaneous    1 + ηλ
    alternating     those of (I + η J, second row only) (I + η J, first row only)
    extragradient   1 + ηλ + (ηλ)²
    optimistic      both roots of μ² - (1 + 2ηλ) μ + ηλ, so four altogether
    consensus       those of I + η (J - weight Jᵀ J)
    ============== =============================================================================

    Parameters
    ----------
    game, rule, learning_rate, consensus_weight : as for ``play``.
    point : array of shape (2,), where the field is 0.

    Returns
    -------
    complex array of shape (2,), for "optimistic" (4,).

    Raises
    ------
    ValueError
        If the field is not 0 at the point, the rule is unknown, or a number is negative.
    """
    if rule not in RULES:
        raise ValueError(f"rule is {rule!r}; choose one of {', '.join(RULES)}.")
    rate, weight, point = _rate(learning_rate), _weight(consensus_weight), _point(point)
    if not np.allclose(game.field(point), 0, atol=1e-9):
        raise ValueError(f"{tuple(point.tolist())} is no equilibrium: the field is not 0 there.")
    jacobian, identity = game.jacobian(point), np.eye(2)
    if rule == "alternating":
        first, second = np.diag([rate, 0.0]), np.diag([0.0, rate])
        return _eigenvalues((identity + second @ jacobian) @ (identity + first @ jacobian))
    if rule == "consensus":
        return _eigenvalues(identity + rate * (jacobian - weight * jacobian.T @ jacobian))
    scaled = rate * _eigenvalues(jacobian)
    if rule == "simultaneous":
        return 1 + scaled
    if rule == "extragradient":
        return 1 + scaled + scaled**2
    root = np.sqrt((0.5 + scaled) ** 2 - scaled)
    return np.concatenate([0.5 + scaled + root, 0.5 + scaled - root])


def _rate(learning_rate: float) -> float:
    if not (np.isfinite(learning_rate) and learning_rate >= 0):
        raise ValueError(f"learning_rate is {learning_rate}; give a number from 0 up.")
    return learning_rate


def _weight(weight: float) -> float:
    if not (np.isfinite(weight) and weight >= 0):
        raise ValueError(f"consensus_weight is {weight}; give a number from 0 up.")
    return weight
