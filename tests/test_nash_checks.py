"""Lesson 09's checks beyond the bank: answers in other styles, and two mistakes at once."""

import math
import re
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers import games
from helpers.checks import nash as check

MISTAKES = [
    (name, slug)
    for name, exercise in check.lesson.exercises.items()
    for slug in exercise.mistakes
    if slug not in ("in_place",)  # its numbers are right
]


@pytest.mark.parametrize(("name", "slug"), MISTAKES)
def test_every_diagnosis_comes_with_a_number_and_a_remedy(name, slug):
    exercise = check.lesson.exercises[name]
    mistake = exercise.mistakes[slug]
    message = exercise.grade(mistake.wrong).message
    seen = message.removesuffix(mistake.diagnosis)
    assert re.search(r"gives .*\d|returned|raises", seen), message
    assert "array(" not in message and "np.float" not in message
    assert len(mistake.diagnosis) > 30


@pytest.mark.parametrize(
    ("wrong", "slug"),
    [
        (lambda p_real, p_fake: p_fake / (p_real + p_fake), "swapped"),
        (lambda p_real, p_fake: np.nan_to_num(p_real / p_fake), "ratio"),
        (lambda p_real, p_fake: p_real / (p_real + p_fake + 1e-6), "small_number_that_shows"),
        (
            lambda p_real, p_fake: (p_real + 1e-3) / (p_real + p_fake + 2e-3),
            "small_numbers_that_show",
        ),
    ],
)
def test_a_wrong_share_is_named_whatever_becomes_of_nothing(wrong, slug):
    with np.errstate(all="ignore"):
        assert check.optimal_discriminator.grade(wrong).mistake == slug


@pytest.mark.parametrize(
    ("of_logs", "slug"),
    [
        (lambda p, q, yes, no: -np.sum(p * yes + q * no), "loss"),
        (lambda p, q, yes, no: np.sum(p * no + q * yes), "labels_swapped"),
        (lambda p, q, yes, no: np.sum(p * yes - q * no), "subtracted"),
        (lambda p, q, yes, no: np.mean(p * yes + q * no), "mean_over_places"),
        (lambda p, q, yes, no: np.sum(p * yes + q * no) / math.log(2), "bits"),
    ],
)
def test_a_wrong_value_is_named_although_it_is_nan_elsewhere(of_logs, slug):
    def gan_value(p_real, p_fake, discriminator):
        return of_logs(p_real, p_fake, np.log(discriminator), np.log(1 - discriminator))

    with np.errstate(all="ignore"):
        outcome = check.gan_value.grade(gan_value)
    assert outcome.mistake == slug
    assert "for later" in outcome.message


@pytest.mark.parametrize("small", [1e-15, 1e-12, 1e-8, 1e-7])
def test_small_numbers_in_the_logarithms_pass_where_they_do_not_show(small):
    def gan_value(p_real, p_fake, discriminator):
        return np.sum(
            p_real * np.log(discriminator + small) + p_fake * np.log(1 - discriminator + small)
        )

    assert check.gan_value.grade(gan_value).status == "passed"


@pytest.mark.parametrize(
    ("signs", "slug"),
    [((-1, -1), "both_descend"), ((1, 1), "both_ascend"), ((1, -1), "goals_swapped")],
)
@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("exercise", [check.simultaneous_step, check.alternating_step])
def test_wrong_signs_are_named_before_wrong_turns(exercise, together, signs, slug):
    def step(x, y, gradient, learning_rate):
        new_x = x + signs[0] * learning_rate * gradient(x, y)[0]
        return new_x, y + signs[1] * learning_rate * gradient(x if together else new_x, y)[1]

    assert exercise.grade(step).mistake == slug


def test_a_step_that_remembers_is_told_so():
    velocity = [0.0, 0.0]

    def simultaneous_step(x, y, gradient, learning_rate):
        slopes = gradient(x, y)
        velocity[:] = [0.9 * velocity[i] + slopes[i] for i in range(2)]
        return x - learning_rate * velocity[0], y + learning_rate * velocity[1]

    outcome = check.simultaneous_step.grade(simultaneous_step)
    assert outcome.mistake == "remembers"
    assert "once more" in outcome.message


def test_a_wrong_field_is_named_although_the_penalty_is_missing():
    def dirac_gan_gradient(theta, psi, r1=0.0):
        slope = 1 / (1 + math.exp(theta * psi))
        return psi * slope, theta * slope

    outcome = check.dirac_gan_gradient.grade(dirac_gan_gradient)
    assert outcome.mistake == "gradient_of_f"
    assert "Leave r1 for later" in outcome.message


