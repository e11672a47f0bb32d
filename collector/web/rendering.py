"""Pages from templates: `show` a page or one region of it, `done` after a change."""

from collections.abc import Mapping
from datetime import UTC
from functools import cache
from urllib.parse import quote, unquote, urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined
from lucide.jinja import lucide
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from collector.core.problems import not_found
from collector.web import assets, filters, navigation
from common.clock import utc_now

FLASH = "fieldpost_flash"
THEME = "fieldpost_theme"
THEMES = ("auto", "light", "dark")
_MAX_FLASH = 400
_SEE_OTHER = 303


@cache
def _icon(name: str, size: int = 16) -> Markup:
    """A picture beside words, which says nothing of its own; kept, since making it takes a third of a millisecond."""
    return Markup(lucide(name, size=size, aria_hidden="true", focusable="false"))  # noqa: S704 - from a package


def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("collector.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.globals.update(asset=assets.url_of, icon=_icon)
    made.filters.update(filters.FILTERS)
    return made


environment = _environment()


def show(request: Request, template: str, *, status: int = 200, **parts: object) -> Response:
    """A page; with `?part=name` only its block of that name, for a region that renews itself.

    Templates find `visitor` (None where nobody is signed in), `here` (path and query), `now`, `nav` and `with_query`.
    """
    visitor = request.scope["state"].get("caller")
    context = {
        "visitor": visitor,
        "now": utc_now().astimezone(UTC),
        "here": _here(request),
        "path": request.url.path,
        "with_query": lambda **changes: _with_query(request, changes),
        "nav": navigation.of(visitor, request.url.path) if visitor else (),
        "theme": theme_of(request),
        "flash": _flash(request),
        "shortage": request.app.state.shortage(),
        **parts,
    }
    part = request.query_params.get("part")
    if part is None:
        answer = HTMLResponse(environment.get_template(template).render(context), status)
        if request.cookies.get(FLASH):
            answer.delete_cookie(FLASH, path="/ui")
        return answer
    return HTMLResponse(_region(template, part, context), status)


def done(request: Request, message: str, *, to: str | None = None) -> Response:
    """What a form answers: on to a page (`to`; else where the form is), which says once what was done."""
    target = to or _back(request)
    answer = Response(b"", _SEE_OTHER, {"Location": target})
    if message:
        answer.set_cookie(FLASH, quote(message[:_MAX_FLASH]), max_age=60, path="/ui", httponly=True, samesite="lax")
    return answer


def theme_of(request: Request) -> str:
    chosen = request.cookies.get(THEME, "auto")
    return chosen if chosen in THEMES else "auto"


def is_ours(target: str) -> bool:
    """Whether a path leads to a page of this collector and nowhere else."""
    return target.startswith("/ui") and target[3:4] in {"", "/", "?"} and "\\" not in target and target.isprintable()


def _region(template: str, name: str, context: Mapping[str, object]) -> str:
    """A block by itself: what its template imports at the top is not there, but for the kit."""
    chosen = environment.get_template(template)
    block = chosen.blocks.get(name)
    if block is None:
        raise not_found(f"part: {name[:40]!r}; expected one of {', '.join(sorted(chosen.blocks))}")
    kit = environment.get_template("kit.html").make_module(dict(context))
    return "".join(block(chosen.new_context({**context, "kit": kit})))


def _flash(request: Request) -> str:
    return unquote(request.cookies.get(FLASH, ""))[:_MAX_FLASH]


def _here(request: Request) -> str:
    pairs = [(name, value) for name, value in request.query_params.multi_items() if name != "part"]
    return request.url.path + (f"?{urlencode(pairs)}" if pairs else "")


def _with_query(request: Request, changes: Mapping[str, object]) -> str:
    """This page with other parameters; None leaves one out."""
    kept = [(name, value) for name, value in request.query_params.multi_items() if name not in {*changes, "part"}]
    pairs = kept + [(name, str(value)) for name, value in changes.items() if value is not None]
    return request.url.path + (f"?{urlencode(pairs)}" if pairs else "")


def _back(request: Request) -> str:
    """The page from which a form was sent, without its host; browsers tell it, since it is ours."""
    sent_from = request.headers.get("referer", "")
    path = "/" + sent_from.split("/", 3)[3] if sent_from.count("/") > 2 else ""  # noqa: PLR2004 - scheme://host/path
    return path if is_ours(path) else "/ui"
