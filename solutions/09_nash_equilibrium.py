# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Nash equilibrium
#
# You watch two players who improve with every step and get nowhere, find out what brings them to
# rest, and put a trained DCGAN to the test: has it reached an equilibrium, or does it only look so?
#
# | | |
# |---|---|
# | **Time** | 60 minutes |
# | **You need** | what the two networks of a GAN do and their losses (lessons 05 and 06); slopes of simple functions; matrices and, for two figures, complex numbers; for the last part, loss curves (lesson 08) |
# | **Afterwards you can** | say what a Nash equilibrium is, and check one; compute the best discriminator and the value of the game; explain why gradient play goes round in circles, and name what mends it; say what a loss of 2 ln 2 proves, and test a generator for what it does not |
#
# {{colab_badge}}

# %% tags=["setup"]
# {{setup}}

# %%
import math

import matplotlib.pyplot as plt
import numpy as np

from helpers import games, plots
from helpers.checks import nash as check

plots.use_style()

# %% [markdown]
# ## Rock, paper, scissors
#
# A GAN is a **game**: two players, and how well one does depends on what the other does. So start
# with a game that you know. The **payoff** is 1 for a win, −1 for a loss, 0 for a draw; what one
# wins, the other loses, which is called a **zero-sum** game. Payoffs stand in a matrix: the *row
# player* chooses a row, the *column player* a column.
#
# A **best response** is what pays most against what the other does. What happens if the two take
# turns to give it?

# %%
MOVES = ("rock", "paper", "scissors")
row_payoff = np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]])  # [my move, the other's move]
column_payoff = -row_payoff

move = 0
for _ in range(4):
    (answer,) = games.best_responses(row_payoff, np.eye(3)[move])
    print(f"against {MOVES[move]}, play {MOVES[answer]}")
    move = answer

# %% [markdown]
# Round and round: every answer has an answer. A pair of strategies from which neither player gains
# by changing *alone* is a **Nash equilibrium**. No pair of moves is one here.
#
# But a player can also draw lots: a **mixed strategy** is a probability for each move. What is the
# best response to someone who plays each with probability 1/3? And to someone who prefers rock?

# %%
print("pairs of moves in equilibrium:", games.pure_equilibria(row_payoff, column_payoff))
for opponent in ([1 / 3, 1 / 3, 1 / 3], [0.4, 0.3, 0.3]):
    best = games.best_responses(row_payoff, opponent)
    shares = ", ".join(f"{share:.0%}" for share in opponent)
    print(f"against {shares}: {' or '.join(MOVES[answer] for answer in best)}")

# %% [markdown]
# Against equal shares, everything is equally good, so nobody gains by doing anything else: if both
# play like that, it is an equilibrium. Against a little more rock, only paper is best.
#
# **Exercise 1** `is_nash` (●●○, 8 min). Return whether two strategies are a Nash equilibrium.
# `row_payoff[i, j]` and `column_payoff[i, j]` are what the two players get when the row player plays
# i and the column player j; the matrices need not be square, nor the game zero-sum. The strategies
# are probabilities that sum to 1. Let a gain below a millionth count as none, because of rounding.
# (Which changes have to be tried? Compare what a mixture gets with what the best move in it gets.)


# %% exercise="is_nash" points=2
def is_nash(row_payoff, column_payoff, row_strategy, column_strategy):
    """Whether neither player gains by changing strategy alone."""
    ### BEGIN SOLUTION
    row_strategy, column_strategy = np.asarray(row_strategy), np.asarray(column_strategy)
    of_each_row = np.asarray(row_payoff) @ column_strategy
    of_each_column = row_strategy @ np.asarray(column_payoff)
    gain_of_row = of_each_row.max() - row_strategy @ of_each_row
    gain_of_column = of_each_column.max() - of_each_column @ column_strategy
    return bool(gain_of_row < 1e-6 and gain_of_column < 1e-6)
    ### END SOLUTION


# %% check="is_nash"
is_nash = check.is_nash(is_nash)

# %% [markdown]
# What if somebody asks only whether the row player gains?


# %%
def one_side_only(row_payoff, column_payoff, row_strategy, column_strategy):
    of_each_row = np.asarray(row_payoff) @ column_strategy
    return bool(of_each_row.max() - row_strategy @ of_each_row < 1e-6)


check.is_nash.look_at(one_side_only)

# %% [markdown]
# Is an equilibrium what is best for both? In the **prisoner's dilemma** each of two suspects may
# keep silent or talk. The payoffs are years in prison, with a minus.

# %%
years = -np.array([[1, 10], [0, 5]])  # [what I do, what the other does]: 0 is silent, 1 talks
silent, talk = np.eye(2)
print("both silent:", is_nash(years, years.T, silent, silent), "at", years[0, 0], "each")
print("both talk:  ", is_nash(years, years.T, talk, talk), "at", years[1, 1], "each")

# %% [markdown]
# No. Both would be better off if both kept silent, and still that is no equilibrium: whoever talks
# then walks free. An equilibrium is where nobody has a reason to move *alone*, and nothing more.
#
# ### Getting there
#
# Do players find it? Let both look at how often the other has played what so far, and answer that
# with a best response (**fictitious play**, Brown 1951). What do they play, and how often?

# %%
frequencies, _ = games.fictitious_play(row_payoff, column_payoff, 3000)
rounds = np.arange(1, 3001)
played = np.diff(np.rint(frequencies * rounds[:, None]), axis=0, prepend=0).argmax(1)
stays = np.diff(np.flatnonzero(np.diff(played)))
print("rounds with the same move:", *stays[:6], "... and at last", stays[-1])

# %%
figure, ax = plt.subplots()
for share, name, style in zip(frequencies.T, MOVES, ("-", "--", ":"), strict=True):
    ax.semilogx(rounds, share, style, label=name)
