"""A small store with something in it, and what a backup of it looks like."""

from pathlib import Path

from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from collector.copying import archive, backup, targets
from collector.copying.archive import About, Manifest
from collector.core.vault import Vault

TENANTS = 3


def quiet(_table: str, _rows: int) -> None:
    pass


def run(url: str, *statements: str) -> None:
    parsed = make_url(url)
    engine = create_engine(parsed if parsed.drivername == "sqlite" else parsed.set(drivername="postgresql+psycopg"))
    with engine.begin() as conn:
        for statement in statements:
            conn.execute(text(statement))
    engine.dispose()


def with_tenants(url: str) -> str:
    """The same URL, of a store that has some tenants."""
    rows = ", ".join(f"({n}, 't{n}', 'Tenant {n}', 'team', {n})" for n in range(1, TENANTS + 1))
    run(url, f"INSERT INTO tenant (id, slug, name, plan, created_at) VALUES {rows}")
    counted = "INSERT INTO counter (name, value) VALUES ('tenant', 3)"
    run(url, counted if url.startswith("sqlite") else "SELECT setval('tenant_id_seq', 3)")
    return url


def backed_up(url: str, path: Path, *, vault: Vault | None = None, keys: dict[str, bytes] | None = None) -> Path:
    about = About(version="1.2", store="sqlite", vault=vault, keys=keys or {})
    return backup.make(url, path, about, quiet).path


def manifest(path: Path) -> Manifest:
    with archive.opened(path, None) as opened:
        return opened.manifest


def restored(url: str, path: Path) -> None:
    with archive.opened(path, None) as opened, targets.emptied(url) as conn:
        targets.fill(conn, opened, opened.manifest.copied, quiet)
