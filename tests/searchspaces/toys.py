"""Small spaces of values, importable without torch, so that another process can make them from their config."""

from __future__ import annotations

from searchspaces.space import Choice, Space


class Toy(Space):
    """Conditions on names, on numbers and on a conditional choice; priors; a block of two."""

    def __init__(self) -> None:
        choices = [
            Choice("head", ("none", "linear", "mlp"), (0.2, 0.3, 0.5)),
            Choice("depth", 3, when=("head", ("mlp", "linear"))),
            Choice("skip", 2, when=("depth", (1, 2))),
            Choice("norm", ("batch", "none"), (0.75, 0.25)),
        ]
        super().__init__("toy", choices, blocks=[slice(0, 3), slice(3, 4)])


class Categorical(Space):
    """Independent choices of equally many options."""

    def __init__(self, edges: int = 6, *, options: int = 5) -> None:
        super().__init__("categorical", [Choice(f"edge{i}", options) for i in range(edges)])
        self.edges, self.options = edges, options
