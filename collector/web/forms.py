"""Forms as browsers send them: read within bounds, checked by a model, and shown again with what was wrong."""

from collections.abc import Mapping, Sequence
from typing import TypeVar
from urllib.parse import parse_qsl

from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.requests import Request

from collector.core.problems import Problem, invalid

MAX_FIELDS = 2000
_URLENCODED = "application/x-www-form-urlencoded"
_SECRET = ("password", "secret", "token", "code")


class Form(BaseModel):
    """A form's fields; what it does not know is refused. Empty fields are left out before it sees them."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


F = TypeVar("F", bound=Form)


class NotFilled(Problem):
    """What is wrong, by field (`""`: with the whole), and what was given, without anything secret.

    A page that does not show its form again lets it pass: it is a problem like any other.
    """

    def __init__(self, errors: Mapping[str, str], given: Mapping[str, str]) -> None:
        text = "; ".join(f"{field}: {text}" if field else text for field, text in errors.items())
        super().__init__(400, "invalid_request", text)
        self.errors = errors
        self.given = given


async def fields(request: Request) -> Sequence[tuple[str, str]]:
    """All fields of an urlencoded body, in their order; the family bounds its size."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    body = await request.body()
    if body and kind != _URLENCODED:
        raise Problem(415, "invalid_request", f"Content-Type: {kind[:80]!r}; expected {_URLENCODED}.")
    try:
        return parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MAX_FIELDS, errors="strict")
    except (UnicodeDecodeError, ValueError):
        raise invalid("body", "…", f"UTF-8 text with at most {MAX_FIELDS} fields") from None


async def filled(request: Request, form: type[F]) -> F:
    """The form, checked; `NotFilled` says what is wrong. A field that takes several values is a tuple or list in it."""
    return check(await fields(request), form)


def check(pairs: Sequence[tuple[str, str]], form: type[F]) -> F:
    several = {name for name, info in form.model_fields.items() if _takes_several(info.annotation)}
    given: dict[str, object] = {name: [] for name in several}
    for name, value in pairs:
        if name in several:
            given[name] = [*_list(given[name]), *([value] if value else [])]
        elif value.strip():
            given[name] = value
    try:
        return form.model_validate(given)
    except ValidationError as error:
        raise NotFilled(errors_of(error), shown(pairs)) from None


def shown(pairs: Sequence[tuple[str, str]]) -> Mapping[str, str]:
    """What was given, to be shown again: nothing secret."""
    return {name: value for name, value in pairs if not any(word in name.lower() for word in _SECRET)}


def errors_of(error: ValidationError) -> Mapping[str, str]:
    """What a model says of what it was given, by field."""
    found: dict[str, str] = {}
    for one in error.errors(include_url=False, include_context=False, include_input=False):
        field = str(one["loc"][0]) if one["loc"] else ""
        text = "missing; expected a value" if one["type"] == "missing" else str(one["msg"])
        found.setdefault(field, text.removeprefix("Value error, "))
    return found


def _takes_several(annotation: object) -> bool:
    origin = getattr(annotation, "__origin__", annotation)
    return origin in {tuple, list}


def _list(value: object) -> list[str]:
    return value if isinstance(value, list) else []
