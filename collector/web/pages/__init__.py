"""One module a page; its router is listed here."""

from fastapi import APIRouter

from collector.web.pages import home, signing

ROUTERS: tuple[APIRouter, ...] = (home.router, signing.router)
