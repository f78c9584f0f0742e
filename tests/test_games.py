"""Games: closed forms against simulation, and what is asked of every input."""

import math
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from helpers.games import (
    LOSSES,
    RULES,
    BilinearGame,
    DiracGAN,
    Game,
    alternating_step,
    best_responses,
    consensus_step,
    expected_payoff,
    extragradient_step,
    fictitious_play,
    gan_value,
    is_nash,
    jensen_shannon,
    optimal_discriminator,
    optimistic_step,
    play,
    pure_equilibria,
    simultaneous_step,
    update_eigenvalues,
)

ROCK_PAPER_SCISSORS = np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]])
PRISONERS = np.array([[-1, -3], [0, -2]])
GAMES = [BilinearGame(), *(DiracGAN(loss, r1) for loss in LOSSES for r1 in (0.0, 0.3, 1.0, 2.5))]

few = settings(max_examples=20, deadline=None)  # where many games come on top
numbers = st.floats(-3, 3)
rates = st.floats(0.001, 0.5)


@st.composite
def distributions(draw, size):
    weights = draw(arrays(float, size, elements=st.sampled_from([0, 0.1, 1, 2.5, 7])))
    assume(weights.sum() > 0)
    return weights / weights.sum()


@st.composite
def two_distributions(draw):
    size = draw(st.integers(1, 6))
    return draw(distributions(size)), draw(distributions(size))


@st.composite
def matrix_games(draw):
    """Two payoff matrices, and a strategy for each player."""
    shape = draw(st.tuples(st.integers(1, 4), st.integers(1, 4)))
    payoffs = [draw(arrays(float, shape, elements=st.integers(-5, 5))) for _ in range(2)]
    return (*payoffs, *(draw(distributions(size)) for size in shape))


# ------------------------------------------------------------------------- what a GAN is worth


def test_the_optimal_discriminator_is_the_share_of_the_real():
    found = optimal_discriminator([0.1, 0.4, 0.5, 0, 0], [0.3, 0.4, 0, 0.3, 0])
    np.testing.assert_allclose(found, [0.25, 0.5, 1, 0, 0.5])


def test_densities_of_any_shape_and_size_are_allowed():
    assert (
        optimal_discriminator(np.full((2, 3), 1e308), np.full((2, 3), 1e308)).tolist()
        == [[0.5] * 3] * 2
    )
    assert optimal_discriminator(3.0, 1.0) == 0.75


@given(two_distributions(), st.data())
def test_no_discriminator_is_worth_more_than_the_optimal_one(pair, data):
    p, q = pair
    other = data.draw(arrays(float, p.shape, elements=st.floats(0, 1)))
    best = optimal_discriminator(p, q)
    assert gan_value(p, q, other) <= gan_value(p, q, best) + 1e-9


@given(two_distributions())
def test_the_value_is_the_jensen_shannon_divergence(pair):
    p, q = pair
    divergence = jensen_shannon(p, q)
    value = gan_value(p, q, optimal_discriminator(p, q))
    assert value == pytest.approx(-math.log(4) + 2 * divergence, abs=1e-9)
    assert -1e-12 <= divergence <= math.log(2) + 1e-12
    assert jensen_shannon(q, p) == pytest.approx(divergence, abs=1e-12)


def test_equal_distributions_are_worth_minus_log_four_and_disjoint_ones_nothing():
    p = np.array([0.2, 0.3, 0.5])
    assert gan_value(p, p, optimal_discriminator(p, p)) == pytest.approx(-math.log(4))
    assert jensen_shannon(p, p) == 0
    p, q = np.array([0.5, 0.5, 0, 0]), np.array([0, 0, 0.25, 0.75])
    assert gan_value(p, q, optimal_discriminator(p, q)) == 0
    assert jensen_shannon(p, q) == pytest.approx(math.log(2))


def test_a_constant_discriminator_gives_minus_log_four_whatever_the_fakes_are():
    assert gan_value([1, 0], [0, 1], [0.5, 0.5]) == pytest.approx(-math.log(4))


def test_a_certain_mistake_costs_everything():
    assert gan_value([0.5, 0.5], [0.5, 0.5], [1, 0.5]) == -math.inf
    assert gan_value([1, 0], [0, 1], [0, 0.5]) == -math.inf


# ------------------------------------------------------------------------------- matrix games


@given(matrix_games())
def test_expected_payoff_is_the_mean_over_what_both_play(game):
    payoff, _, row, column = game
    by_hand = sum(
        row[i] * column[j] * payoff[i, j] for i in range(len(row)) for j in range(len(column))
    )
    assert expected_payoff(payoff, row, column) == pytest.approx(by_hand, abs=1e-9)