ax.axhline(1 / 3, color=plots.GREY, lw=1)
ax.set(title="How often each is played settles at 1/3, slowly", xlabel="rounds", ylabel="share")
ax.set(xlim=(1, 3000))
ax.legend()
alt = "Three shares swing around one third, less and less as the rounds go on."
plots.show(figure, alt)

# %% [markdown]
# The *averages* approach the equilibrium. The players themselves do not: each sticks to one move for
# ever longer, until the averages have turned, and then goes on to the next. Keep that difference in
# mind, between what players do and what they do on average. It comes back.

# %% [markdown]
# ## A GAN is such a game
#
# The discriminator's move is a function D(x), the probability that x is real. The generator's move is
# a distribution of fakes. What they play for is the **value**
#
# $$V(D, G) = \sum_x p_\text{real}(x) \log D(x) + \sum_x p_\text{fake}(x) \log\bigl(1 - D(x)\bigr)$$
#
# The discriminator wants it large, the generator small: zero-sum. It is minus the discriminator's
# loss from lesson 08, summed over all there is instead of a batch. To see all there is, let there be
# only ten different images, numbered 0 to 9.
#
# What is the best response to a generator? Each x can be settled on its own: of all that shows x, a
# share is real. Where D is best, the slope of $p_\text{real} \log D + p_\text{fake} \log (1 - D)$ is 0:
#
# $$\frac{p_\text{real}}{D} = \frac{p_\text{fake}}{1 - D}
# \quad\text{so}\quad D^*(x) = \frac{p_\text{real}(x)}{p_\text{real}(x) + p_\text{fake}(x)}$$
#
# **Exercise 2** `optimal_discriminator` (●○○, 4 min). Return $D^*$ for two arrays of equal length,
# the probabilities or densities at the same places; 1/2 where both are 0. Leave them as they are.


# %% exercise="optimal_discriminator" points=1
def optimal_discriminator(p_real, p_fake):
    """The best answer to a generator: the share of what shows x that is real."""
    ### BEGIN SOLUTION
    p_real, p_fake = np.asarray(p_real, float), np.asarray(p_fake, float)
    both = p_real + p_fake
    return np.where(both > 0, p_real / np.where(both > 0, both, 1), 0.5)
    ### END SOLUTION


# %% check="optimal_discriminator"
optimal_discriminator = check.optimal_discriminator(optimal_discriminator)

# %% [markdown]
# Here is one generator, which shows other images than the real ones, though some of the same:

# %%
p_real = np.array([1, 2, 4, 6, 4, 2, 1, 0, 0, 0]) / 20
p_fake = np.array([0, 0, 0, 1, 2, 4, 6, 4, 2, 1]) / 20
best_d = np.asarray(optimal_discriminator(p_real, p_fake))

figure, panels = plt.subplots(2, 1, figsize=(7, 4.2), sharex=True)
numbers = np.arange(10)
panels[0].bar(numbers - 0.2, p_real, 0.4, color=plots.BLUE, label="real")
panels[0].bar(numbers + 0.2, p_fake, 0.4, color=plots.ORANGE, hatch="//", label="fake")
panels[0].set(ylabel="probability", title="The best discriminator gives the share that is real")
panels[0].legend()
panels[1].plot(numbers, best_d, "o-", color=plots.GREEN)
panels[1].set(xlabel="image x", ylabel="D*(x)", xticks=numbers)
alt = "Real images 0 to 6, fakes 3 to 9; D* is 1 up to 2, falls, and is 0 from 7 on."
plots.show(figure, alt)

# %% [markdown]
# It is sure of its case where only one kind occurs. Both kinds are equally frequent at no image here:
# its answer passes 1/2 between 4 and 5.
#
# **Exercise 3** `gan_value` (●●○, 6 min). Return V as a float, with the natural logarithm. `p_real`
# and `p_fake` sum to 1, `discriminator` holds D(x). A place from which nothing comes adds nothing,
# whatever the logarithm there: 0 log 0 counts as 0. (Who is certain and wrong gets −∞; if your
# function raises an error then, that will do.)


# %% exercise="gan_value" points=2
def gan_value(p_real, p_fake, discriminator):
    """What the game is worth to the discriminator, in nats."""
    ### BEGIN SOLUTION
    p_real, p_fake = np.asarray(p_real, float), np.asarray(p_fake, float)
    d = np.asarray(discriminator, float)
    reals, fakes = p_real > 0, p_fake > 0
    of_reals = (p_real[reals] * np.log(d[reals])).sum()
    of_fakes = (p_fake[fakes] * np.log(1 - d[fakes])).sum()
    return float(of_reals + of_fakes)
    ### END SOLUTION


# %% check="gan_value"
gan_value = check.gan_value(gan_value)

# %% [markdown]
# What does each discriminator get, against this generator and against a perfect one?

# %%
undecided = np.full(10, 0.5)
best_at_last = np.asarray(optimal_discriminator(p_real, p_real))
values = {  # cut off in the last: who is certain, and wrong, loses without end
    "the best one, this generator": gan_value(p_real, p_fake, best_d),
    "undecided, this generator": gan_value(p_real, p_fake, undecided),
    "the best one, perfect generator": gan_value(p_real, p_real, best_at_last),
    "best against this one, perfect generator": gan_value(p_real, p_real, best_d.clip(0.01, 0.99)),
}
for name, value in values.items():
    print(f"{value:6.3f}  {name}")
print(f"{-math.log(4):6.3f}  -log 4")

# %% [markdown]
# Against a perfect generator the best discriminator says 1/2 everywhere and gets −log 4, twice log ½;
# one that answers otherwise where there are images gets less. And against a discriminator that says
# 1/2, the generator gets the same whatever it does, so it has no reason to move either. *Fakes
# distributed like the real images, and D = 1/2*: that is the Nash equilibrium of this game. (Where no
# image occurs D may also be lower.)
#
# Look at the second line, too: against the bad generator, undecided is worth the same −log 4.
#
# ### How far apart
#
# Against the best discriminator the value measures how different the two distributions are. It is
# −log 4 plus twice their **Jensen–Shannon divergence** (JSD), which is 0 for equal distributions
# and log 2 where they share nothing. Check that, and then move the fakes away:

