"""One module a page; its router is listed here."""

from fastapi import APIRouter

from collector.web.pages import (
    account,
    credentials,
    docs,
    fleet,
    home,
    invitation,
    members,
    recommendations,
    second_factor,
    service_forms,
    services,
    settings,
    setup,
    signing,
    single_sign_on,
)

ROUTERS: tuple[APIRouter, ...] = (
    account.router,
    credentials.router,
    docs.router,
    fleet.router,
    home.router,
    invitation.router,
    members.router,
    recommendations.router,
    second_factor.router,
    service_forms.router,
    services.router,
    settings.router,
    setup.router,
    signing.router,
    single_sign_on.router,
)
