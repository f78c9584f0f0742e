"""The checks of lesson 07 on answers that no bank holds: right ones in other styles, wrong ones.

``tests/test_checks.py`` tests banks and references. Here are cells as learners write them.
"""

import itertools
import linecache
import subprocess
import sys

import numpy as np
import pytest

from helpers.checks import gradient_tape as check
from helpers.checks import keras_train_step
from helpers.keras import keras, tf
from helpers.keras import losses as keras_losses

EXERCISES = check.lesson.exercises
CELLS = itertools.count()


def run(name, cell):
    """What the cell defines under the exercise's name."""
    names = {"tf": tf, "keras": keras, "np": np}
    names |= {each: getattr(keras_losses, each) for each in ("real_loss", "fake_loss")}
    names["generator_loss"] = keras_losses.generator_loss
    # AutoGraph converts what it finds the source of, as it does in a notebook.
    place = f"<cell {next(CELLS)}>"
    linecache.cache[place] = (len(cell), None, cell.splitlines(keepends=True), place)
    exec(compile(cell, place, "exec"), names)
    return names[name]


def test_importing_the_checks_does_not_load_tensorflow():
    code = (
        "import sys; from helpers.checks import gradient_tape; print('tensorflow' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


@pytest.mark.parametrize("name", EXERCISES)
def test_the_probe_finds_nothing_to_complain_of_in_the_reference(name):
    # An error that the reference shares with every answer would let every answer pass.
    for label, answer in EXERCISES[name]._reference_answers.items():
        assert answer.raised is None, label


@pytest.mark.parametrize("name", EXERCISES)
def test_a_stub_under_tf_function_is_not_attempted(name):
    @tf.function
    def stub(*args):
        raise NotImplementedError

    assert EXERCISES[name].grade(stub).status == "not attempted"


def test_tensorflow_s_own_methods_are_back_in_place_after_a_check():
    before = {name: getattr(tf.GradientTape, name) for name in ("watch", "gradient", "__enter__")}
    EXERCISES["gradient_at"].grade(lambda function, x: 1 / 0)
    for name, method in before.items():
        assert getattr(tf.GradientTape, name) is method


SHORT_RIGHT = {
    "gradient_at": [
        """
def gradient_at(function, x):
    x = tf.Variable(float(x))
    with tf.GradientTape() as t:
        out = function(x)
    (slope,) = t.gradient(out, [x])
    return slope.numpy()
""",
        """
def gradient_at(f, x):
    if not tf.is_tensor(x):
        x = tf.constant(x)
    tape = tf.GradientTape()
    with tape:
        tape.watch(x)
        y = f(x)
    del f
    return tape.gradient(target=y, sources=x)
""",
        """
@tf.function
def gradient_at(function, x):
    return tf.gradients(function(x := tf.identity(x)), x)[0]
""",
    ],
    "second_derivative": [
        """
def second_derivative(function, x):
    def slope(g, x):
        x = tf.convert_to_tensor(x)
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = g(x)
        return tape.gradient(y, x)
    return float(slope(lambda t: slope(function, t), x))
""",
        """
def second_derivative(function, x):
    x = tf.Variable([float(x)])
    with tf.GradientTape() as outer:
        with tf.GradientTape() as inner:
            y = function(x[0])
        first = inner.gradient(y, x)
    return outer.jacobian(first, x)[0, 0]
""",
    ],
    "mended_dtype": [
        """
def mended_dtype(x):
    x = tf.constant(x, tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = x * x * x
    return tape.gradient(y, x)
""",
        """
def mended_dtype(x):
    x = keras.Variable(x, dtype="float32")
    with tf.GradientTape() as tape:
        y = x * x * x
    return tape.gradient(y, x)
""",
    ],
    "mended_numpy": [
        """
def mended_numpy(logits):
    logits = tf.convert_to_tensor(logits)
    with tf.GradientTape() as tape:
        tape.watch(logits)
        loss = fake_loss(logits)
    return tape.gradient(loss, logits)
""",
    ],
    "mended_update": [
        """
def mended_update(x, learning_rate, steps):
    x = tf.Variable(x)
    for step in range(steps):
        with tf.GradientTape() as tape:
            y = (x - 2.0) ** 2
        new = x - learning_rate * tape.gradient(y, x)
        x = tf.Variable(new)
    return x
""",
    ],
    "linear_regression_step": [
        """
@tf.function
def linear_regression_step(w, b, x, y, learning_rate):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean((y - (w * x + b)) ** 2)
    for variable, gradient in zip([w, b], tape.gradient(loss, [w, b])):
        variable.assign_sub(learning_rate * gradient)
    return loss
""",
        """
def linear_regression_step(w, b, x, y, learning_rate):
    with tf.GradientTape() as tape:
        tape.watch([w, b])
        loss = keras.losses.mean_squared_error(y[None], (w * x + b)[None])[0]
    g = tape.gradient(loss, {"w": w, "b": b})
    b.assign(b - learning_rate * g["b"])
    w.assign(w - learning_rate * g["w"])
    return loss.numpy().item()
""",
    ],
}


@pytest.mark.parametrize(
    ("name", "cell"), [(name, cell) for name, cells in SHORT_RIGHT.items() for cell in cells]
)
def test_right_answers_in_other_styles_pass(name, cell):
    outcome = EXERCISES[name].grade(run(name, cell))
    assert outcome.status == "passed", outcome.message


SHORT_WRONG = [
    (
        "gradient_at",
        "other_source",
        """
def gradient_at(function, x):
    x = tf.Variable(x)
    with tf.GradientTape() as tape:
        y = function(tf.Variable(x))
    return tape.gradient(y, x)
""",
        "watches_another",
        "another tensor",
    ),
    (
        "gradient_at",
        "integer",
        """
def gradient_at(function, x):
    x = tf.Variable(int(x))
    with tf.GradientTape() as tape:
        y = function(x)
    return tape.gradient(y, x)
""",
        None,
        "int32",
    ),
    (
        "gradient_at",
        "outside, after",
        """
def gradient_at(function, x):
    x = tf.Variable(x)
    with tf.GradientTape() as tape:
        pass
    y = function(x)
    return tape.gradient(y, x)
""",
        "outside_the_tape",
        "after the tape was closed",
    ),
    (
        "gradient_at",
        "swapped, constant",
        """
def gradient_at(function, x):
    x = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = function(x)
    return tape.gradient(x, y)
""",
        "arguments_swapped",
        "x by y",
    ),
    (
        "second_derivative",
        "twice",
        """
def second_derivative(function, x):
    x = tf.Variable(x)
    with tf.GradientTape() as t1:
        with tf.GradientTape() as t2:
            y = function(x)
    first = t2.gradient(y, x)
    return t1.gradient(first, x)
""",
        "first_outside_outer",
        "None",
    ),
    (
        "mended_numpy",
        "loss after the block",
        """
def mended_numpy(logits):
    logits = tf.Variable(logits)
    with tf.GradientTape() as tape:
        x = logits
    loss = fake_loss(x)
    return tape.gradient(loss, logits)
""",
        "cut",
        "no record",
    ),
    (
        "mended_numpy",
        "the broken cell itself",
        """
def mended_numpy(logits):
    logits = tf.Variable(logits)
    with tf.GradientTape() as tape:
        losses = np.log1p(np.exp(logits))
        loss = tf.reduce_mean(losses)
    return tape.gradient(loss, logits)
""",
        "cut",
        "NumPy",
    ),
    (
        "mended_dtype",
        "the broken cell itself",
        """
def mended_dtype(x):
    x = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = x * x * x
    return tape.gradient(y, x)
""",
        "integer",
        "int32",
    ),
    (
        "mended_update",
        "the broken cell itself",
        """
def mended_update(x, learning_rate, steps):
    x = tf.Variable(x)
    for _ in range(steps):
        with tf.GradientTape() as tape:
            y = (x - 2.0) ** 2
        x = x - learning_rate * tape.gradient(y, x)
    return x
""",
        "still_replaced",
        "Gradient 2 was None",
    ),
    (
        "linear_regression_step",
        "moves twice",
        """
def linear_regression_step(w, b, x, y, learning_rate):
    for _ in range(2):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((w * x + b - y) ** 2)
        dw, db = tape.gradient(loss, [w, b])
        w.assign_sub(learning_rate * dw)
        b.assign_sub(learning_rate * db)
    return loss
""",
        None,
        "w after the step",
    ),
]


@pytest.mark.parametrize(
    ("name", "cell", "slug", "words"),
    [(name, *rest) for name, _, *rest in SHORT_WRONG],
    ids=[f"{name}: {what}" for name, what, *_ in SHORT_WRONG],
)
def test_wrong_answers_are_refused_and_told_why(name, cell, slug, words):
    outcome = EXERCISES[name].grade(run(name, cell))
    assert (outcome.status, outcome.mistake) == ("failed", slug), outcome.message
    assert words in outcome.message


def _first_number(name, slug):
    """What a wrong answer gives for the first question, as its diagnosis may state it."""
    wrong = EXERCISES[name].mistakes[slug].wrong
    if name == "mended_numpy":
        return wrong(np.array([2.0, -1.0, 0.5], "float32"))[0]
    if name == "mended_update":
        return wrong(5.0, 0.1, 3 if slug in ("stale_gradient", "starts_again") else 1)
    w, b = tf.Variable(0.5), tf.Variable(-1.0)
    loss = wrong(w, b, tf.constant([1.0, 2.0, 4.0]), tf.constant([2.0, 3.0, 9.0]), 0.1)
    return {"one_after_another": b, "loss_after": loss}.get(slug, w)


STATED = [
    (name, slug)
    for name in ("mended_numpy", "mended_update", "linear_regression_step")
    for slug, mistake in EXERCISES[name].mistakes.items()
    if "; right is " in mistake.diagnosis
]


@pytest.mark.parametrize(("name", "slug"), STATED)
def test_the_numbers_in_a_diagnosis_are_what_the_wrong_answer_gives(name, slug):
    number = f"{float(_first_number(name, slug)):.3g}"
    assert f" {number}; right is " in EXERCISES[name].mistakes[slug].diagnosis


def test_checking_writes_nothing_to_the_notebook(capfd):
    for name in ("mended_dtype", "gradient_at"):
        vars(EXERCISES[name]).pop("_mistake_answers", None)
        EXERCISES[name].grade(run(name, SHORT_RIGHT[name][0]))
    assert capfd.readouterr() == ("", "")


# --- train_step ---------------------------------------------------------------------------------

STEP = """
def train_step(generator, discriminator, images, g_optimizer, d_optimizer, latent_dim):
    z = tf.random.normal((tf.shape(images)[0], latent_dim))
    with tf.GradientTape() as g_tape, tf.GradientTape() as d_tape:
        fakes = generator(z, training=True)
        real_logits = discriminator(images, training=True)
        fake_logits = discriminator(fakes, training=True)
        d_loss = real_loss(real_logits) + fake_loss(fake_logits)
        g_loss = generator_loss(fake_logits)
    d_weights, g_weights = discriminator.trainable_variables, generator.trainable_variables
    d_gradients = d_tape.gradient(d_loss, d_weights)
    g_gradients = g_tape.gradient(g_loss, g_weights)
    d_optimizer.apply_gradients(zip(d_gradients, d_weights))
    g_optimizer.apply_gradients(zip(g_gradients, g_weights))
    return d_loss, g_loss
"""


def variant(*changes):
    """The step with some of its text replaced, each pair once."""
    cell = STEP
    for old, new in changes:
        assert old in cell
        cell = cell.replace(old, new)
    return cell


STEPS_RIGHT = {
    "decorated": "@tf.function" + STEP,
    "reduced retracing": "@tf.function(reduce_retracing=True)" + STEP,
    "numbers of images by len": variant(("tf.shape(images)[0]", "len(images)")),
    "smoothed": variant(("real_loss(real_logits)", "real_loss(real_logits, smooth=True)")),
    "undetached halves": variant(
        ("+ fake_loss(fake_logits)", "+ fake_loss(discriminator(fakes))")
    ).replace("discriminator(fakes))", "discriminator(fakes, training=True))"),
    "Keras loss objects": variant(
        (
            "real_loss(real_logits) + fake_loss(fake_logits)",
            "(bce(tf.ones_like(real_logits), real_logits)"
            " + bce(tf.zeros_like(fake_logits), fake_logits)) / 2",
        ),
        ("    z =", "    bce = keras.losses.BinaryCrossentropy(from_logits=True)\n    z ="),
    ),
    "samples on the side": variant(
        ("    return", "    generator(tf.zeros((4, latent_dim)), training=False)\n    return")
    ),
    "seeds set before": "keras.utils.set_random_seed(3)\n" + STEP,
    "seeds set before, decorated": "keras.utils.set_random_seed(3)\n@tf.function" + STEP,
    # AutoGraph makes a cast of it, so this works in a graph too.
    "floats": variant(("return d_loss, g_loss", "return float(d_loss), float(g_loss)")),
}
STEPS_WRONG = {
    "fakes from NumPy": (
        variant(("fake_logits = discriminator(fakes", "fake_logits = discriminator(fakes.numpy()")),
        "cut_off",
    ),
    "stopped gradient": (
        variant(
            (
                "fake_logits = discriminator(fakes",
                "fake_logits = discriminator(tf.stop_gradient(fakes)",
            )
        ),
        "cut_off",
    ),
    "noise by NumPy, decorated": (
        "@tf.function"
        + variant(
            ("tf.random.normal(", "np.random.normal(size="),
            ("tf.shape(images)[0]", "images.shape[0]"),
        ),
        "noise_frozen",
    ),
    "one noise for good": (
        "noise = tf.random.normal((16, 20))\n"
        + variant(("tf.random.normal((tf.shape(images)[0], latent_dim))", "noise[:len(images)]")),
        "noise_fixed",
    ),
    "one flag forgotten": (
        variant(("discriminator(fakes, training=True)", "discriminator(fakes)")),
        "discriminator_in_inference",
    ),
    "uniform as in the paper": (
        variant(("latent_dim))", "latent_dim), -1, 1)"), ("random.normal", "random.uniform")),
        "uniform_noise",
    ),
    "a dictionary": (
        variant(("return d_loss, g_loss", "return {'d': d_loss, 'g': g_loss}")),
        None,
    ),
    "left frozen": (
        variant(("    return", "    discriminator.trainable = False\n    return")),
        "frozen",
    ),
    "clipped": (
        variant(
            (
                "    d_optimizer",
                "    d_gradients = [tf.sign(g) for g in d_gradients]\n    d_optimizer",
            )
        ),
        None,
    ),
    "an undefined name": (variant(("= generator_loss(", "= adversarial_loss(")), None),
    "an undefined name, decorated": (
        "@tf.function" + variant(("= generator_loss(", "= adversarial_loss(")),
        None,
    ),
}


@pytest.mark.parametrize("what", STEPS_RIGHT)
def test_train_steps_in_other_styles_pass(what):
    outcome = EXERCISES["train_step"].grade(run("train_step", STEPS_RIGHT[what]))
    assert outcome.status == "passed", outcome.message


@pytest.mark.parametrize("what", STEPS_WRONG)
def test_wrong_train_steps_are_refused(what):
    cell, slug = STEPS_WRONG[what]
    outcome = EXERCISES["train_step"].grade(run("train_step", cell))
    assert (outcome.status, outcome.mistake) == ("failed", slug), outcome.message
    if what.startswith("an undefined name"):
        assert "name 'adversarial_loss' is not defined" in outcome.message
        assert len(outcome.message) < 400


def test_a_decorated_step_that_has_been_used_already_passes_again_and_again():
    step = run("train_step", STEPS_RIGHT["decorated"])
    networks = keras_train_step._build(None)
    optimizers = [keras.optimizers.Adam(1e-3) for _ in range(2)]
    for optimizer, network in zip(optimizers, networks.values(), strict=True):
        optimizer.build(network.trainable_variables)
    step(*networks.values(), tf.zeros((3, 4, 4, 3)), *optimizers, 20)
    for _ in range(2):
        outcome = EXERCISES["train_step"].grade(step)
        assert outcome.status == "passed", outcome.message


def test_a_step_under_xla_passes(monkeypatch):
    monkeypatch.setattr(EXERCISES["train_step"], "seconds", 300.0)  # XLA compiles for long
    step = run("train_step", "@tf.function(jit_compile=True)" + STEP)
    outcome = EXERCISES["train_step"].grade(step)
    assert outcome.status == "passed", outcome.message
