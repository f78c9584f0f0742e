"""Reference implementations of lesson 01 against counting, numpy, scipy and scikit-learn."""

import functools
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers import parametric_models as models
from helpers.checks import parametric_models as checks
from helpers.checks.engine import Exercise

COUNTS = st.integers(1, 60)


@pytest.fixture(scope="module")
def digits():
    from sklearn.datasets import load_digits

    return load_digits().data / 16


def test_importing_it_loads_no_framework_and_no_scikit_learn():
    code = (
        "import sys, helpers.parametric_models, helpers.checks.parametric_models\n"
        "names = 'torch', 'tensorflow', 'keras', 'sklearn', 'scipy', 'matplotlib', 'safetensors'\n"
        "print([m for m in names if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@given(COUNTS)
def test_gaussian_count_is_the_number_of_different_entries(dim):
    symmetric = {frozenset((i, j)) for i in range(dim) for j in range(dim)}
    assert models.gaussian_parameter_count(dim) == dim + len(symmetric)


@given(COUNTS, COUNTS)
def test_counts_grow_with_the_data_or_do_not(n, dim):
    assert models.kde_parameter_count(n + 1, dim) == models.kde_parameter_count(n, dim) + dim
    knn = models.nearest_neighbours_parameter_count
    assert knn(n + 1, dim) - knn(n, dim) == dim + 1
    one = models.gaussian_mixture_parameter_count(1, dim)
    assert one == models.gaussian_parameter_count(dim)
    more = models.gaussian_mixture_parameter_count(n + 1, dim)
    assert more - models.gaussian_mixture_parameter_count(n, dim) == one + 1


@pytest.mark.parametrize(
    "function",
    [
        lambda: models.gaussian_parameter_count(0),
        lambda: models.kde_parameter_count(0, 3),
        lambda: models.kde_parameter_count(3, -1),
        lambda: models.nearest_neighbours_parameter_count(1, 0),
        lambda: models.gaussian_mixture_parameter_count(0, 2),
        lambda: models.dcgan_generator_parameter_count(conv_dim=0),
    ],
)
def test_counts_refuse_what_is_below_1(function):
    with pytest.raises(ValueError, match=r" is (0|-1): give 1 or more"):
        function()


@pytest.mark.parametrize(("latent_dim", "conv_dim"), [(100, 32), (7, 3)])
def test_dcgan_count_is_that_of_the_course_s_generator(latent_dim, conv_dim):
    from helpers.pytorch.generator import Generator

    generator = Generator(latent_dim, conv_dim)
    counted = sum(parameter.numel() for parameter in generator.parameters())
    assert models.dcgan_generator_parameter_count(latent_dim, conv_dim) == counted


@settings(deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 20), st.integers(2, 6))
def test_fit_gaussian_is_numpy_s(seed, n, dim):
    x = np.random.default_rng(seed).normal(size=(n, dim)) * 10
    before = x.copy()
    mean, cov = models.fit_gaussian(x)
    np.testing.assert_allclose(mean, x.mean(axis=0))
    np.testing.assert_allclose(cov, np.cov(x, rowvar=False), atol=1e-9)
    assert (x == before).all()


@pytest.mark.parametrize("x", [np.zeros(4), np.zeros((1, 4)), np.zeros((2, 2, 2)), []])
def test_fit_gaussian_refuses_what_is_no_table_of_images(x):
    with pytest.raises(ValueError, match="an image per row"):
        models.fit_gaussian(x)


def test_gaussian_samples_have_the_moments_of_the_digits(digits):
    """A covariance of rank 61 of 64: some pixels are 0 in every image."""
    mean, cov = models.fit_gaussian(digits)
    samples = models.sample_gaussian(mean, cov, 40_000, np.random.default_rng(0))
    assert samples.shape == (40_000, 64)
    again, cov_again = models.fit_gaussian(samples)
    assert np.abs(again - mean).max() < 0.02
    assert np.abs(cov_again - cov).max() < 0.01
    never = np.diag(cov) == 0
    assert never.any() and np.abs(samples[:, never] - mean[never]).max() < 1e-6


def test_sample_gaussian_refuses_what_is_no_covariance():
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="negative variance"):
        models.sample_gaussian(np.zeros(2), np.array([[1.0, 2.0], [2.0, 1.0]]), 3, rng)
    with pytest.raises(ValueError, match=r"give \(dim,\) and \(dim, dim\)"):
        models.sample_gaussian(np.zeros(3), np.eye(2), 3, rng)


