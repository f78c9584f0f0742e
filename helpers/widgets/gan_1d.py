"""The 1-D GAN player: a generator and a discriminator learning from each other, frame by frame.

Two lines in an empty notebook show it::

    from helpers.widgets.gan_1d import Gan1dPlayer
    Gan1dPlayer()

It is one piece of HTML with its frames inside, so it also plays in a saved notebook, in a page made
by nbconvert, in Colab and in VS Code, without a kernel. The bundled runs were trained by
``helpers.widgets.gan_1d_runs``; what is drawn comes from ``gan_1d_view`` and ``gan_1d_script``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from helpers.widgets import gan_1d_view as view

if TYPE_CHECKING:
    from helpers.pytorch.gan_1d import History


class Gan1dPlayer:
    """Densities, discriminator, fakes and losses of 1-D GANs while they train.

    histories : runs of ``helpers.pytorch.gan_1d.train`` by name; the bundled runs if not given.

    ``runs`` holds what the page shows, by name. Raises ValueError for no runs, TypeError for
    something that is not a history.
    """

    def __init__(self, histories: Mapping[str, History] | None = None) -> None:
        if histories is None:
            self.runs = view.load_runs()
        elif not isinstance(histories, Mapping):
            raise TypeError(
                f"{type(histories).__name__} given: give histories by name, as in "
                "Gan1dPlayer({'my run': history})"
            )
        else:
            self.runs = {str(name): _packed(name, each) for name, each in histories.items()}
        self._html = view.player_html(self.runs)

    def _repr_html_(self) -> str:
        return self._html

    def __repr__(self) -> str:
        return view.sentence(list(self.runs))


def _packed(name: str, history: History) -> view.PackedRun:
    if not hasattr(history, "fake_density"):
        raise TypeError(
            f"{name!r} is a {type(history).__name__}: give a history, what "
            "helpers.pytorch.gan_1d.train returns"
        )
    return view.pack(history)