# %%
jsd = games.jensen_shannon(p_real, p_fake)
print(f"-log 4 + 2 JSD = {-math.log(4) + 2 * jsd:.3f}")


def four_images(first):
    """Four of 20 images, equally likely."""
    return np.isin(np.arange(20), range(first, first + 4)) / 4


for first in (0, 1, 2, 3, 4, 10, 16):
    p, q = four_images(0), four_images(first)
    value = gan_value(p, q, np.asarray(optimal_discriminator(p, q)))
    print(f"fakes moved by {first:2}: best value {round(value, 3) + 0.0:6.3f}")

# %% [markdown]
# Where nothing overlaps, the value is 0, and *it stays 0*: a move of 4 and a move of 16 are worth the
# same. A generator that asks “which way is better?” gets no answer. Images are like that: of all
# possible arrangements of 3,072 bytes, real ones and fakes are two thin sets, which may well share
# nothing (Arjovsky & Bottou 2017).
#
# Bell curves overlap everywhere, if only a little. What do they give the generator to go by? Here
# the reals are spread around 0 and the fakes around a distance d, both with deviation 1, and the
# discriminator is the best one for each d.

# %%
x = np.linspace(-8, 16, 961)
distances = np.linspace(0, 8, 81)


def bell(center):
    density = np.exp(-((x - center) ** 2) / 2)
    return density / density.sum()


best_values, not_saturating = [], []
for d in distances:
    # Cut off, since a float next to 1 is rounded to 1, and log 0 is infinite.
    best = np.clip(optimal_discriminator(bell(0), bell(d)), 1e-12, 1 - 1e-12)
    best_values.append(gan_value(bell(0), bell(d), best))
    # The slope of the mean of -log D(x): D's logit falls by d where x grows by 1.
    not_saturating.append(d * (bell(d) * (1 - best)).sum())
saturating = np.gradient(best_values, distances)

# %%
figure, panels = plt.subplots(1, 2, figsize=(8.6, 3.3))
panels[0].plot(distances, best_values)
panels[0].axhline(-math.log(4), color=plots.GREY, lw=1, ls=":")
panels[0].text(8, -math.log(4) + 0.03, "−log 4", ha="right", color=plots.GREY)
panels[0].set(title="Far away, the value is flat", ylabel="value, best discriminator (nats)")
panels[1].plot(distances, saturating, "--", label="saturating, log(1 − D)")
panels[1].plot(distances, not_saturating, label="non-saturating, −log D")
panels[1].set(title="... and its pull is gone", ylabel="pull (nats per unit of distance)")
panels[1].legend(fontsize=9)
figure.supxlabel("distance d of the fakes from the reals", fontsize=11)
far = saturating[distances > 6].max()
print("pull of the game's own loss beyond a distance of 6: below 0.02:", bool(far < 0.02))
alt = "The value rises from -log 4 to 0 and is flat from a distance of 5 on. The saturating pull "
plots.show(figure, alt + "rises and falls back to 0, the non-saturating one grows on.")

# %% [markdown]
# The right panel's dashed line is the left one's slope: the game's own loss falls silent where the
# generator is bad. You know it from lesson 06, there against a logit. The non-saturating loss has
# the same equilibrium and pulls the harder the further away these fakes are; the price is that the
# game is no longer zero-sum. (It lives on the discriminator's slope. Where nothing overlaps and the
# discriminator is the best one, there is none.)

# %% [markdown]
# ## Two players who follow their gradients
#
# Nobody computes best responses to a network. Each player takes a small step along its own gradient,
# and so does the other. The smallest game to try that on has one number per player, and the value
#
# $$f(x, y) = x\,y$$
#
# which x wants small and y large. At (0, 0) neither gains by moving alone: f stays 0. It is the only
# equilibrium. Do they find it?
#
# **Exercise 4** `simultaneous_step` (●○○, 3 min). Both move at once: return the new pair (x, y) after
# one step of gradient descent for x and gradient ascent for y. `gradient(x, y)` returns the pair of
# slopes ($\partial f/\partial x$, $\partial f/\partial y$).


# %% exercise="simultaneous_step" points=1
def simultaneous_step(x, y, gradient, learning_rate):
    """Both players move at once: x downhill, y uphill."""
    ### BEGIN SOLUTION
    slope_x, slope_y = gradient(x, y)
    return x - learning_rate * slope_x, y + learning_rate * slope_y
    ### END SOLUTION


# %% check="simultaneous_step"
simultaneous_step = check.simultaneous_step(simultaneous_step)

# %% [markdown]
# Networks of a GAN usually move in turn: the discriminator first, and the generator answers the
# discriminator that it has become.
#
# **Exercise 5** `alternating_step` (●○○, 3 min). The same, but x moves first, and y has seen it.


# %% exercise="alternating_step" points=1
def alternating_step(x, y, gradient, learning_rate):
    """First x moves downhill, then y uphill from where x is now."""
    ### BEGIN SOLUTION
    x = x - learning_rate * gradient(x, y)[0]
    y = y + learning_rate * gradient(x, y)[1]
    return x, y
    ### END SOLUTION


# %% check="alternating_step"
alternating_step = check.alternating_step(alternating_step)

# %% [markdown]
# Now let them play, 500 steps from (1, 1) with a learning rate of 0.1. How far from the equilibrium
# do they end? They start at a distance of √2 = 1.414.


# %%
def gradient_of_xy(x, y):
    return y, x


def walk(step, steps=500, learning_rate=0.1):
    path = [(1.0, 1.0)]
    for _ in range(steps):
        path.append(step(*path[-1], gradient_of_xy, learning_rate))
    return np.array(path)


