"""Pure: where the parts of a page are, in the collector and in a folder of files."""

from dataclasses import dataclass

from collector.api.public.auth import PREFIX as JSON
from collector.web import assets

PREFIX = "/status"
STATIC = f"{PREFIX}/-/"
"""What belongs to no tenant: no slug is a dash."""
STYLE, ICON = "app.css", "icon.svg"


@dataclass(frozen=True, slots=True)
class Places:
    """`root`: what paths of pages begin with; `data`: what those of feed, badges and JSON do; `suffix`: of pages."""

    root: str
    data: str
    suffix: str
    live: bool

    @property
    def home(self) -> str:
        return self.root if self.live else f"{self.root}/index.html"

    @property
    def maintenance(self) -> str:
        return f"{self.root}/maintenance{self.suffix}"

    @property
    def feed(self) -> str:
        return f"{self.data}/feed.atom"

    @property
    def badge(self) -> str:
        return f"{self.data}/badge.svg"

    @property
    def summary(self) -> str:
        return f"{self.data}/summary" + ("" if self.live else ".json")

    @property
    def subscribe(self) -> str:
        return f"{self.root}/subscribe"

    def incident(self, number: int) -> str:
        return f"{self.root}/incidents/{number}{self.suffix}"

    def month(self, name: str) -> str:
        return f"{self.root}/history/{name}{self.suffix}"

    def asset(self, name: str) -> str:
        """Own paths, so that a proxy can publish status pages and nothing else."""
        return STATIC + assets.url_of(name).removeprefix(f"{assets.PREFIX}/") if self.live else f"{self.root}/{name}"


def in_collector(slug: str) -> Places:
    return Places(f"{PREFIX}/{slug}", f"{JSON}/{slug}", "", live=True)


def in_folder(depth: int) -> Places:
    """`depth`: how many folders the page lies below the first one."""
    root = "/".join([".."] * depth) or "."
    return Places(root, root, ".html", live=False)
