"""The GAN of single numbers: its mixtures, its records, its training."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.games import gan_value, optimal_discriminator
from helpers.pytorch import gan_1d
from helpers.pytorch.gan_1d import ONE_MODE, TWO_MODES, Mixture, blurred_density, train

shares = st.lists(st.floats(0.05, 1), min_size=1, max_size=4)


@st.composite
def mixtures(draw):
    weights = np.array(draw(shares))
    numbers = st.lists(st.floats(-5, 5), min_size=len(weights), max_size=len(weights))
    widths = st.lists(st.floats(0.2, 2), min_size=len(weights), max_size=len(weights))
    return Mixture(draw(numbers), draw(widths), weights / weights.sum())


@pytest.fixture(scope="module")
def short_run():
    return train(TWO_MODES, steps=60, every=20, samples=7, seed=3, grid=np.linspace(-15, 15, 401))


# ---- Mixtures -----------------------------------------------------------------------------------


@given(mixtures(), st.floats(0, 0.5))
def test_a_density_sums_to_one_and_has_the_means_of_its_modes(mixture, blur):
    grid, width = np.linspace(-20, 20, 4001), 0.01
    density = mixture.density(grid, blur)
    assert (density >= 0).all()
    assert density.sum() * width == pytest.approx(1, abs=1e-6)
    mean = np.dot(mixture.weights, mixture.means)
    assert (grid * density).sum() * width == pytest.approx(mean, abs=1e-6)
    second = np.dot(mixture.weights, np.square(mixture.means) + np.square(mixture.deviations))
    found = (grid**2 * density).sum() * width
    assert found == pytest.approx(second + blur**2, abs=1e-5)


def test_one_gaussian_by_hand():
    density = Mixture([1.0], [2.0]).density(np.array([1.0, 3.0]))
    peak = 1 / (2 * math.sqrt(2 * math.pi))
    assert density == pytest.approx([peak, peak * math.exp(-0.5)])


def test_samples_follow_the_density():
    mixture = Mixture([-3.0, 1.0], [0.5, 0.2], [0.3, 0.7])
    data = mixture.sample(20_000, torch.Generator().manual_seed(0))
    assert data.shape == (20_000, 1) and data.dtype == torch.float32
    left, right = data[data < -1], data[data >= -1]
    assert len(left) / len(data) == pytest.approx(0.3, abs=0.02)
    assert left.mean().item() == pytest.approx(-3, abs=0.03)
    assert left.std().item() == pytest.approx(0.5, abs=0.03)
    assert right.std().item() == pytest.approx(0.2, abs=0.02)


def test_shares_count_what_lies_at_a_mode_and_nothing_twice():
    numbers = np.array([-2.0, -2.4, 2.1, 0.0])
    assert TWO_MODES.shares(numbers) == pytest.approx([0.5, 0.25])
    both = TWO_MODES.shares(np.stack([numbers, np.full(4, 2.0)]))
    assert both == pytest.approx(np.array([[0.5, 0.25], [0, 1]]))


def test_equal_weights_if_none_are_given():
    assert Mixture([0, 1, 2, 3], [1, 1, 1, 1]).weights == (0.25,) * 4


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (([], []), "at least one mode"),
        (([0, 1], [1]), "2 means, 1 deviations, 2 weights"),
        (([0, 1], [1, 1], [1.0]), "one of each for every mode"),
        (([0], [0]), "numbers above 0"),
        (([0], [-1]), "-1.0"),
        (([math.nan], [1]), "finite numbers"),
        (([0, 1], [1, 1], [0.5, 0.6]), "sum to 1"),
        (([0, 1], [1, 1], [1.5, -0.5]), "shares from 0 to 1"),
    ],
)
def test_an_impossible_mixture_is_refused_in_words(arguments, words):
    with pytest.raises(ValueError, match=words):
        Mixture(*arguments)


# ---- Records ------------------------------------------------------------------------------------


def test_a_record_is_what_the_networks_compute(short_run):
    history = short_run
    assert history.steps.tolist() == [0, 20, 40, 60]
    assert history.d_losses.shape == history.g_losses.shape == (60,)
    grid = torch.tensor(history.grid, dtype=torch.float32)[:, None]
    with torch.no_grad():
        judged = history.discriminator_network(grid).sigmoid()[:, 0].numpy()
        middle = history.generator(torch.zeros(1, 1)).item()
    assert history.discriminator[-1] == pytest.approx(judged, abs=1e-6)
    assert history.samples.shape == history.pushes.shape == (4, 7)
    assert history.samples[-1, 3] == pytest.approx(middle, abs=1e-5)  # z = 0 is in the middle
    width = history.grid[1] - history.grid[0]
    assert history.fake_density.sum(1) * width == pytest.approx(1, abs=1e-4)
    assert history.real_density.sum() * width == pytest.approx(1, abs=0.001)


def test_a_history_says_what_it_holds(short_run):
    assert repr(short_run) == "History of 60 steps: 4 records of 401 places and 7 fakes"


def test_the_optimal_discriminator_and_the_divergence_belong_together(short_run):
    history = short_run
    real = history.real_density / history.real_density.sum()
    for fake, optimal, divergence in zip(
        history.fake_density, history.optimal, history.divergence, strict=True
    ):
        assert optimal == pytest.approx(optimal_discriminator(history.real_density, fake))
        value = gan_value(real, fake / fake.sum(), optimal)
        assert value == pytest.approx(-math.log(4) + 2 * divergence, abs=1e-3)
        assert 0 <= divergence <= math.log(2)


def test_the_best_discriminator_is_nowhere_beaten_by_the_trained_one(short_run):
    real = short_run.real_density / short_run.real_density.sum()
    for fake, judged in zip(short_run.fake_density, short_run.discriminator, strict=True):
        fake = fake / fake.sum()
        best = gan_value(real, fake, optimal_discriminator(real, fake))
        assert gan_value(real, fake, judged) <= best + 1e-9


@pytest.mark.parametrize("loss", ["non-saturating", "saturating"])
def test_pushes_point_to_where_the_discriminator_takes_fakes_for_real(loss):
    history = train(ONE_MODE, steps=15, every=5, loss=loss, samples=9)
    x = torch.tensor(history.samples[-1], dtype=torch.float32)[:, None].requires_grad_()
    logits = history.discriminator_network(x)
    (slope,) = torch.autograd.grad(logits.sum(), x)
    judged = logits.sigmoid().detach()
    factor = 1 - judged if loss == "non-saturating" else judged
    assert history.pushes[-1] == pytest.approx((factor * slope)[:, 0].numpy(), abs=1e-5)


def test_a_blurred_density_is_the_kernel_density_estimate():
    grid = np.linspace(-3, 3, 61)
    density = blurred_density(np.array([-1.0, 1.0]), grid, blur=0.5)
    assert density == pytest.approx(Mixture([-1, 1], [0.5, 0.5]).density(grid))


def test_equal_distributions_have_no_divergence_and_distant_ones_ln_2():
    z = gan_1d._quantiles(gan_1d.FAKES)[:, 0].numpy()
    grid = np.linspace(-4, 7, 221)
    mixture = Mixture([1.5], [0.6])
    real = mixture.density(grid, gan_1d.BLUR)
    same = blurred_density(1.5 + 0.6 * z, grid)
    assert gan_1d._divergence(real, same, grid) < 1e-3
    assert np.abs(optimal_discriminator(real, same) - 0.5)[real > 0.05].max() < 0.02
    beside = blurred_density(30 + 0.6 * z, grid)  # beside the grid
    assert gan_1d._divergence(real, beside, grid) == pytest.approx(math.log(2), abs=1e-4)


def test_latent_numbers_are_equally_likely():
    z = gan_1d._quantiles(1000)[:, 0].double()
    assert z.mean().item() == pytest.approx(0, abs=1e-6)
    assert z.std().item() == pytest.approx(1, abs=1e-3)
    assert (z.diff() > 0).all()


# ---- Training -----------------------------------------------------------------------------------


def test_one_step_by_hand():
    history = train(ONE_MODE, steps=1, batch_size=4, learning_rate=0.01, r1=0.7, seed=5)
    randomness = torch.Generator().manual_seed(5)
    torch.manual_seed(5)
    generator, discriminator = gan_1d.make_generator(), gan_1d.make_discriminator()
    adams = [
        torch.optim.Adam(network.parameters(), 0.01, betas=(0.5, 0.99))
        for network in (generator, discriminator)
    ]
    real = ONE_MODE.sample(4, randomness).requires_grad_()
    fake = generator(torch.randn(4, 1, generator=randomness))
    real_logits, fake_logits = discriminator(real), discriminator(fake.detach())
    d_loss = -(real_logits.sigmoid().log().mean() + (1 - fake_logits.sigmoid()).log().mean())
    (slope,) = torch.autograd.grad(real_logits.sum(), real, create_graph=True)
    (d_loss + 0.35 * (slope**2).mean()).backward()
    adams[1].step()
    g_loss = -discriminator(fake).sigmoid().log().mean()
    adams[0].zero_grad()
    g_loss.backward()
    adams[0].step()
    assert history.d_losses == pytest.approx([d_loss.item()], abs=1e-5)
    assert history.g_losses == pytest.approx([g_loss.item()], abs=1e-5)
    for ours, theirs in ((history.generator, generator),
                         (history.discriminator_network, discriminator)):  # fmt: skip
        for one, other in zip(ours.parameters(), theirs.parameters(), strict=True):
            torch.testing.assert_close(one, other, atol=2e-5, rtol=1e-3)


def test_plain_gradient_descent_moves_against_the_gradient():
    one, two = (
        train(ONE_MODE, steps=1, optimizer="sgd", momentum=0.0, learning_rate=rate, seed=2)
        for rate in (1e-9, 0.5)
    )
    gradient = train(ONE_MODE, steps=1, optimizer="sgd", momentum=0.0, learning_rate=0.25, seed=2)
    for start, half, end in zip(
        one.discriminator_network.parameters(),
        gradient.discriminator_network.parameters(),
        two.discriminator_network.parameters(),
        strict=True,
    ):  # twice the rate, twice the way
        torch.testing.assert_close(2 * (half - start), end - start, atol=1e-5, rtol=1e-3)


def test_the_learning_rate_falls_over_the_second_half():
    settings = {"optimizer": "sgd", "momentum": 0.0, "learning_rate": 0.01, "every": 1}
    falling, steady = (train(ONE_MODE, steps=2, decay=decay, **settings) for decay in (True, False))
    np.testing.assert_array_equal(falling.samples[:2], steady.samples[:2])
    moved = [np.abs(np.diff(run.samples[-2:], axis=0)).mean() for run in (falling, steady)]
    assert moved[0] / moved[1] == pytest.approx(0.03, abs=0.01)


def test_fakes_come_to_the_data():
    history = train(ONE_MODE, steps=120, every=120)
    assert abs(history.samples[0].mean() - 1.5) > 1
    assert history.divergence[-1] < history.divergence[0] - 0.1
    assert abs(history.samples[-1].mean() - 1.5) < 1.2


@settings(max_examples=3, deadline=None)
@given(st.integers(0, 2**31))
def test_the_same_seed_gives_the_same_history(seed):
    torch.manual_seed(1)
    one = train(steps=4, seed=seed, every=2)
    state = torch.random.get_rng_state()
    torch.randn(100)
    other = train(steps=4, seed=seed, every=2)
    for name in ("fake_density", "discriminator", "samples", "pushes", "d_losses", "g_losses"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    assert not np.array_equal(one.samples, train(steps=4, seed=seed + 1, every=2).samples)
    torch.random.set_rng_state(state)


def test_others_random_numbers_threads_and_records_make_no_difference():
    torch.manual_seed(7)
    expected = torch.randn(3)
    threads = torch.get_num_threads()
    torch.manual_seed(7)
    one = train(steps=6, every=2, samples=5)
    assert torch.equal(torch.randn(3), expected)
    assert torch.get_num_threads() == threads
    other = train(steps=6, every=4, samples=11, grid=np.linspace(-1, 1, 5))
    np.testing.assert_array_equal(one.d_losses, other.d_losses)
    assert other.steps.tolist() == [0, 4, 6]
    assert other.discriminator.shape == (3, 5)


def test_r1_flattens_the_discriminator_at_the_data():
    steep, flat = (train(ONE_MODE, steps=80, every=80, r1=r1) for r1 in (0.0, 3.0))
    at_data = steep.real_density > 0.1
    slopes = [
        np.abs(np.gradient(history.discriminator[-1], history.grid))[at_data].mean()
        for history in (steep, flat)
    ]
    assert slopes[1] < slopes[0]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"mixture": [-2, 2]}, "give a Mixture, such as TWO_MODES"),
        ({"steps": 0}, "steps=0"),
        ({"batch_size": 2.5}, "batch_size=2.5: give a whole number"),
        ({"every": 0}, "every=0"),
        ({"hidden": -1}, "hidden=-1"),
        ({"samples": 0}, "samples=0"),
        ({"learning_rate": 0}, "learning_rate=0"),
        ({"learning_rate": math.nan}, "learning_rate=nan"),
        ({"momentum": 1}, "momentum=1"),
        ({"r1": -0.1}, "r1=-0.1"),
        ({"optimizer": "lbfgs"}, "choose from adam, sgd"),
        ({"loss": "hinge"}, "choose from non-saturating, saturating"),
        ({"grid": [1.0]}, "at least two places"),
        ({"grid": [1.0, 0.0]}, "ascending order"),
        ({"grid": [[1.0, 2.0]]}, "shape"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings, words):
    with pytest.raises(ValueError, match=words):
        train(**settings)


def test_losses_that_are_no_longer_finite_are_reported():
    with pytest.raises(ValueError, match="at step .*: lower learning_rate=1e"):
        train(steps=20, learning_rate=1e38)