@given(theta=st.floats(-3, 3), psi=st.floats(-3, 3), r1=st.floats(0, 3))
def test_the_oracle_of_the_dirac_gan_is_the_field_of_the_game(theta, psi, r1):
    found = check.dirac_gan_gradient.reference(theta, psi, r1)
    np.testing.assert_allclose(found, games.DiracGAN(r1=r1).field((theta, psi)), atol=1e-12)


@given(x=st.floats(-3, 3), y=st.floats(-3, 3), rate=st.floats(0, 1))
def test_the_oracles_of_the_steps_are_the_steps_of_the_games(x, y, rate):
    field = games.BilinearGame().field

    def gradient(x, y):
        return y, x

    for oracle, step in (
        (check.simultaneous_step.reference, games.simultaneous_step),
        (check.alternating_step.reference, games.alternating_step),
    ):
        np.testing.assert_allclose(oracle(x, y, gradient, rate), step(field, (x, y), rate))


# ------------------------------------------------------------------------------------- is_nash


@pytest.mark.parametrize("tolerance", [1e-12, 1e-9, 1e-6, 1e-4, 1e-2])
def test_any_reasonable_tolerance_passes(tolerance):
    def is_nash(row_payoff, column_payoff, row_strategy, column_strategy):
        return games.is_nash(
            row_payoff, column_payoff, row_strategy, column_strategy, tolerance=tolerance
        )

    assert check.is_nash.grade(is_nash).status == "passed"


@pytest.mark.parametrize("tolerance", [0.05, 0.5, 5.0])
def test_a_tolerance_that_lets_gains_pass_does_not(tolerance):
    def is_nash(row_payoff, column_payoff, row_strategy, column_strategy):
        return games.is_nash(
            row_payoff, column_payoff, row_strategy, column_strategy, tolerance=tolerance
        )

    assert check.is_nash.grade(is_nash).status == "failed"


def test_relative_tolerances_pass_where_they_are_small():
    def is_nash(row_payoff, column_payoff, row_strategy, column_strategy):
        row, column = row_payoff @ column_strategy, row_strategy @ column_payoff
        return np.allclose(
            [row.max(), column.max()], [row @ row_strategy, column @ column_strategy]
        )

    assert check.is_nash.grade(is_nash).status == "passed"


@pytest.mark.parametrize("kind", [bool, np.bool_, np.asarray])
def test_every_kind_of_bool_is_one(kind):
    def is_nash(row_payoff, column_payoff, row_strategy, column_strategy):
        return kind(games.is_nash(row_payoff, column_payoff, row_strategy, column_strategy))

    assert check.is_nash.grade(is_nash).status == "passed"


@pytest.mark.parametrize(
    ("wrong", "slug"),
    [
        (lambda a, b, x, y: max(a @ y) <= x @ a @ y and max(x @ b) <= x @ b @ y, "no_tolerance"),
        (lambda a, b, x, y: max(a @ y) <= x @ a @ y, "only_row"),
        (
            lambda a, b, x, y: max(a @ y) <= x @ a @ y and max(b @ x) <= x @ b @ y,
            "column_payoff_transposed",
        ),
        (
            lambda a, b, x, y: (int(x.argmax()), int(y.argmax())) in games.pure_equilibria(a, b),
            "most_likely_action",
        ),
        (
            lambda a, b, x, y: max(a @ y) <= x @ a @ y + 1e-9 and min(x @ a) >= x @ a @ y - 1e-9,
            "zero_sum",
        ),
    ],
)
def test_a_wrong_criterion_is_named_also_where_it_compares_exactly(wrong, slug):
    outcome = check.is_nash.grade(wrong)
    assert outcome.mistake == slug


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_the_oracle_agrees_with_the_reference_on_random_games(seed):
    draw = np.random.default_rng(seed)
    payoffs = draw.integers(-3, 4, size=(2, 2, 2)).astype(float)
    row, column = (np.array(strategy) for strategy in draw.choice([(1, 0), (0, 1)], size=2))
    arguments = (*payoffs, row, column)
    assert check.is_nash.reference(*arguments) is games.is_nash(*arguments)


def test_the_message_says_who_gains_and_by_what():
    message = check.is_nash.grade(lambda *_: True).message
    assert "row gets -1 on average and would get 0 by always playing row 1" in message


def test_the_games_asked_have_both_answers_pure_and_mixed():
    kinds = {
        (check.is_nash.reference(*each.args), max(each.args[2].max(), each.args[3].max()) == 1)
        for each in check._NASH_CASES
    }
    assert len(kinds) == 4


def test_the_checks_load_no_framework():
    code = (
        "import sys; import helpers.checks.nash; "
        "print([m for m in ('torch', 'tensorflow', 'matplotlib') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