at_once, in_turn = walk(simultaneous_step), walk(alternating_step)
print(f"at once: {np.hypot(*at_once[-1]):.1f}, in turn: {np.hypot(*in_turn[-1]):.2f}")

# %%
figure, panels = plt.subplots(1, 2, figsize=(8.6, 3.9))
titles = "At once: outwards, to 17", "In turn: round and round"
for ax, path, title in zip(panels, (at_once, in_turn), titles, strict=True):
    ax.plot(*path.T, color=plots.BLUE, lw=1)
    ax.plot(*path[0], "o", color=plots.GREEN, label="start")
    ax.plot(*path[-1], "s", color=plots.RED, label="after 500 steps")
    ax.plot(0, 0, "*", color="black", ms=11, label="equilibrium")
    ax.set(title=title, xlabel="x, wants f small", ylabel="y, wants f large", aspect="equal")
    reach = 1.1 * np.abs(path).max()
    ax.set(xlim=(-reach, reach), ylim=(-reach, reach))
panels[1].legend(fontsize=9, loc="center left", bbox_to_anchor=(1, 0.5))
alt = "Left, a spiral that runs outwards to a distance of 17; right, a closed ring through (1, 1)."
plots.show(figure, alt)

# %% [markdown]
# Every single step is right, each player improves, and they do not come closer. Why? The direction in
# which they move is (−y, x), and that is at a right angle to the way from (0, 0) to (x, y). So the
# step and the old distance r are the short sides of a right-angled triangle. With the learning rate η
# the step is ηr long, and the new distance is $\sqrt{r^2 + \eta^2 r^2} = r\sqrt{1 + \eta^2}$. Is it so,
# and would smaller steps help?

# %%
radius = np.hypot(*at_once.T)
growth = radius[1:] / radius[:-1]
print(
    f"factor per step {growth.min():.3f} to {growth.max():.3f}, expected {math.hypot(1, 0.1):.3f}"
)
for rate in (0.1, 0.03, 0.01):
    end = walk(simultaneous_step, round(50 / rate), rate)[-1]
    print(f"learning rate {rate}, {round(50 / rate)} steps: distance {np.hypot(*end):.2f}")

# %% [markdown]
# They only put it off. Infinitely small steps would stay on the circle; no learning rate brings the
# players in. And in turn? Something is kept, step by step: not the distance, whose square is
# x² + y², but nearly so.

# %%
x, y = in_turn.T
kept = x**2 + y**2 - 0.1 * x * y
print(f"x² + y² - ηxy is {kept.min():.3f} to {kept.max():.3f}")

# %% [markdown]
# That is an ellipse, almost a circle, and they never leave it.

# %% [markdown]
# ## What mends it
#
# **Averaging.** The players circle *around* the equilibrium. Where is the mean of all their places?

# %%
for name, step in {"at once": simultaneous_step, "in turn": alternating_step}.items():
    for steps in (500, 5000):
        center = walk(step, steps).mean(0)
        print(f"{name}, {steps} steps: mean closer than 0.01:", bool(np.hypot(*center) < 0.01))

# %% [markdown]
# On the ring, the mean is nearly at the equilibrium, as in fictitious play; on the way outwards it
# is not, and never will be. This is one reason why the bundled DCGAN of lesson 08 is a running
# average of its generator (Yazıcı et al. 2018). (The average of two networks' weights is a less
# innocent thing than the average of two numbers; it works because they are close to each other.)
#
# **Looking ahead.** The *extragradient* method takes a step on trial, reads the gradient there, and
# makes that step from the old place. *Optimistic* play (Daskalakis et al. 2018) saves the trial: it
# expects the gradient to go on changing as it did, and uses twice the new one minus the old one.
# **A penalty** on the size of both gradients, as in *consensus* optimisation (Mescheder et al. 2017),
# pulls towards a place where nobody wants to move; here its weight is 0.5.

# %%
figure, ax = plt.subplots(figsize=(7, 3.6))
for rule, style in zip(games.RULES, ("-", "-", "-", "--", "-"), strict=True):
    path = games.play(games.BilinearGame(), (1, 1), 500, 0.1, rule)
    ax.semilogy(np.hypot(*path.T), style, label=rule)
averages = in_turn.cumsum(0) / np.arange(1, 502)[:, None]
ax.semilogy(np.hypot(*averages.T), ":", color=plots.GREY, label="alternating, averaged")
ax.set(title="Three rules come in, one stays out, one runs away", xlabel="steps")
ax.set(ylabel="distance from equilibrium", ylim=(1e-4, 40))
ax.legend(fontsize=9, loc="center left", bbox_to_anchor=(1, 0.5))
alt = "Simultaneous play rises to 17, alternating stays at 1.4; extragradient and optimistic play "
plots.show(
    figure,
    alt + "fall to 0.1 together, consensus below 0.0001 by step 210, "
    "the average of the alternating places in waves to below 0.1.",
)

# %% [markdown]
# Extragradient and optimistic play lie on each other. Could one have known before playing? Near an
# equilibrium a step multiplies the place by a matrix, and the largest absolute value of its
# **eigenvalues** is the factor by which the distance grows or shrinks in one step:

# %%
for rule in games.RULES:
    factors = np.abs(games.update_eigenvalues(games.BilinearGame(), rule, 0.1))
    print(f"{rule}: {factors.max():.3f}")

# %% [markdown]
# **Less momentum.** Momentum goes on in the direction of past steps, which is good on a slope that
# stays where it is, and bad in a circle. What does it do to players who move in turn?

# %%
for momentum in (0.5, 0.0, -0.5):
    x, y, push_x, push_y = 1.0, 1.0, 0.0, 0.0
    for _ in range(500):
        push_x = momentum * push_x - 0.1 * y
        x += push_x
        push_y = momentum * push_y + 0.1 * x
        y += push_y
    distance = np.hypot(x, y)
    verdict = "over 1,000,000" if distance > 1e6 else f"{distance:.2f}"
    print(f"momentum {momentum:4}: distance {verdict}")

