"""The pages of the manual: where they lie, what they are called, and a search through them."""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, partial
from importlib.resources import files
from pathlib import Path
from posixpath import dirname, normpath
from posixpath import join as join_path

from collector.web.manual import markdown
from collector.web.manual.markdown import Page, Passage

BASE = "/ui/manual"
INDEX = "README"
MOST_HITS = 40

_BEFORE, _AFTER = 60, 160


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage that says all the words; `excerpt` in pieces, of which every second one is a word looked for."""

    page: Page
    passage: Passage
    excerpt: Sequence[str]


def folder() -> Path:
    """In an installed package the pages lie beside this module, in a source tree in `docs/`."""
    packed = Path(str(files("collector.web.manual").joinpath("pages")))
    return packed if packed.is_dir() else Path(__file__).parents[3] / "docs"


async def page_of(name: str) -> Page | None:
    return await asyncio.to_thread(_page, name) if name in _names() else None


async def search(text: str) -> list[Hit]:
    """Passages with every word of the text, those whose heading has one first."""
    words = text.lower().split()
    return await asyncio.to_thread(_search, words) if words else []


@cache
def picture(name: str) -> bytes | None:
    """A drawing of the manual, from its own folder alone."""
    path = folder() / "images" / name
    return path.read_bytes() if re.fullmatch(r"[a-z0-9-]+\.svg", name) and path.is_file() else None


@cache
def _names() -> frozenset[str]:
    """What there is, such as `tls` or `decisions/0001-…`; looked up once, for it changes with the version alone."""
    root = folder()
    return frozenset(path.relative_to(root).with_suffix("").as_posix() for path in root.rglob("*.md"))


@cache
def _page(name: str) -> Page:
    text = (folder() / f"{name}.md").read_text("utf-8")
    return markdown.read(name, text, partial(_resolve, name))


def _resolve(page: str, href: str) -> str | None:
    """From a link between files to one between addresses."""
    path, mark, anchor = href.partition("#")
    target = normpath(join_path(dirname(page), path))
    if target.startswith("images/"):
        return f"{BASE}/{target}"
    name = target.removesuffix(".md")
    if not path.endswith(".md") or name not in _names():
        return None
    return f"{BASE}/{name}{mark}{anchor}" if name != INDEX else f"{BASE}{mark}{anchor}"


def _search(words: Sequence[str]) -> list[Hit]:
    found = []
    for page in map(_page, sorted(_names())):
        for passage in page.passages:
            title, text = f"{page.title} {passage.title}".lower(), passage.text.lower()
            if all(word in title or word in text for word in words):
                in_title = sum(word in passage.title.lower() for word in words)
                rank = (-in_title, page.name.startswith("decisions/"), passage.level, page.name)
                found.append((rank, Hit(page, passage, _excerpt(passage.text, words))))
    return [hit for _, hit in sorted(found, key=lambda pair: pair[0])[:MOST_HITS]]


def _excerpt(text: str, words: Sequence[str]) -> list[str]:
    flat = " ".join(text.split())
    places = [place for word in words if (place := flat.lower().find(word)) >= 0]
    start = max(0, min(places, default=0) - _BEFORE)
    cut = flat[start : start + _BEFORE + _AFTER]
    cut = ("… " if start else "") + cut + (" …" if start + _BEFORE + _AFTER < len(flat) else "")
    return re.split("(" + "|".join(re.escape(word) for word in words) + ")", cut, flags=re.IGNORECASE)
