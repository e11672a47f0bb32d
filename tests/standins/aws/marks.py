"""Facts about moto's resources that moto itself does not know; under AWS's name in snake case they are served, too."""

from typing import Any


def mark(thing: object, **facts: Any) -> None:
    for name, value in facts.items():
        setattr(thing, name, value)


def marked(thing: object, name: str, default: Any = None) -> Any:
    return vars(thing).get(name, default)