def test_kde_samples_are_rows_with_noise(digits):
    rng = np.random.default_rng(0)
    copies = models.sample_kde(digits, 0.0, 500, rng)
    distances, nearest = models.nearest_rows(copies, digits)
    assert distances.max() == 0 and (copies == digits[nearest]).all()
    noisy = models.sample_kde(digits[:1], 0.3, 5000, rng) - digits[0]
    assert abs(noisy.std() - 0.3) < 0.005 and abs(noisy.mean()) < 0.005
    with pytest.raises(ValueError, match="it is a standard deviation"):
        models.sample_kde(digits, -0.1, 3, rng)


def test_nearest_rows_against_a_loop(digits):
    samples = digits[:7] + 0.1
    distances, nearest = models.nearest_rows(samples, digits[20:60])
    for sample, distance, row in zip(samples, distances, nearest, strict=True):
        all_of_them = np.linalg.norm(digits[20:60] - sample, axis=1)
        assert distance == pytest.approx(all_of_them.min()) and row == all_of_them.argmin()


@pytest.mark.parametrize("bandwidth", [0.02, 0.13, 1.0])
def test_log_likelihood_against_an_image_at_a_time(digits, bandwidth):
    from scipy.special import logsumexp

    some = digits[:90]

    def log_density(image, others):
        squares = ((others - image) ** 2).sum(axis=1)
        log_norm = np.log(len(others)) + 32 * np.log(2 * np.pi * bandwidth**2)
        return logsumexp(-squares / (2 * bandwidth**2)) - log_norm

    training = np.mean([log_density(image, some) for image in some])
    left_out = np.mean(
        [log_density(image, np.delete(some, i, axis=0)) for i, image in enumerate(some)]
    )
    ours = [models.kde_log_likelihood(some, [bandwidth], way)[0] for way in (False, True)]
    assert ours == pytest.approx([training, left_out], rel=1e-5, abs=1e-4)


def test_log_likelihood_is_scikit_learn_s(digits):
    from sklearn.neighbors import KernelDensity

    score = KernelDensity(bandwidth=0.13).fit(digits[:90]).score(digits[:90]) / 90
    (ours,) = models.kde_log_likelihood(digits[:90], [0.13], leave_one_out=False)
    assert ours == pytest.approx(score, abs=1e-3)


def test_log_likelihood_tells_copying_from_learning(digits):
    bandwidths = [0.02, 0.05, 0.13, 0.3, 1.0]
    training = models.kde_log_likelihood(digits, bandwidths, leave_one_out=False)
    left_out = models.kde_log_likelihood(digits, bandwidths)
    assert (np.diff(training) < 0).all()  # the smaller the better, on training images
    assert left_out.argmax() == 2
    assert (left_out < training).all()
    assert np.isfinite(models.kde_log_likelihood(digits[:50], [1e-3])).all()


def test_log_likelihood_refuses_a_bandwidth_of_0(digits):
    with pytest.raises(ValueError, match="has to be above 0"):
        models.kde_log_likelihood(digits[:30], [0.1, 0])
    with pytest.raises(ValueError, match="2 rows or more"):
        models.kde_log_likelihood(digits[:1], [0.1])


def test_table_has_twelve_models_of_both_kinds():
    verdicts = [models.is_parametric(model) for model in models.MODELS]
    assert len(verdicts) == 12 and sum(verdicts) == 7
    with pytest.raises(ValueError, match="unknown model 'perceptron': choose one of linear reg"):
        models.is_parametric("perceptron")


def test_generator_makes_digits_of_every_class_and_no_copies(digits):
    from sklearn.datasets import load_digits
    from sklearn.neighbors import KNeighborsClassifier

    generator = models.DigitsGenerator()
    assert generator.parameter_count == 16 * 128 + 128 + 128 * 128 + 128 + 128 * 64 + 64
    z = np.random.default_rng(0).standard_normal((1000, generator.latent_dim))
    images = generator(z)
    assert images.shape == (1000, 64) and images.min() > 0 and images.max() < 1
    classes = KNeighborsClassifier(3).fit(digits, load_digits().target).predict(images)
    assert np.bincount(classes, minlength=10).min() > 30
    distances, _ = models.nearest_rows(images, digits)
    squares = models.squared_distances(digits, digits)
    np.fill_diagonal(squares, np.inf)
    real = np.sqrt(squares.min(axis=1)).mean()
    assert real < distances.mean() < 1.4 * real


