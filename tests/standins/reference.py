"""Reference data for the demo: a signed table in which the estate's healthy releases are as young as they should be."""

from datetime import date, timedelta
from pathlib import Path

from common.identity import PrivateKey
from common.sealed import seal

_YOUNG = timedelta(days=60)
_SUPPORTED = timedelta(days=1500)


def publish(config_dir: Path, today: date) -> Path:
    """Write the table and, beside it, the key by which an agent with this configuration folder trusts it."""
    config_dir.mkdir(parents=True, exist_ok=True)
    key = PrivateKey.generate()
    (config_dir / "reference-keys").write_text(f"{key.public.text} demo\n")
    table = f"""issued = {today}
[release_updates]
"19.10" = 2021-01-19
"19.22" = {today - _YOUNG}
"23.6" = {today - _YOUNG}
[support."19"]
premier = {today + _SUPPORTED}
[support."23"]
premier = {today + _SUPPORTED}
"""
    path = config_dir / "table.toml"
    path.write_bytes(seal(table.encode(), key))
    return path
