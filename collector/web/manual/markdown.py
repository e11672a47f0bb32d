"""One page of Markdown as HTML: headings with anchors, tables that scroll, code to copy; raw HTML stays text."""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup, escape

Resolve = Callable[[str], str | None]
"""Where a relative link leads in the browser; None where it leads out of the manual."""

_NO_WORD = re.compile(r"[^\w\- ]")
_MARKERS = re.compile(r"<!--.*?-->\n?", re.DOTALL)
_ABSOLUTE = re.compile(r"[a-z][a-z0-9+.-]*:|//", re.IGNORECASE)
_TITLE_LEVEL = 2


@dataclass(frozen=True, slots=True)
class Passage:
    """What stands under one heading, as plain text to search in."""

    title: str
    anchor: str
    level: int
    text: str


@dataclass(frozen=True, slots=True)
class Page:
    """One page of the manual; `summary` is its first paragraph."""

    name: str
    title: str
    summary: str
    html: Markup
    passages: Sequence[Passage]

    @property
    def contents(self) -> Sequence[Passage]:
        """Second-level headings, for the list at the top."""
        return [one for one in self.passages if one.level == _TITLE_LEVEL]


def anchors(titles: Sequence[str]) -> list[str]:
    """The anchors of a page's headings, as code hosts make them: repeated ones get a number."""
    seen: Counter[str] = Counter()
    made = []
    for title in titles:
        slug = _NO_WORD.sub("", title.strip().lower()).replace(" ", "-")
        made.append(f"{slug}-{seen[slug]}" if seen[slug] else slug)
        seen[slug] += 1
    return made


def read(name: str, text: str, resolve: Resolve) -> Page:
    """Render a page; what it says of itself comes from its first heading and its first paragraph."""
    tokens = _parser().parse(_MARKERS.sub("", text))
    headings = [index for index, token in enumerate(tokens) if token.type == "heading_open"]
    titles = [_plain(tokens[index + 1]) for index in headings]
    for index, anchor in zip(headings, anchors(titles), strict=True):
        tokens[index].attrSet("id", anchor)
    _lead(tokens, resolve)
    html = Markup(_parser().renderer.render(tokens, _parser().options, {}))  # noqa: S704 - raw HTML is off
    return Page(name, titles[0] if titles else name, _summary(tokens), html, _passages(tokens, headings, titles))


@cache
def _parser() -> MarkdownIt:
    made = MarkdownIt("commonmark", {"html": False}).enable("table")
    made.add_render_rule("fence", _code)
    made.add_render_rule("code_block", _code)
    made.add_render_rule("table_open", lambda *_: '<div class="scroll" tabindex="0" role="group"><table>\n')
    made.add_render_rule("table_close", lambda *_: "</table></div>\n")
    return made


def _code(_self: object, tokens: Sequence[Token], index: int, _options: object, _env: object) -> str:
    text = escape(tokens[index].content.rstrip("\n"))
    button = '<button type="button" data-copy hidden>Copy</button>'
    return f'<div class="copy"><pre tabindex="0"><code>{text}</code></pre>{button}</div>\n'


def _lead(tokens: Sequence[Token], resolve: Resolve) -> None:
    """Point links and pictures to where the collector has them; links that lead out of the manual become text."""
    for token in tokens:
        open_links: list[bool] = []
        for child in token.children or ():
            if child.type == "link_open":
                target = _target(str(child.attrGet("href") or ""), resolve)
                open_links.append(target is not None)
                child.attrs = {"href": target} if target is not None else {}
            if child.type in {"link_open", "link_close"} and not open_links[-1]:
                child.tag = "span"
            if child.type == "link_close":
                open_links.pop()
            if child.type == "image":
                child.attrSet("src", resolve(str(child.attrGet("src") or "")) or "")


def _target(href: str, resolve: Resolve) -> str | None:
    """Anchors stay, relative links are resolved; what leads to other hosts is text, for there may be no way to them."""
    if href.startswith("#"):
        return href
    return None if _ABSOLUTE.match(href) else resolve(href)


def _plain(token: Token) -> str:
    """An inline token without its marks."""
    kept = {"text", "code_inline", "softbreak"}
    return "".join(
        " " if child.type == "softbreak" else child.content for child in token.children or () if child.type in kept
    )


def _summary(tokens: Sequence[Token]) -> str:
    return next((_plain(tokens[i + 1]) for i, token in enumerate(tokens) if token.type == "paragraph_open"), "")


def _passages(tokens: Sequence[Token], headings: Sequence[int], titles: Sequence[str]) -> list[Passage]:
    ends = [*headings[1:], len(tokens)][: len(headings)]
    return [
        Passage(title, str(tokens[start].attrGet("id")), int(tokens[start].tag[1:]), _text(tokens[start + 3 : end]))
        for start, end, title in zip(headings, ends, titles, strict=True)
    ]


def _text(tokens: Sequence[Token]) -> str:
    parts = [
        _plain(token) if token.type == "inline" else token.content
        for token in tokens
        if token.type in {"inline", "fence", "code_block"}
    ]
    return "\n".join(parts)
