"""Amounts as bars beside their figures: a picture for the eye alone, since the figure stands next to it."""

from markupsafe import Markup

from collector.web.charts import svg

_WIDTH, _HEIGHT = 100, 8
_SHORTEST = 0.8
"""Something is never drawn as nothing."""


def bar(amount: float | None, most: float) -> Markup:
    """As long as `amount` is of `most`; nothing where the amount is not known."""
    length = 0.0 if not amount or most <= 0 else max(_SHORTEST, _WIDTH * min(1.0, amount / most))
    ground = svg.element("rect", width=_WIDTH, height=_HEIGHT, rx=1, class_="ground")
    filled = svg.element("rect", width=length, height=_HEIGHT, rx=1, class_="filled") if length else Markup()
    return svg.element(
        "svg",
        ground + filled,
        class_="amount",
        viewBox=f"0 0 {_WIDTH} {_HEIGHT}",
        preserveAspectRatio="none",
        aria_hidden="true",
        focusable="false",
    )
