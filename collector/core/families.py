"""What the edge knows of a family: its name, its application and how it words a problem."""

from collections.abc import Callable
from dataclasses import dataclass

from starlette.responses import Response
from starlette.types import ASGIApp

from collector.core.problems import Problem

Render = Callable[[Problem, str], Response]
"""(problem, request id) -> the answer in a family's dialect."""


@dataclass(frozen=True, slots=True)
class Family:
    """One dialect of the API with everything that speaks it."""

    name: str
    app: ASGIApp
    render: Render
    document: Callable[[], bytes] | None = None
    """Makes the OpenAPI document, of a family that publishes one."""
