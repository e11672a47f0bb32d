"""The few elements of SVG that pictures are made of."""

from collections.abc import Iterable, Sequence

from markupsafe import Markup, escape

Number = int | float


def picture(
    title: str, width: Number, height: Number, *parts: Markup, kind: str = "chart", stretch: bool = False
) -> Markup:
    """The whole: it scales to the room that it has, and is announced by its title; `stretch`: both ways by itself."""
    free = Markup(' preserveAspectRatio="none"') if stretch else Markup()
    opening = Markup('<svg class="{}" viewBox="0 0 {} {}"{} role="img" aria-label="{}"><title>{}</title>')
    whole = opening.format(kind, short(width), short(height), free, title, title)
    return whole + Markup().join(parts) + Markup("</svg>")


def element(name: str, content: str | Markup = "", /, **attributes: Number | str | None) -> Markup:
    """One element; `class_` is `class`, `_` in names is `-`, what is None is left out."""
    said = "".join(  # pages have thousands of these, and Markup's own formatting is slow
        f' {key.rstrip("_").replace("_", "-")}="{escape(short(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    return Markup(f"<{name}{said}>{escape(content)}</{name}>")  # noqa: S704 - all that is not constant is escaped


def group(parts: Iterable[Markup], **attributes: Number | str | None) -> Markup:
    return element("g", Markup().join(parts), **attributes)


def path(points: Sequence[tuple[Number, Number]], **attributes: Number | str | None) -> Markup:
    """A line through these points."""
    steps = " ".join(f"{'L' if n else 'M'}{short(x)} {short(y)}" for n, (x, y) in enumerate(points))
    return element("path", d=steps, **attributes)


def short(value: Number | str) -> str:
    """A number with no more digits than one can see."""
    if isinstance(value, float):
        return f"{value:.2f}".rstrip("0").rstrip(".")
    return str(value)