# %% [markdown]
# It flings them out, and *negative* momentum brings them in (Gidel et al. 2019). Nobody trains a
# DCGAN with negative momentum, but it is a hint why its authors lowered Adam's $\beta_1$ from 0.9
# to 0.5.
#
# Here is all that to play with. Start with the examples, then: from which learning rate on does
# the extragradient method run away? And does consensus get quicker with more weight, always?

# %%
from helpers.widgets.phase_plane import PhasePlane

PhasePlane()

# %% [markdown]
# <details><summary>Answers</summary>Beyond 1: a step of the extragradient method multiplies the
# distance by √(1 − η² + η⁴), which is 1 again at η = 1. And no: consensus multiplies it by
# √((1 − ηw)² + η²) with the weight w, which is smallest where w = 1/η. With more, each step
# overshoots. With a learning rate of 0.5 you can see it: a weight of 2 is best.</details>

# %% [markdown]
# ## The smallest GAN
#
# f = xy is a game, but is it a GAN? Here is one with two numbers, the **Dirac-GAN** (Mescheder et al.
# 2018). All real data are the number 0. The generator has one weight θ and always says θ. The
# discriminator has one weight ψ, its logit for x is ψx; as in the paper, a large logit stands for
# “fake” here. With $g(t) = -\log(1 + e^{-t})$, the logarithm of the sigmoid, the value is
#
# $$f(\theta, \psi) = g(\theta\psi) + g(0), \qquad g'(t) = \frac{1}{1 + e^{t}}$$
#
# The first term is for the fake θ and the second for the data 0. The equilibrium is at (0, 0): fakes
# like the data, a discriminator that says 1/2, and f = −log 4.
#
# The **R1** penalty tells the discriminator to be flat where the real data are: it subtracts
# half of `r1`, its weight, times the squared slope of its logit there, which here is ψ².
#
# **Exercise 6** `dirac_gan_gradient` (●●○, 8 min). Return the pair of directions in which the players
# move, for numbers θ and ψ: *minus* the slope of f by θ, which θ minimises; *plus* the slope of
# $f - \frac{r_1}{2}\psi^2$ by ψ, which ψ maximises.


# %% exercise="dirac_gan_gradient" points=2
def dirac_gan_gradient(theta, psi, r1=0.0):
    """The direction in which each player moves: (of theta, of psi)."""
    ### BEGIN SOLUTION
    slope = 1 / (1 + math.exp(theta * psi))  # g'(theta * psi)
    return -psi * slope, theta * slope - r1 * psi
    ### END SOLUTION


# %% check="dirac_gan_gradient"
dirac_gan_gradient = check.dirac_gan_gradient(dirac_gan_gradient)

# %% [markdown]
# Let it play from (1, 1), both at once, in small steps so that they come close to a flow:


# %%
def play_dirac(r1, steps=1500, rate=0.02):
    path = [(1.0, 1.0)]
    for _ in range(steps):
        (theta, psi), (to_theta, to_psi) = path[-1], dirac_gan_gradient(*path[-1], r1)
        path.append((theta + rate * to_theta, psi + rate * to_psi))
    return np.array(path)


weights = (0.0, 0.3, 1.0, 3.0)
plays = {r1: play_dirac(r1) for r1 in weights}
for r1, path in plays.items():
    print(f"r1 = {r1}: closer than 0.2 at the end:", bool(np.hypot(*path[-1]) < 0.2))
places = np.stack(np.meshgrid(*[np.linspace(-1.8, 1.8, 9)] * 2), -1)  # where to draw arrows

# %%
figure, panels = plt.subplots(1, 4, figsize=(9.4, 3.1), sharex=True, sharey=True)
for ax, (r1, path) in zip(panels, plays.items(), strict=True):
    arrows = games.DiracGAN(r1=r1).field(places)
    arrows /= np.linalg.norm(arrows, axis=-1, keepdims=True) + 1e-9
    ax.quiver(*places.T, *arrows.T, color=plots.GREY, scale=18)
    ax.plot(*path.T, color=plots.BLUE, lw=1.5)
    ax.plot(0, 0, "*", color="black", ms=10, label="equilibrium")
    ax.plot(*path[0], "o", color=plots.GREEN, ms=5, label="start")
    ax.plot(*path[-1], "s", color=plots.RED, ms=5, label="end")
    ax.set(title=f"r1 = {r1:g}", xlabel="θ, generator", aspect="equal")
figure.legend(*ax.get_legend_handles_labels(), loc="upper right", ncols=3, fontsize=9)
panels[0].set_ylabel("ψ, discriminator")
figure.suptitle("Without R1 they circle, with it they come in", x=0.02, ha="left", fontsize=12)
alt = "Circle without R1, spiral inwards with 0.3, a bow inwards with 1, a slow crawl with 3."
plots.show(figure, alt)

# %% [markdown]
# The slope that lets θ find the data is the slope that drives it past them: where the fakes are
# right, ψ is not 0 yet. R1 pulls ψ towards 0 all the time, the harder the further away it is. How
# much is best? Again the eigenvalues know, now those of the field at the equilibrium. Their real
# part says how fast the players come in, if it is negative, and the imaginary part how fast they
# circle:
#
# $$\lambda = -\frac{\gamma}{2} \pm \sqrt{\frac{\gamma^2}{4} - g'(0)^2}, \qquad g'(0) = \frac12$$
#
# with γ for the weight of R1. Is that what the games did?

# %%
for r1 in weights:
    first, second = games.DiracGAN(r1=r1).eigenvalues()
    turns = "circling" if abs(first.imag) > 1e-6 else "no circling"
    print(f"r1 = {r1}: slowest rate {max(first.real, second.real) + 0.0:.3f}, {turns}")
penalties = np.linspace(0.1, 3, 30)
steps_needed = []
for r1 in penalties:
    path = games.play(games.DiracGAN(r1=r1), (1, 1), 3000, 0.1)
    steps_needed.append(np.flatnonzero(np.hypot(*path.T) >= 0.01)[-1] + 1)