@given(matrix_games())
def test_best_responses_are_those_that_no_action_beats(game):
    payoff, _, row, column = game
    best = best_responses(payoff, column)
    values = [payoff[i] @ column for i in range(len(row))]
    assert best == tuple(i for i, v in enumerate(values) if v >= max(values) - 1e-9)


@given(matrix_games(), st.data())
def test_in_an_equilibrium_no_strategy_gains_and_outside_one_does(game, data):
    row_payoff, column_payoff, row, column = game
    other_row = data.draw(distributions(len(row)))
    other_column = data.draw(distributions(len(column)))
    gain = expected_payoff(row_payoff, other_row, column) - expected_payoff(row_payoff, row, column)
    gain_of_column = expected_payoff(column_payoff, row, other_column) - expected_payoff(
        column_payoff, row, column
    )
    if is_nash(row_payoff, column_payoff, row, column):
        assert max(gain, gain_of_column) <= 1e-8
    else:
        best_row = np.eye(len(row))[best_responses(row_payoff, column)[0]]
        best_column = np.eye(len(column))[best_responses(column_payoff.T, row)[0]]
        assert (
            expected_payoff(row_payoff, best_row, column) > expected_payoff(row_payoff, row, column)
        ) or (
            expected_payoff(column_payoff, row, best_column)
            > expected_payoff(column_payoff, row, column)
        )


@given(matrix_games())
def test_pure_equilibria_are_equilibria_and_all_of_them(game):
    row_payoff, column_payoff, row, column = game
    found = pure_equilibria(row_payoff, column_payoff)
    for i in range(len(row)):
        for j in range(len(column)):
            pure = np.eye(len(row))[i], np.eye(len(column))[j]
            assert is_nash(row_payoff, column_payoff, *pure) == ((i, j) in found)


def test_rock_paper_scissors_has_a_mixed_equilibrium_only():
    third = np.full(3, 1 / 3)
    assert is_nash(ROCK_PAPER_SCISSORS, -ROCK_PAPER_SCISSORS, third, third)
    assert not is_nash(ROCK_PAPER_SCISSORS, -ROCK_PAPER_SCISSORS, [1, 0, 0], third)
    assert not is_nash(ROCK_PAPER_SCISSORS, -ROCK_PAPER_SCISSORS, third, [0, 0.5, 0.5])
    assert pure_equilibria(ROCK_PAPER_SCISSORS, -ROCK_PAPER_SCISSORS) == []
    assert best_responses(ROCK_PAPER_SCISSORS, third) == (0, 1, 2)
    assert best_responses(ROCK_PAPER_SCISSORS, [0, 0, 1]) == (0,)


def test_the_prisoners_dilemma_has_one_equilibrium_and_both_would_like_another():
    assert pure_equilibria(PRISONERS, PRISONERS.T) == [(1, 1)]
    assert PRISONERS[0, 0] > PRISONERS[1, 1]


def test_the_tolerance_is_a_gain():
    payoff = np.array([[0.0], [0.01]])
    assert not is_nash(payoff, -payoff, [1, 0], [1])
    assert is_nash(payoff, -payoff, [1, 0], [1], tolerance=0.02)
    assert best_responses(payoff, [1], tolerance=0.02) == (0, 1)


def test_fictitious_play_goes_round_while_its_averages_come_to_rest():
    rows, columns = fictitious_play(ROCK_PAPER_SCISSORS, -ROCK_PAPER_SCISSORS, 5000)
    assert rows.shape == columns.shape == (5000, 3)
    np.testing.assert_allclose(rows.sum(1), 1)
    assert rows[0].tolist() == columns[0].tolist() == [1, 0, 0]
    assert rows[1].tolist() == [0.5, 0.5, 0]  # paper, since the other has played rock
    assert abs(rows[-1] - 1 / 3).max() < 0.03
    assert abs(columns[-1] - 1 / 3).max() < 0.03
    last = np.diff(rows[-1500:] * np.arange(3501, 5001)[:, None], axis=0).round().argmax(1)
    assert set(last) == {0, 1, 2}


# -------------------------------------------------------------------------- games on a plane


@pytest.mark.parametrize("game", GAMES, ids=repr)
@few
@given(x=numbers, y=numbers)
def test_the_field_is_the_gradient_of_the_value(game, x, y):
    step = 1e-5
    slopes = [
        (game.value((x + dx, y + dy)) - game.value((x - dx, y - dy))) / (2 * step)
        for dx, dy in ((step, 0), (0, step))
    ]
    if getattr(game, "loss", "") == "non-saturating":
        # The generator maximises g(-θψ), which is the same value at -θ.
        slopes[0] = -(game.value((-x - step, y)) - game.value((-x + step, y))) / (2 * step)
    np.testing.assert_allclose(game.field((x, y)), [-slopes[0], slopes[1]], atol=1e-8)


