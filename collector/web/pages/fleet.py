"""`/ui/fleet`: every connection at a glance, worst first."""

from collections.abc import Callable, Sequence
from typing import Annotated, Literal, NamedTuple, TypeVar, get_args

from fastapi import APIRouter, Query, Request
from markupsafe import Markup
from starlette.responses import Response

from collector.api.family import Gateway
from collector.core.problems import invalid
from collector.domain.fleet import wall
from collector.domain.fleet.choosing import CONDITIONS, ORDERS, SILENT, Sought
from collector.domain.fleet.wall import Place, Tile, Wall, Watcher
from collector.web import paging
from collector.web.auth import Reader
from collector.web.charts.spark import spark
from collector.web.rendering import show
from common.clock import utc_now

router = APIRouter(include_in_schema=False)

View = Literal["tiles", "table"]
_VIEWS: tuple[View, ...] = get_args(View)
_ROWS: dict[View, int] = {"tiles": 100, "table": paging.ROWS}
_MAX_TEXT = 200
_IN_DOUBT = {
    "silent": "Its agent does not report; the score is the last one known.",
    "stale": "No fresh results; the score is the last one known.",
}

T = TypeVar("T", bound=str)
Text = Annotated[str, Query(max_length=_MAX_TEXT)]


class Shown(NamedTuple):
    """A tile as its template needs it; `doubted`: the score is the last one that was known."""

    tile: Tile
    condition: str
    watcher: str
    picture: Markup
    worst: str
    line: str
    doubted: bool


@router.get("/ui/fleet")
async def fleet(
    request: Request,
    visitor: Reader,
    db: Gateway,
    *,
    status: Text = "",
    tier: Text = "",
    tag: Text = "",
    agent: Text = "",
    text: Text = "",
    sort: Text = "worst",
    view: Text = "tiles",
) -> Response:
    sought = Sought(
        condition=_one_of("status", status, CONDITIONS) if status else None,
        tier=tier,
        tag=tag,
        agent_id=agent,
        text=text.strip(),
        order=_one_of("sort", sort or "worst", ORDERS),
    )
    chosen_view = _one_of("view", view or "tiles", _VIEWS)
    place = Place(paging.wanted(request), _ROWS[chosen_view])
    found = await db.read(wall.wall, visitor.tenant, sought, place, utc_now(), heavy=True)
    return show(
        request,
        "fleet/fleet.html",
        wall=found,
        sought=sought,
        view=chosen_view,
        tiles=_shown(found, spark if chosen_view == "tiles" else _none),
        options=_options(found),
        conditions=[one for one in CONDITIONS if found.counts[one] or one == sought.condition],
        silent=sum(1 for one in found.watchers if one.silence == SILENT),
        page=paging.page(place.within(found.matching), found.matching, place.rows),
        filtered=bool(tier or tag or agent or text.strip()),
    )


def _options(found: Wall) -> dict[str, list[tuple[str, str]]]:
    """What each choice of the form offers, with nothing chosen first."""
    return {
        "tier": [("", "Any"), *((one, one) for one in found.tiers)],
        "tag": [("", "Any"), *((one, one) for one in found.tags)],
        "agent": [("", "Any"), *((one.id, one.name) for one in found.watchers)],
        "sort": [("worst", "Worst first"), ("score", "Score"), ("name", "Name")],
    }


def _shown(found: Wall, picture: Callable[[Sequence[float | None]], Markup]) -> list[Shown]:
    watchers = {one.id: one for one in found.watchers}
    return [_tile(tile, watchers.get(tile.member.agent_id), picture(tile.trend)) for tile in found.tiles]


def _tile(tile: Tile, watcher: Watcher | None, picture: Markup) -> Shown:
    condition = tile.member.condition
    said, finding = _IN_DOUBT.get(condition, tile.summary or ""), tile.finding
    told = finding is not None and condition in {"critical", "warning", "healthy"}
    return Shown(
        tile=tile,
        condition=condition,
        watcher=watcher.name if watcher else "revoked agent",
        picture=picture,
        worst=finding.title if finding is not None and told else said,
        line=finding.line if finding is not None and told else "",
        doubted=condition in _IN_DOUBT,
    )


def _none(_trend: Sequence[float | None]) -> Markup:
    return Markup()


def _one_of(field: str, given: str, known: Sequence[T]) -> T:
    for one in known:
        if one == given:
            return one
    raise invalid(field, given, f"one of {', '.join(known)}")
