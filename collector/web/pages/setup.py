"""The first page of a new collector: its first tenant and owner, for who can read this host's files."""

import re
from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import Field
from starlette.responses import Response

from collector.api.family import Gateway
from collector.api.logins import Logins
from collector.core import setup_code
from collector.core.problems import Problem, Refusal, not_found
from collector.core.settings import Settings
from collector.domain.access import founding
from collector.domain.access.founding import FoundedAlready, Founding
from collector.domain.access.passwords import check_password
from collector.domain.access.rules import Act, check_email, check_name
from collector.domain.tenants.rules import check_slug
from collector.domain.tenants.store import NewMember, NewTenant
from collector.web import forms
from collector.web.checks import rule
from collector.web.opening import opened
from collector.web.pages.signing import SETUP, errors_of, limited, status_of
from collector.web.rendering import show
from common.clock import utc_now

router = APIRouter(include_in_schema=False)
_NO_SLUG = re.compile(r"[^a-z0-9]+")
_MAX_SLUG = 63


class NewCollector(forms.Form):
    """What is needed to begin; an empty slug follows from the organisation's name."""

    code: Annotated[str, Field(max_length=64)]
    organisation: Annotated[str, rule(check_name)]
    slug: Annotated[str, rule(check_slug)] = ""
    name: Annotated[str, rule(check_name)]
    email: Annotated[str, rule(check_email)]
    password: Annotated[str, rule(check_password)]
    password_again: str


@router.get(SETUP)
async def ask(request: Request, db: Gateway) -> Response:
    await _still_new(db)
    return show(request, "setup/setup.html", errors={}, given={}, path=_settings(request).setup_code_path)


@router.post(SETUP)
async def found(request: Request, db: Gateway) -> Response:
    await _still_new(db)
    logins: Logins = request.app.state.logins
    path = _settings(request).setup_code_path
    given = forms.shown(await forms.fields(request))
    try:
        wanted = _twice_the_same(await forms.filled(request, NewCollector))
        await limited(request)
        if not setup_code.matches(path, wanted.code):
            raise forms.NotFilled({"code": "not the code in that file"}, given)
        new = _founding(wanted, await logins.hashing.hashed(wanted.password))
        who = await db.write(founding.found, new, Act(wanted.email, utc_now()))
    except FoundedAlready:
        raise not_found() from None
    except Refusal as refusal:
        return _again(request, forms.NotFilled({"": str(refusal)}, given), given)
    except Problem as problem:
        return _again(request, problem, given)
    setup_code.forget(path)
    return await opened(request, db, who, "password", "/ui")


def slug_of(organisation: str) -> str:
    """`Acme & Söhne` becomes `acme-s-hne`: short, and good enough where nobody wants another."""
    return _NO_SLUG.sub("-", organisation.lower())[:_MAX_SLUG].strip("-") or "main"


async def _still_new(db: Gateway) -> None:
    if not await db.read(founding.is_new):
        raise not_found()


def _twice_the_same(wanted: NewCollector) -> NewCollector:
    if wanted.password != wanted.password_again:
        raise forms.NotFilled({"password_again": "expected the same password"}, {})
    return wanted


def _founding(wanted: NewCollector, password_hash: str) -> Founding:
    slug = wanted.slug or slug_of(wanted.organisation)
    return Founding(
        tenant=NewTenant(slug=slug, name=wanted.organisation, plan="enterprise"),
        owner=NewMember(name=wanted.name, email=wanted.email, role="owner"),
        password_hash=password_hash,
    )


def _again(request: Request, problem: Problem, given: Mapping[str, str]) -> Response:
    path, errors = _settings(request).setup_code_path, errors_of(problem)
    return show(request, "setup/setup.html", status=status_of(problem), errors=errors, given=given, path=path)


def _settings(request: Request) -> Settings:
    settings: Settings = request.app.state.settings
    return settings