@pytest.mark.parametrize("game", GAMES, ids=repr)
@few
@given(x=numbers, y=numbers)
def test_the_jacobian_is_the_derivative_of_the_field(game, x, y):
    step = 1e-5
    numeric = np.stack(
        [
            (game.field((x + dx, y + dy)) - game.field((x - dx, y - dy))) / (2 * step)
            for dx, dy in ((step, 0), (0, step))
        ],
        -1,
    )
    np.testing.assert_allclose(game.jacobian((x, y)), numeric, atol=1e-8)


@pytest.mark.parametrize("game", GAMES, ids=repr)
def test_many_points_at_once_are_the_points_one_by_one(game):
    points = np.random.default_rng(0).normal(size=(2, 5, 2))
    for function in (game.value, game.field, game.jacobian):
        one_by_one = [[function(point) for point in row] for row in points]
        np.testing.assert_allclose(function(points), one_by_one, atol=1e-15)
    for rule in RULES:
        together = play(game, points, 3, 0.1, rule)
        assert together.shape == (4, 2, 5, 2)
        np.testing.assert_allclose(together[:, 1, 3], play(game, points[1, 3], 3, 0.1, rule))


@pytest.mark.parametrize("game", GAMES, ids=repr)
@few
@given(x=numbers, y=numbers)
def test_eigenvalues_are_those_of_the_jacobian(game, x, y):
    a, b = game.eigenvalues((x, y))
    jacobian = game.jacobian((x, y))
    assert a + b == pytest.approx(np.trace(jacobian), abs=1e-9)
    assert a * b == pytest.approx(np.linalg.det(jacobian), abs=1e-9)


def test_bilinear_play_circles_at_unit_speed():
    assert BilinearGame().eigenvalues().tolist() == [1j, -1j]
    points = np.random.default_rng(1).normal(size=(100, 2))
    assert abs((BilinearGame().field(points) * points).sum(-1)).max() < 1e-12


@pytest.mark.parametrize(("loss", "slope"), list(zip(LOSSES, (0.5, 0.5, 1.0), strict=True)))
@pytest.mark.parametrize("r1", [0.0, 0.3, 1.0, 2.0, 2.5])
def test_eigenvalues_of_the_dirac_gan_have_a_closed_form(loss, slope, r1):
    root = np.sqrt(complex(r1**2 / 4 - slope**2))
    found = DiracGAN(loss, r1).eigenvalues()
    np.testing.assert_allclose(found, [-r1 / 2 + root, -r1 / 2 - root], atol=1e-15)


def test_the_standard_dirac_gan_is_critically_damped_at_one():
    assert DiracGAN(r1=1.0).eigenvalues().tolist() == [-0.5, -0.5]
    assert DiracGAN(r1=0.99).eigenvalues().imag.all()
    assert not DiracGAN(r1=1.01).eigenvalues().imag.any()


def test_far_out_the_dirac_gan_stays_finite_and_the_saturating_generator_stands_still():
    with np.errstate(over="raise", invalid="raise"):
        assert DiracGAN().field((1e3, 1e3)).tolist() == [0, 0]
        assert DiracGAN("non-saturating").field((1e3, 1e3)).tolist() == [-1e3, 0]
        assert DiracGAN().field((1e3, -1e3)).tolist() == [1e3, 1e3]


# ------------------------------------------------------------------------------- update rules


@pytest.mark.parametrize(
    ("rule", "radius", "precision"),
    [
        ("simultaneous", 17.0, 0.05),
        ("alternating", 1.41, 0.005),
        ("extragradient", 0.118, 0.0005),
        ("optimistic", 0.113, 0.0005),
        ("consensus", 1.6e-10, 0.05e-10),
    ],
)
def test_five_hundred_steps_of_the_bilinear_game(rule, radius, precision):
    trajectory = play(BilinearGame(), (1, 1), 500, 0.1, rule)
    assert trajectory.shape == (501, 2)
    assert np.hypot(*trajectory[-1]) == pytest.approx(radius, abs=precision)
    if rule == "alternating":
        assert 1.3 < np.hypot(*trajectory.T).min() < np.hypot(*trajectory.T).max() < 1.5


