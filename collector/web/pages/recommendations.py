"""What AWS accounts cost needlessly: sums, the list, decisions about many or one, and the list as CSV."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal, NamedTuple

from fastapi import APIRouter, Depends, Request
from pydantic import Field
from starlette.responses import Response

from collector.api import csv
from collector.api.family import Gateway
from collector.api.tuner.recommendations import COLUMNS, as_row
from collector.core import problems
from collector.core.problems import Problem, Refusal
from collector.domain.access.rules import Act
from collector.domain.accounts import store as accounts
from collector.domain.costs import deciding, listing, store
from collector.domain.costs.listing import Choices, Found, Query
from collector.domain.costs.rules import Kept, Status, choices
from collector.web import deciding as shaping
from collector.web import filters, forms, paging, savings
from collector.web.auth import Reader, Visitor, may
from collector.web.deciding import Choice
from collector.web.rendering import done, show
from common.clock import utc_now

router = APIRouter(include_in_schema=False)
PATH = "/ui/recommendations"
MOST_EXPORTED = 20_000
_LONG = 60
_LIST, _ONE = "recommendations/list.html", "recommendations/one.html"

Handler = Annotated[Visitor, Depends(may("handle_recommendations"))]
Word = Annotated[str, Field(max_length=100)]
Names = Mapping[str, str]


class Wanted(forms.Form):
    """The filters of the list; without a status what is still open."""

    account: Word | None = None
    region: Word | None = None
    category: Literal["Cleaner", "OverProvisioned", "Modernization", "PotentialBenefits"] | None = None
    factor: Word | None = None
    risk: Literal["LOW", "MEDIUM", "HIGH"] | None = None
    status: Literal["GENERATED", "SNOOZED", "IMPLEMENTED", "DISMISSED", "ALL"] = "GENERATED"
    text: Word | None = None
    also: Literal["", "covered"] = ""
    page: str = ""

    def query(self) -> Query:
        status: Status | None = None if self.status == "ALL" else self.status
        return Query(
            account_id=self.account,
            region=self.region,
            category=self.category,
            factor=self.factor,
            risk=self.risk,
            status=status,
            text=self.text,
            suppressed=self.also == "covered",
        )

    @property
    def narrowed(self) -> bool:
        """Whether anything but the status narrows the list down."""
        return any((self.account, self.region, self.category, self.factor, self.risk, self.text))


class Around(NamedTuple):
    """What the list needs beside its rows."""

    accounts: Names
    choices: Choices


@router.get(PATH)
async def page(request: Request, visitor: Reader, db: Gateway) -> Response:
    return await _list(request, visitor, db)


@router.post(PATH)
async def decide_all(request: Request, visitor: Handler, db: Gateway) -> Response:
    pairs = await forms.fields(request)
    chosen, act = frozenset(value for name, value in pairs if name == "id"), Act(visitor.email, utc_now())
    try:
        ids, wanted = shaping.asked(pairs, act)
    except forms.NotFilled as wrong:
        return await _list(request, visitor, db, wrong=wrong, chosen=chosen)
    made = await db.write(deciding.decide_all, visitor.tenant, ids, wanted, act)
    return done(request, shaping.told(made, wanted), to=_here(request))


@router.get(PATH + "/export.csv")
async def export(request: Request, visitor: Reader, db: Gateway) -> Response:
    wanted = _wanted(request)
    found = await db.read(listing.page, visitor.tenant, wanted.query(), 0, MOST_EXPORTED, heavy=True)
    total = found.sums.total.number
    if total > MOST_EXPORTED:
        expected = f"filters that leave at most {MOST_EXPORTED:,}"
        raise problems.invalid("recommendations", f"{total:,}", expected)
    answer = csv.answer(COLUMNS, [as_row(row) for row in found.rows], total=total)
    answer.headers["Content-Disposition"] = 'attachment; filename="recommendations.csv"'
    return answer


@router.get(PATH + "/{rec_id}")
async def one(request: Request, rec_id: str, visitor: Reader, db: Gateway) -> Response:
    return await _detail(request, visitor, db, rec_id)


@router.post(PATH + "/{rec_id}")
async def decide(request: Request, rec_id: str, visitor: Handler, db: Gateway) -> Response:
    act = Act(visitor.email, utc_now())
    try:
        wanted = shaping.decision(await forms.filled(request, Choice), act)
        made = await db.write(deciding.decide, visitor.tenant, rec_id, wanted, act)
    except forms.NotFilled as wrong:
        return await _detail(request, visitor, db, rec_id, wrong=wrong)
    except Refusal as refusal:
        raise Problem(409, "conflict", f"{refusal}.") from refusal
    if made is None:
        raise problems.not_found()
    return done(request, f"The recommendation is {shaping.word(wanted)}.", to=f"{PATH}/{rec_id}")


async def _list(
    request: Request,
    visitor: Visitor,
    db: Gateway,
    *,
    wrong: forms.NotFilled | None = None,
    chosen: frozenset[str] = frozenset(),
) -> Response:
    wanted, number = _wanted(request), paging.wanted(request)
    found: Found = await db.read(listing.page, visitor.tenant, wanted.query(), paging.offset(number), paging.ROWS)
    around = await _around(db, visitor.tenant)
    return show(
        request,
        _LIST,
        status=422 if wrong else 200,
        wanted=wanted,
        found=found,
        lines=[_line(row, around.accounts) for row in found.rows],
        total=savings.amount(found.sums.total),
        by_category=savings.parts(found.sums.by_category, savings.CATEGORIES),
        by_account=savings.parts(found.sums.by_account, around.accounts),
        around=around,
        named_accounts=[(one, around.accounts.get(one, one)) for one in around.choices.accounts],
        factors=[(one, filters.words(one.lower())) for one in around.choices.factors],
        regions=[(one, one) for one in around.choices.regions],
        kinds=savings,
        page=paging.page(number, found.sums.total.number),
        can=visitor.may("handle_recommendations"),
        chosen=chosen,
        errors=wrong.errors if wrong else {},
        given={**(wrong.given if wrong else {})},
        until=shaping.usual(utc_now()),
    )


async def _detail(
    request: Request, visitor: Visitor, db: Gateway, rec_id: str, *, wrong: forms.NotFilled | None = None
) -> Response:
    found = await db.read(store.find, visitor.tenant, rec_id)
    if found is None:
        raise problems.not_found("There is no such recommendation.")
    linked = await db.read(accounts.find, visitor.tenant, found.account_id)
    allowed = choices(found.status) if visitor.may("handle_recommendations") and found.ended_at is None else ()
    return show(
        request,
        _ONE,
        status=422 if wrong else 200,
        rec=found,
        account=linked.name if linked else "",
        price=savings.price(found),
        annual=savings.annual(found.monthly_savings),
        standing=savings.standing(found, utc_now()),
        primary=savings.primary(found),
        facts=_facts(found),
        evidence=found.evidence,
        allowed=allowed,
        kinds=savings,
        errors=wrong.errors if wrong else {},
        given=wrong.given if wrong else {},
        until=shaping.usual(utc_now()),
    )


class Line(NamedTuple):
    """One row of the list."""

    rec: Kept
    account: str
    price: str
    standing: str
    id: str
    open: bool


def _line(row: Kept, names: Names) -> Line:
    decidable = bool(choices(row.status)) and row.ended_at is None
    account = names.get(row.account_id, row.account_id)
    return Line(row, account, savings.price(row), savings.standing(row, utc_now()), _short(row.resource_id), decidable)


def _short(name: str) -> str:
    """A long id by its beginning and its end; its own page has all of it."""
    return name if len(name) <= _LONG else f"{name[: _LONG // 2]}…{name[-_LONG // 2 :]}"


def _facts(row: Kept) -> Sequence[tuple[str, str]]:
    """What the scan knows of the resource."""
    return [(name, str(value)) for name, value in row.facts.items() if value is not None and value != ""]


def _wanted(request: Request) -> Wanted:
    return forms.check([pair for pair in request.query_params.multi_items() if pair[0] != "part"], Wanted)


def _here(request: Request) -> str:
    """The same list again, wherever the browser says that it was."""
    return PATH + (f"?{request.url.query}" if request.url.query else "")


async def _around(db: Gateway, tenant: int) -> Around:
    linked = await db.read(accounts.all_linked, tenant)
    return Around({one.account_id: one.name for one in linked}, await db.read(listing.choices, tenant))