# %%
rates = [-games.DiracGAN(r1=r1).eigenvalues().real.max() for r1 in penalties]
figure, panels = plt.subplots(1, 2, figsize=(8.6, 3.2))
panels[0].plot(penalties, rates)
panels[0].set(title="By the eigenvalues, 1 is best", ylabel="rate of approach")
panels[1].plot(penalties, steps_needed)
panels[1].set(
    title="In play it is a little less", ylabel="steps until closer than 0.01", ylim=(0, None)
)
for ax in panels:
    ax.axvline(1, color=plots.GREY, lw=1, ls=":")
figure.supxlabel("weight of R1", fontsize=11)
alt = "The rate of approach rises to 0.5 at a weight of 1 and falls again; the steps needed fall "
plots.show(figure, alt + "to little more than 100 near 0.9 and rise again.")

# %% [markdown]
# Below 1 the players still circle on their way in; above 1 the discriminator is held so flat that it
# hardly tells the generator where to go. Between the two, at γ = 1 = 2g′(0), lies **critical
# damping**, like that of a door closer that neither slams nor dawdles. (In play a little less is
# best: one slight overshoot that stays within 0.01 does not count, so they arrive sooner.) For
# networks nobody knows the number in advance; it has to be tried.

# %% [markdown]
# ## A GAN that you can see through
#
# One step up: a GAN whose images are single numbers. Its networks are real ones, but its densities
# can be drawn, and so can the best discriminator beside the one that is being trained. Press play.
# In the run *circling*, watch the fakes go where the discriminator is high, and the discriminator
# turn against them there; and look at the losses meanwhile. What is different in *settling*?

# %%
from helpers.widgets.gan_1d import Gan1dPlayer

Gan1dPlayer()

# %% [markdown]
# The losses lie near their dotted lines, 2 ln 2 and ln 2, while the fakes walk to and fro. Remember
# that for the last section.

# %% [markdown]
# ## Has this DCGAN hit its Nash equilibrium?
#
# “We trained until it hit Nash equilibrium”, one reads, and then a picture of two flat loss curves.
# What do they prove? At the equilibrium the discriminator answers 1/2 to everything, and its loss is
# 2 ln 2, which is minus the −log 4 from above. Take three generators: one that was never trained,
# the course's trained one, and, as a **control**, one that is perfect because it shows real images,
# others than the discriminator is given as real. (Everything is in bytes, so that a fake cannot be
# told by its rounding, and some of each kind is **held out** for later.)

# %%
import torch

from helpers.data import load_images
from helpers.pytorch import nash_experiments as experiments
from helpers.pytorch.generator import build_generator
from helpers.pytorch.pretrained import load_discriminator, load_generator

train, _ = load_images("street_digits", "train", 6000)
test, _ = load_images("street_digits", "test", 2000)
reals = experiments.Images(train[:3000], test[:1000])
torch.manual_seed(0)
fakes = {
    "untrained": experiments.split(experiments.draw(build_generator(100), 2000)),
    "trained DCGAN": experiments.split(experiments.draw(load_generator(), 4000)),
    "real images": experiments.Images(train[3000:], test[1000:]),
}

# %% [markdown]
# Now a discriminator that has learnt nothing, or has unlearnt everything: its logit is always 0.


# %%
def blind(images):
    return torch.zeros(len(images), 1)


for name, images in fakes.items():
    loss, _ = experiments.loss_and_accuracy(blind, reals.held_out, images.held_out)
    print(f"{name}: loss {loss:.3f}, at equilibrium {experiments.SETTLED:.3f}")

# %% [markdown]
# Three times “equilibrium”, once with noise. A loss of 2 ln 2 says what *this* discriminator can tell.
# The definition says more: at an equilibrium **no** discriminator gains by being another one. And
# that can be tried. Keep the generator as it is, take a *fresh* discriminator, train it, and look
# at its loss on images that it has not seen.
#
# Two things want care. A discriminator can learn any images by heart, so only the held-out ones
# count. And batch normalisation: if it sees a batch of reals and then a batch of fakes, each is
# normalised by itself, and an image's logit depends on the company it is in. So both kinds go
# through in one batch, and are measured in eval mode, image by image.

# %% tags=["nbval-ignore-output"]
fresh, looks = {}, {}
for name, images in fakes.items():
    steps = 30 if name == "untrained" else 150
    fresh[name], looks[name] = experiments.fresh_discriminator(
        reals, images, steps=steps, look_every=steps // 5
    )
    print(f"{name}: loss {looks[name].losses[-1]:.2f}, right {looks[name].accuracies[-1]:.0%}")

# %%
ends = {name: seen.losses[-1] for name, seen in looks.items()}
print("untrained below 0.5:", ends["untrained"] < 0.5)
print("trained DCGAN below 1.3:", ends["trained DCGAN"] < 1.3)
print("real images below 1.35:", ends["real images"] < 1.35)
print("and after 30 steps below 1.3:", looks["trained DCGAN"].losses[1] < 1.3)

# %%
figure, ax = plt.subplots(figsize=(7, 3.6))
for (name, seen), marker in zip(looks.items(), "os^", strict=True):
    ax.plot(seen.steps, seen.losses, marker=marker, ms=5, label=name)
ax.axhline(experiments.SETTLED, color=plots.GREY, lw=1, ls=":")
ax.text(155, experiments.SETTLED, "2 ln 2", va="center", color=plots.GREY, backgroundcolor="white")
ax.set(title="A fresh discriminator tells apart what a blind one cannot", ylim=(0, 1.7))
ax.set(xlabel="steps of the fresh discriminator", ylabel="loss on held-out images (nats)")
ax.legend()
alt = "From 2 ln 2 the loss against an untrained generator drops to 0 within 30 steps, against "
plots.show(figure, alt + "the DCGAN it falls below 1.3 in 150, against real images it stays.")