@given(x=numbers, y=numbers, rate=rates)
def test_one_step_of_each_rule_on_the_bilinear_game(x, y, rate):
    field, point = BilinearGame().field, (x, y)
    moved = simultaneous_step(field, point, rate)
    np.testing.assert_allclose(moved, [x - rate * y, y + rate * x])
    assert np.hypot(*moved) == pytest.approx(np.hypot(x, y) * math.sqrt(1 + rate**2))
    np.testing.assert_allclose(
        alternating_step(field, point, rate), [x - rate * y, y + rate * (x - rate * y)]
    )
    np.testing.assert_allclose(
        extragradient_step(field, point, rate),
        [x - rate * (y + rate * x), y + rate * (x - rate * y)],
    )
    second, velocity = optimistic_step(field, point, rate, (0.5, -2))
    np.testing.assert_allclose(velocity, [-y, x])
    np.testing.assert_allclose(second, [x + rate * (-2 * y - 0.5), y + rate * (2 * x + 2)])
    np.testing.assert_allclose(
        consensus_step(BilinearGame(), point, rate, 0.7),
        [x - rate * (y + 0.7 * x), y + rate * (x - 0.7 * y)],
        atol=1e-12,
    )


def test_the_first_optimistic_step_is_a_simultaneous_one():
    field = DiracGAN(r1=0.2).field
    first, _ = optimistic_step(field, (0.4, 1.0), 0.1)
    assert first.tolist() == simultaneous_step(field, (0.4, 1.0), 0.1).tolist()


def test_steps_leave_their_point_as_it_is():
    point = np.array([1.0, 2.0])
    for rule in RULES:
        play(DiracGAN(), point, 3, 0.3, rule)
    alternating_step(BilinearGame().field, point, 0.3)
    assert point.tolist() == [1, 2]


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("game", GAMES, ids=repr)
@few
@given(rate=rates, weight=st.floats(0, 1))
def test_update_eigenvalues_are_those_of_a_numeric_jacobian(rule, game, rate, weight):
    def step(state):
        point = state[:2]
        if rule == "optimistic":
            moved, _ = optimistic_step(game.field, point, rate, game.field(state[2:]))
            return np.concatenate([moved, point])
        return play(game, point, 1, rate, rule, weight)[-1]

    size, h = (4 if rule == "optimistic" else 2), 1e-6
    numeric = np.stack([(step(h * e) - step(-h * e)) / (2 * h) for e in np.eye(size)], -1)
    found = update_eigenvalues(game, rule, rate, consensus_weight=weight)
    # Eigenvalues that coincide react to rounding by its root: compare the polynomial instead.
    np.testing.assert_allclose(np.poly(found), np.poly(numeric), atol=1e-6)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("game", [BilinearGame(), DiracGAN(r1=0.3), DiracGAN("wasserstein", 0.5)])
def test_the_largest_eigenvalue_is_the_factor_per_step(rule, game):
    trajectory = play(game, (1e-3, 0.5e-3), 400, 0.1, rule)
    largest = abs(update_eigenvalues(game, rule, 0.1)).max()
    radius = np.hypot(*trajectory.T)
    assert (radius[400] / radius[200]) ** (1 / 200) == pytest.approx(largest, abs=2e-3)


@pytest.mark.parametrize("loss", LOSSES)
def test_the_dirac_gan_settles_with_r1_only(loss):
    start, rate = (1.0, 1.0), 0.1
    assert np.hypot(*play(DiracGAN(loss, r1=1.0), start, 500, rate)[-1]) < 1e-4
    for rule in ("simultaneous", "alternating"):
        radius = np.hypot(*play(DiracGAN(loss), start, 1000, rate, rule).T)
        assert radius[-200:].max() > 0.25


def test_without_r1_the_non_saturating_loss_draws_in_ever_more_slowly():
    game = DiracGAN("non-saturating")
    assert abs(update_eigenvalues(game, "alternating", 0.1)).max() == pytest.approx(1)
    radius = np.hypot(*play(game, (1, 1), 1500, 0.1, "alternating").T)
    lap = 130  # 2π / (η/2) steps go round once
    gains = [
        radius[i : i + lap].mean() / radius[i + lap : i + 2 * lap].mean() for i in (0, 600, 1200)
    ]
    assert gains[0] > gains[1] > gains[2] > 1


def test_too_large_a_step_undoes_the_damping():
    game = DiracGAN(r1=1.0)
    assert abs(update_eigenvalues(game, "simultaneous", 3.9)).max() < 1
    assert abs(update_eigenvalues(game, "simultaneous", 4.1)).max() > 1
    assert np.hypot(*play(game, (1e-3, 1e-3), 100, 4.1)[-1]) > 1e-3


