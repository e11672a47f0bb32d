"""`/ui/settings`: what its pages share: their tabs, how a refusal is shown, and secrets that are shown once."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from collector.core.problems import Refusal
from collector.domain.access.rules import Permission
from collector.web.auth import Reader, Visitor
from collector.web.forms import Form, NotFilled
from collector.web.rendering import show

router = APIRouter(include_in_schema=False)

PREFIX = "/ui/settings"
ROWS = 50
_SEE_OTHER = 303
_MAX_SHOWN = 500


class Tab(NamedTuple):
    """One page of the settings, for whoever may do this."""

    path: str
    title: str
    permission: Permission


TABS: tuple[Tab, ...] = (
    Tab(f"{PREFIX}/members", "Members", "read"),
    Tab(f"{PREFIX}/keys", "API keys", "change_keys"),
    Tab(f"{PREFIX}/tokens", "API tokens", "change_tokens"),
    Tab(f"{PREFIX}/webhooks", "Webhooks and channels", "read"),
    Tab(f"{PREFIX}/rules", "Alert rules", "read"),
    Tab(f"{PREFIX}/thresholds", "Thresholds", "read"),
    Tab(f"{PREFIX}/status-page", "Status page", "read"),
    Tab(f"{PREFIX}/plan", "Plan", "read"),
)


class Page(NamedTuple):
    """Which rows of a list are shown; as `kit.pager` wants it."""

    number: int
    pages: int
    total: int

    @property
    def offset(self) -> int:
        return (self.number - 1) * ROWS


class Secret(NamedTuple):
    """What is shown this once. `what`: "API key"; `facts`: name and value; `hint`: what it is for."""

    what: str
    name: str
    secret: str
    back: str
    hint: str = ""
    link: str = ""
    facts: Sequence[tuple[str, object]] = ()


@router.get(PREFIX)
async def first(_visitor: Reader) -> Response:
    return RedirectResponse(TABS[0].path, _SEE_OTHER)


def page(request: Request, template: str, visitor: Visitor, *, status: int = 200, **parts: object) -> Response:
    """A page of the settings, under its tabs."""
    path = request.url.path
    tabs = [
        (tab.path, tab.title, path == tab.path or path.startswith(tab.path + "/"))
        for tab in TABS
        if visitor.may(tab.permission)
    ]
    return show(request, f"settings/{template}", status=status, tabs=tabs, **parts)


def once(request: Request, visitor: Visitor, made: Secret) -> Response:
    """The only page that ever shows this secret: nobody keeps it, and it is no answer to a GET."""
    answer = page(request, "secret.html", visitor, made=made)
    answer.headers["Cache-Control"] = "no-store"
    return answer


def page_of(request: Request, total: int) -> Page:
    """The page that is asked for, or the last there is."""
    asked = request.query_params.get("page", "1")
    pages = max(1, -(-total // ROWS))
    number = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 10 else 1  # noqa: PLR2004 - digits
    return Page(min(max(1, number), pages), pages, total)


def given_of(form: Form) -> Mapping[str, str]:
    """What was filled in, to be shown again."""
    return {name: _written(value) for name, value in form.model_dump().items() if value is not None}


def errors(wrong: NotFilled | None) -> dict[str, Mapping[str, str]]:
    """What the macros of forms want to know."""
    return {"errors": wrong.errors if wrong else {}, "given": wrong.given if wrong else {}}


@contextmanager
def told(form: Form | None = None, *, names: Mapping[str, str] | None = None) -> Iterator[None]:
    """What the domain does not take becomes an error of the form: of a field where it names one (`field: value; …`).

    `names`: fields that are called otherwise in the form.
    """
    try:
        yield
    except (Refusal, ValueError) as error:
        text = str(error)[:_MAX_SHOWN]
        field, colon, rest = text.partition(": ")
        field = (names or {}).get(field, field)
        if form is None or not colon or field not in type(form).model_fields:
            raise NotFilled({"": _sentence(text)}, given_of(form) if form else {}) from error
        raise NotFilled({field: _sentence(rest)}, given_of(form)) from error


def _written(value: object) -> str:
    """As a browser would send it."""
    if isinstance(value, bool):
        return "true" if value else ""
    return str(value).removesuffix(".0") if isinstance(value, float) else str(value)


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:].rstrip(".") + "."