def test_generator_says_how_to_make_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="python -m helpers.pytorch.digits_gan --out"):
        models.DigitsGenerator(tmp_path / "gone.safetensors")


def test_folded_generator_computes_what_the_trained_one_does(tmp_path):
    import torch
    from safetensors.numpy import save_file

    from helpers.pytorch import digits_gan

    network = digits_gan.train(steps=20)
    path = tmp_path / "gan.safetensors"
    save_file(digits_gan.fold(network), path)
    z = torch.randn(9, digits_gan.LATENT_DIM)
    with torch.no_grad():
        right = network(z).numpy()
    np.testing.assert_allclose(models.DigitsGenerator(path)(z.numpy()), right, atol=1e-5)


STATISTICAL = {"sample_gaussian": checks.gaussian_probe, "sample_kde": checks.kde_probe}


@pytest.mark.parametrize("name", STATISTICAL)
@pytest.mark.parametrize("seed", range(1, 4))
def test_a_sampler_s_check_does_not_hang_on_its_seed(name, seed):
    """No right answer is refused by chance, no wrong one passes."""
    exercise = checks.lesson.exercises[name]
    other = Exercise(
        exercise.reference,
        probe=functools.partial(STATISTICAL[name], seed=1000 * seed),
        hints=exercise.hints,
        tolerance=0.15,
        seconds=60,
    )
    for right in exercise.right:
        assert other.grade(right).status == "passed"
    for slug, mistake in exercise.mistakes.items():
        assert other.grade(mistake.wrong).status == "failed", slug


@pytest.mark.parametrize("name", STATISTICAL)
def test_a_sampler_s_mistake_is_named_in_whichever_order_it_draws(name):
    """Somebody else's code draws other random numbers and makes the same mistake."""
    exercise = checks.lesson.exercises[name]
    for slug, mistake in exercise.mistakes.items():

        def other_draws(*arguments, wrong=mistake.wrong):
            arguments[-1].standard_normal(5)
            return wrong(*arguments)

        assert exercise.grade(other_draws).mistake == slug


def grade(name, answer):
    return checks.lesson.exercises[name].grade(answer)


def test_each_wrong_row_of_the_table_is_answered_with_the_reason():
    def two_wrong(model):
        return models.is_parametric(model) != (model in ("KDE", "GAN"))

    outcome = grade("is_parametric", two_wrong)
    assert outcome.mistake is None
    assert outcome.message.startswith("The bandwidth is one number that you choose.")
    assert "is_parametric('KDE') should be False, yours returned the bool True" in outcome.message


def test_an_answer_without_a_row_says_which():
    outcome = grade("is_parametric", lambda model: {"GAN": True}[model])
    assert "is_parametric('linear regression') raised KeyError" in outcome.message


def test_small_deviations_of_a_sampler_are_seen():
    def a_tenth_too_wide(mean, cov, n, rng):
        return rng.multivariate_normal(mean, 1.25 * cov, n)

    assert (
        "whether the covariance of 2000 samples is cov"
        in grade("sample_gaussian", a_tenth_too_wide).message
    )

    def a_tenth_too_noisy(x, bandwidth, n, rng):
        return models.sample_kde(x, 1.12 * bandwidth, n, rng)

    assert (
        "whether the standard deviation of the noise"
        in grade("sample_kde", a_tenth_too_noisy).message
    )


def test_answers_by_scipy_and_scikit_learn_pass():
    from scipy.stats import multivariate_normal
    from sklearn.neighbors import KernelDensity

    def by_scipy(mean, cov, n, rng):
        return multivariate_normal(mean, cov, allow_singular=True).rvs(n, rng).reshape(n, -1)

    def by_scikit_learn(x, bandwidth, n, rng):
        density = KernelDensity(bandwidth=bandwidth).fit(x)
        return density.sample(n, random_state=int(rng.integers(2**31)))

    by_scikit_learn(np.eye(3), 0.1, 2, np.random.default_rng(0))  # it imports more when first used
    assert grade("sample_gaussian", by_scipy).status == "passed"
    assert grade("sample_kde", by_scikit_learn).status == "passed"


def test_numpy_s_bools_are_taken_for_python_s():
    table = {model: np.bool_(models.is_parametric(model)) for model in models.MODELS}
    assert grade("is_parametric", lambda model: table[model]).status == "passed"