# %% [markdown]
# (Before its first step, the fresh one guesses, which is a little worse than to say 1/2.) The
# untrained generator is found out at once. The control stays at 2 ln 2 or a little above: there is
# nothing to tell. And the trained DCGAN holds out for a while, then the fresh discriminator finds a
# difference and goes on finding more. At the equilibrium no discriminator pays less than 2 ln 2; so
# this is **not** it.
#
# Why only held-out images count, the control shows, when it is measured on both kinds:

# %%
control = fakes["real images"]
pairs = {
    "trained on": (reals.training, control.training),
    "held out": (reals.held_out, control.held_out),
}
for name, pair in pairs.items():
    loss, right = experiments.loss_and_accuracy(fresh["real images"], *pair)
    print(f"{name}: below 1.37: {loss < 1.37}, more than 55 % right: {right > 0.55}")

# %% [markdown]
# Of the images that it was trained on, it has begun to know by heart which were called fake, though
# nothing else tells them. Measured on those, a perfect generator would have failed the test.
#
# What has the fresh one found? Here are, of 1,000 held-out fakes, those that it is surest about, and
# those that it takes for real. Would you have sorted them like that? And are the upper ones harder to
# read? Let the course's classifier read 200 of either kind.

# %%
from helpers.pytorch.digit_classifier import load_classifier
from helpers.pytorch.digit_classifier import run as classify

shown = fakes["trained DCGAN"].held_out
with torch.no_grad():
    logits = fresh["trained DCGAN"](torch.from_numpy(shown).float() / 127.5 - 1)[:, 0]
order = logits.argsort().numpy()
surest, passing = shown[order[:200]], shown[order[::-1][:200]]
_, answers = classify(load_classifier(), np.concatenate([surest, passing]))
confident = (answers.max(1) > 0.9).reshape(2, 200).mean(1)
print("the surest ones are about as readable, or more so:", bool(confident[0] > confident[1] - 0.1))

# %%
figure = plots.image_grid(
    np.concatenate([surest[:12], passing[:12]]),
    12,
    "The discriminator does not sort them as you would",
    row_labels=["surely fake", "passes"],
)
alt = "Twelve fakes in each of two rows; digits that can be read, and some that cannot, in both."
plots.show(figure, alt)

# %% [markdown]
# The upper ones are no harder to read. But are they lighter?

# %% tags=["nbval-ignore-output"]
groups = {"surely fake": surest, "passes": passing, "all fakes": shown, "reals": reals.held_out}
for name, images in groups.items():
    print(f"{name:>11}: mean grey level {images.mean():.0f}")

# %% [markdown]
# Where these cells were run they were, by some thirty grey levels, and all fakes together are as light
# as all real images. So light is not false; this discriminator may find light fakes easier to tell. Whatever
# gives a fake away, be it strokes, edges or noise, it is not that the digit is wrong: nobody told the
# discriminator about digits. To be told apart and to look bad are two things.

# %% [markdown]
# ### How far from it?
#
# The best discriminator's loss is 2 ln 2 − 2 JSD, and every other one pays more. So a loss L on new
# images shows that the divergence is *at least* ln 2 − L/2, of at most ln 2 = 0.693. What about the
# discriminator that grew up with this generator?

# %%
own = load_discriminator()
loss, right = experiments.loss_and_accuracy(own, reals.held_out, fakes["trained DCGAN"].held_out)
print(f"the run's own discriminator: loss {loss:.2f}, right {right:.0%}")
print(f"so the divergence is about {experiments.divergence_shown(loss):.2f} nats or more")

# %% [markdown]
# After 36,000 steps it still knows better than 1/2. But it need not know most: a fresh one got down
# to 0.93 in its 150 steps where these cells were run (from another start it ends elsewhere). The
# generator has learnt to get by its own discriminator, not by any other. And in a run whose curve
# lies *on* 2 ln 2, only a fresh one can tell you why.
#
# ### What can be said, and what cannot
#
# - A fresh discriminator that gains on held-out images **disproves** equilibrium. One is enough.
# - One that gains nothing **proves** nothing. A wider one, or more steps, may find a difference: had
#   you stopped after 30 steps, the trained DCGAN would nearly have passed. Say “not told apart by this
#   discriminator in so many steps”; more was not measured (Arora et al. 2017).
# - It is one player's half. At an equilibrium the generator must have nothing to gain against the
#   frozen discriminator, either. What both could gain together is called the **duality gap**
#   (Grnarova et al. 2019).
# - Networks are not free to play any D and any distribution. Then an equilibrium need not even exist
#   (Farnia & Ozdaglar 2020), and where training comes to rest is often none (Berard et al. 2020). And
#   if real images and fakes are thin sets that share nothing, *some* discriminator wins outright,
#   however good the pictures look to you.
#
# So a DCGAN does not “hit Nash equilibrium”, it is stopped while it circles around something. What you
# can do is to keep the circle small (alternate, average, little momentum, a penalty), and to judge
# it by what it makes (lesson 11).

# %% [markdown]
# ## Check yourself
#
# **1. In a Nash equilibrium …**
#
# <details><summary>… both players have the best result that is possible for them.</summary>No. In the prisoner's dilemma both would be better off elsewhere.</details>
# <details><summary>… neither player can gain by changing strategy alone.</summary>Yes. Both together might; that does not count.</details>
# <details><summary>… both players get the same.</summary>No. Payoffs may differ; in most games they do.</details>

# %% [markdown]
# **2. Real images and fakes share nothing, and the discriminator is perfect. The fakes come a bit closer, still sharing nothing. The value of the game …**
#
# <details><summary>… stays 0, so the game's own loss gives the generator nothing to go by.</summary>Yes. The divergence is log 2 wherever nothing overlaps, near or far.</details>
# <details><summary>… falls a little, because they are closer.</summary>No. The Jensen–Shannon divergence knows overlap, but no distance.</details>
# <details><summary>… becomes −log 4.</summary>No. That is its value where the two distributions are equal.</details>

