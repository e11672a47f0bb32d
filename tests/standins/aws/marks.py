"""Facts about moto's resources that moto itself does not know; under AWS's name in snake case they are served, too."""

from typing import Any


def mark(thing: object, **facts: Any) -> None:
    vars(thing).update(facts)


def marked(thing: object, name: str, default: Any = None) -> Any:
    return vars(thing).get(name, default)
