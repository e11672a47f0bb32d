"""One module a page; its router is listed here."""

from fastapi import APIRouter

from collector.web.pages import (
    credentials,
    docs,
    fleet,
    home,
    members,
    recommendations,
    service_forms,
    services,
    settings,
    signing,
)

ROUTERS: tuple[APIRouter, ...] = (
    credentials.router,
    docs.router,
    fleet.router,
    home.router,
    members.router,
    recommendations.router,
    service_forms.router,
    services.router,
    settings.router,
    signing.router,
)