# %% [markdown]
# **3. Two players follow their gradients on f = xy, both at once, and run away. The learning rate is divided by ten.**
#
# <details><summary>Now they converge, only more slowly.</summary>No. The factor per step is √(1 + η²), above 1 for every η.</details>
# <details><summary>They stay exactly on a circle.</summary>No. That is where infinitely small steps would be.</details>
# <details><summary>They still run away, but it takes longer.</summary>Yes. Smaller steps put it off. Another rule is needed.</details>

# %% [markdown]
# **4. What does R1 do in the Dirac-GAN?**
#
# <details><summary>It holds the discriminator flat at the real data, which damps the circling; too much of it makes the approach slow.</summary>Yes. The eigenvalues get a negative real part, most of it at γ = 1.</details>
# <details><summary>It moves the equilibrium to where the players already are.</summary>No. The equilibrium stays at (0, 0), where the penalty is 0.</details>
# <details><summary>It limits how fast the generator may move.</summary>No. The generator's own direction is not touched. R1 is a penalty on the discriminator.</details>

# %% [markdown]
# **5. A run's discriminator loss has settled at 2 ln 2. You freeze the generator and train a fresh discriminator: on held-out images, it goes down to 0.6.**
#
# <details><summary>The fresh one has learnt the fakes by heart.</summary>No. It has seen neither the held-out fakes nor the held-out reals.</details>
# <details><summary>It was an equilibrium, which the fresh discriminator has now destroyed.</summary>No. The generator has not moved. At an equilibrium, no discriminator could have gained.</details>
# <details><summary>It was no equilibrium: the run's discriminator was blind to a difference that is there.</summary>Yes. And the divergence is about 0.69 − 0.3 = 0.39 nats, or more.</details>

# %% [markdown]
# **6. And if the fresh one stays at 2 ln 2?**
#
# <details><summary>Then real and generated images have the same distribution.</summary>No. That would need every discriminator, and you have tried one.</details>
# <details><summary>Then this discriminator has found no difference in so many steps.</summary>Yes. That is all. It says more if you have shown that it finds small differences, where there are some.</details>
# <details><summary>Then the generator has collapsed.</summary>No. A collapsed generator is among the easiest to tell from real images.</details>

# %% [markdown]
# ## What to remember
#
# - At a Nash equilibrium neither player gains by changing alone. Rock-paper-scissors has one only in
#   mixed strategies; averages find it where the players themselves go round.
# - The best discriminator is p_real / (p_real + p_fake), and then the value is −log 4 + 2 JSD. Where
#   nothing overlaps it is flat, and the generator's own loss falls silent.
# - Gradient players circle: at once outwards by √(1 + η²) a step, in turn on a ring. Averages,
#   looking ahead, less momentum and penalties bring them in.
# - R1 damps. Too little circles, too much crawls.
# - A loss of 2 ln 2 is necessary for an equilibrium and proves none. A fresh discriminator on held-out
#   images can disprove it.

# %%
check.progress()

# %% [markdown]
# ## References
#
# - J. Nash, “Equilibrium points in n-person games”, 1950,
#   [doi:10.1073/pnas.36.1.48](https://doi.org/10.1073/pnas.36.1.48)
# - G. Brown, “Iterative solution of games by fictitious play”, in *Activity Analysis of Production
#   and Allocation*, 1951; that the averages converge: J. Robinson, “An iterative method of solving a
#   game”, 1951, [doi:10.2307/1969530](https://doi.org/10.2307/1969530)
# - I. Goodfellow et al., “Generative adversarial networks”, 2014,
#   [arXiv:1406.2661](https://arxiv.org/abs/1406.2661)
# - M. Arjovsky, L. Bottou, “Towards principled methods for training generative adversarial
#   networks”, 2017, [arXiv:1701.04862](https://arxiv.org/abs/1701.04862)
# - L. Mescheder, S. Nowozin, A. Geiger, “The numerics of GANs” (consensus optimisation), 2017,
#   [arXiv:1705.10461](https://arxiv.org/abs/1705.10461)
# - L. Mescheder, A. Geiger, S. Nowozin, “Which training methods for GANs do actually converge?”
#   (Dirac-GAN, R1), 2018, [arXiv:1801.04406](https://arxiv.org/abs/1801.04406)
# - Y. Yazıcı et al., “The unusual effectiveness of averaging in GAN training”, 2018,
#   [arXiv:1806.04498](https://arxiv.org/abs/1806.04498)
# - C. Daskalakis et al., “Training GANs with optimism”, 2018,
#   [arXiv:1711.00141](https://arxiv.org/abs/1711.00141)
# - G. Gidel et al., “A variational inequality perspective on generative adversarial networks”
#   (extragradient, averaging), 2019, [arXiv:1802.10551](https://arxiv.org/abs/1802.10551); “Negative
#   momentum for improved game dynamics”, 2019, [arXiv:1807.04740](https://arxiv.org/abs/1807.04740)
# - S. Arora et al., “Generalization and equilibrium in generative adversarial nets”, 2017,
#   [arXiv:1703.00573](https://arxiv.org/abs/1703.00573)
# - D. Lopez-Paz, M. Oquab, “Revisiting classifier two-sample tests”, 2016,
#   [arXiv:1610.06545](https://arxiv.org/abs/1610.06545)
# - P. Grnarova et al., “A domain agnostic measure for monitoring and evaluating GANs”, 2019,
#   [arXiv:1811.05512](https://arxiv.org/abs/1811.05512)
# - F. Farnia, A. Ozdaglar, “Do GANs always have Nash equilibria?”, 2020,
#   [PMLR 119](https://proceedings.mlr.press/v119/farnia20a.html)
# - H. Berard et al., “A closer look at the optimization landscapes of generative adversarial
#   networks”, 2020, [arXiv:1906.04848](https://arxiv.org/abs/1906.04848)
