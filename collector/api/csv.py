"""Lists as CSV for `Accept: text/csv`: the same rows, with a header, in the order of the JSON fields."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Literal

from fastapi import Depends, Request
from starlette.responses import Response

from common.clock import iso

Form = Literal["json", "csv"]

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def answer(columns: Sequence[str], rows: Iterable[Mapping[str, object]], *, total: int) -> Response:
    """`X-Total-Count` says how many rows there are on all pages."""
    text = header(columns) + lines(columns, rows)
    return Response(text, headers={"X-Total-Count": str(total)}, media_type="text/csv")


def header(columns: Sequence[str]) -> str:
    return _written([columns])


def lines(columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> str:
    """Some of the rows, for what is sent in pieces."""
    return _written([_cell(row[column]) for column in columns] for row in rows)


def _written(rows: Iterable[Sequence[object]]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerows(rows)
    return out.getvalue()


async def form(request: Request) -> Form:
    """CSV where the client prefers it to JSON; whoever takes both alike gets JSON."""
    wanted = {"text/csv": 0.0, "application/json": 0.0}
    for part in ",".join(request.headers.getlist("accept")).split(","):
        kind, *parameters = (word.strip().lower() for word in part.split(";"))
        if kind in wanted:
            wanted[kind] = max(wanted[kind], _quality(parameters))
    return "csv" if wanted["text/csv"] > wanted["application/json"] else "json"


WantedForm = Annotated[Form, Depends(form)]


def _quality(parameters: Iterable[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0


def _cell(value: object) -> object:
    """Text that a spreadsheet would take for a formula gets an apostrophe in front; times are as in JSON."""
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return iso(value) if isinstance(value, datetime) else value