def test_what_runs_away_beyond_all_numbers_is_shown_and_not_raised():
    with np.errstate(over="raise", invalid="raise"):
        trajectory = play(BilinearGame(), (1, 1), 2000, 5.0)
    assert np.isfinite(trajectory[300]).all()
    assert not np.isfinite(trajectory[-1]).any()


def test_no_steps_is_the_start():
    assert play(BilinearGame(), (1, 2), 0, 0.1).tolist() == [[1, 2]]


# -------------------------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("call", "part"),
    [
        (lambda: optimal_discriminator([1, 2], [1]), "one shape, not (2,) and (1,)"),
        (lambda: optimal_discriminator([1, -2], [1, 1]), "-2"),
        (lambda: optimal_discriminator([1, 1], [1, math.nan]), "nan"),
        (lambda: gan_value([0.5, 0.6], [0.5, 0.5], [0.5, 0.5]), "1.1; multiply"),
        (lambda: gan_value([0.5, 0.5], [0.5, 0.5], [0.5, 1.5]), "1.5"),
        (lambda: gan_value([0.5, 0.5], [0.5, 0.5], [0.5, math.nan]), "nan"),
        (lambda: gan_value([0.5, 0.5], [0.5, 0.5], 0.5), "shape ()"),
        (lambda: jensen_shannon([0.5, 0.5], [4, 4]), "8; multiply"),
        (lambda: expected_payoff([1, 2], [1], [1]), "payoff has shape (2,)"),
        (lambda: expected_payoff([[]], [1], [1]), "payoff has shape (1, 0)"),
        (lambda: expected_payoff([[math.nan]], [1], [1]), "payoff has a value"),
        (lambda: expected_payoff([[1, 2]], [1], [1]), "column_strategy has shape (1,)"),
        (lambda: best_responses([[1, 2]], [0.4, 0.4]), "[0.4, 0.4]"),
        (lambda: is_nash([[1, 2]], [[1], [2]], [1], [1, 0]), "(1, 2) and column_payoff (2, 1)"),
        (lambda: is_nash([[1, 2]], [[1, 2]], [1], [1.5, -0.5]), "[1.5, -0.5]"),
        (lambda: is_nash([[1, 2]], [[1, 2]], [0.5, 0.5], [1, 0]), "row_strategy has shape (2,)"),
        (lambda: pure_equilibria([[1, 2]], [[1]]), "neither is transposed"),
        (lambda: fictitious_play([[1]], [[1]], 0), "rounds is 0"),
        (lambda: DiracGAN("hinge"), "'hinge'; choose one of standard"),
        (lambda: DiracGAN(r1=-1), "r1 is -1"),
        (lambda: BilinearGame().field([1, 2, 3]), "not (3,)"),
        (lambda: BilinearGame().value(1.0), "not ()"),
        (lambda: BilinearGame().eigenvalues([[1, 2]]), "not (1, 2)"),
        (lambda: play(BilinearGame(), (1, 1), 5, 0.1, "momentum"), "'momentum'; choose one of"),
        (lambda: play(BilinearGame(), (1, 1), -1, 0.1), "steps is -1"),
        (lambda: play(BilinearGame(), (1, 1), 5, -0.1), "learning_rate is -0.1"),
        (lambda: play(BilinearGame(), (1, 1), 5, math.inf), "learning_rate is inf"),
        (lambda: play(BilinearGame(), 1.0, 5, 0.1), "not ()"),
        (lambda: play(BilinearGame(), (1, 1), 5, 0.1, "consensus", -1), "consensus_weight is -1"),
        (lambda: update_eigenvalues(BilinearGame(), "momentum", 0.1), "'momentum'"),
        (lambda: update_eigenvalues(BilinearGame(), "consensus", 0.1, (1, 0)), "(1.0, 0.0)"),
    ],
)
def test_an_error_is_one_sentence_that_names_the_value(call, part):
    with pytest.raises(ValueError) as caught:
        call()
    text = str(caught.value)
    assert part in text
    assert text.endswith(".")
    assert len(text) < 160
    assert "\n" not in text


def test_the_base_class_is_no_game():
    with pytest.raises(NotImplementedError):
        Game().field((1, 1))


def test_importing_the_games_loads_no_framework():
    code = (
        "import sys; import helpers.games; "
        "print([m for m in ('torch', 'tensorflow', 'matplotlib') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_divergence_is_finite_where_one_probability_is_tiny():
    tiny = 1e-17
    nearly = jensen_shannon([0.5, 0.5], [1 - tiny, tiny])
    assert nearly == pytest.approx(jensen_shannon([0.5, 0.5], [1, 0]))
