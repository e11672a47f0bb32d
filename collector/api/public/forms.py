"""Tiny pages behind the links in mails: a text and at most one button, without a script."""

from html import escape

from starlette.responses import Response

from collector.domain.statuspage.rules import Page

_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Robots-Tag": "noindex",
}


def ask(page: Page, label: str, token: str) -> Response:
    """The button does what the link alone does not; it posts to where it stands."""
    form = f'<form method="post" action="?token={escape(token)}"><button type="submit">{escape(label)}</button></form>'
    return _page(page, f"<p>{escape(page.title)}</p>{form}", 200)


def done(page: Page, text: str) -> Response:
    return _page(page, f"<p>{escape(text)}</p>", 200)


def void(page: Page) -> Response:
    text = "This link is not valid, or not any more. Subscribe once more to get a new one."
    return _page(page, f"<p>{escape(text)}</p>", 404)


def _page(page: Page, body: str, status: int) -> Response:
    title = escape(page.title)
    view = '<meta name="viewport" content="width=device-width, initial-scale=1">'
    head = f'<meta charset="utf-8">{view}<title>{title}</title>'
    html = (
        f'<!doctype html><html lang="en"><head>{head}</head><body><main><h1>{title}</h1>{body}</main></body></html>\n'
    )
    return Response(html, status, _HEADERS, "text/html")
