"""The .deb, by dpkg-deb."""

import hashlib
import os
import subprocess
import textwrap
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path

from making.errors import PackagingError
from making.manual import packed
from making.payload import Payload, tree
from making.targets import MAINTAINER
from making.tree import PROGRAM, File, Tree, lay

_PYTHON = "python3-venv (>= 3.11) | python3.11-venv | python3.12-venv | python3.13-venv"
_SCRIPTS = {
    "postinst": """#!/bin/sh
set -e
case "$1" in
configure)
    /usr/lib/{package}/host prepare {name}
    /usr/lib/{package}/slot install {name}
    /usr/lib/{package}/host begin {name}
    ;;
triggered)
    /usr/lib/{package}/slot mend {name}
    /usr/lib/{package}/host restart {name}
    ;;
abort-upgrade | abort-remove | abort-deconfigure) ;;
esac
""",
    "prerm": """#!/bin/sh
set -e
if [ "$1" = remove ]; then
    /usr/lib/{package}/host end {name}
    /usr/lib/{package}/slot remove {name}
fi
""",
    "postrm": """#!/bin/sh
set -e
if [ -d /run/systemd/system ]; then systemctl daemon-reload || true; fi
if [ "$1" = purge ]; then
    rm -rf /var/lib/{package} /etc/{package}
    if getent passwd {package} >/dev/null; then userdel {package}; fi
    if getent group {package} >/dev/null; then groupdel {package}; fi
fi
""",
}
# Another Python: the slot is made anew when the one that it was made with is gone, and the service starts anew.
_TRIGGERS = "".join(f"interest-noawait /usr/lib/python3.{minor}/venv\n" for minor in (11, 12, 13))


def build(payload: Payload, target: Path, *, work: Path) -> Path:
    """Write the package into the target folder."""
    files = tree(payload, zsh_folder="zsh/vendor-completions")
    files = {**files, f"usr/share/doc/{payload.program.package}/changelog.gz": File(packed(_changelog(payload)))}
    folder = work / f"deb-{payload.program.name}-{payload.arch.machine}"
    lay({**files, **_control(payload, files)}, folder, epoch=payload.epoch)
    path = target / f"{payload.program.package}_{payload.version}_{payload.arch.deb}.deb"
    # Wheels are packed already: more effort would cost minutes and save nothing.
    command = ["dpkg-deb", "--root-owner-group", "-Zgzip", "-z1", "--build", str(folder), str(path)]
    environment = {**os.environ, "SOURCE_DATE_EPOCH": str(payload.epoch)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603 - dpkg-deb
    if done.returncode:
        raise PackagingError(f"dpkg-deb: {done.stderr.strip()}")
    return path


def _control(payload: Payload, files: Tree) -> Tree:
    values = {"package": payload.program.package, "name": payload.program.name}
    scripts = {f"DEBIAN/{name}": File(text.format(**values).encode(), PROGRAM) for name, text in _SCRIPTS.items()}
    return {
        **scripts,
        "DEBIAN/control": File(_control_file(payload, files).encode()),
        "DEBIAN/conffiles": File(f"/{payload.settings}\n".encode()),
        "DEBIAN/triggers": File(_TRIGGERS.encode()),
        "DEBIAN/md5sums": File(_sums(files).encode()),
    }


def _control_file(payload: Payload, files: Tree) -> str:
    size = sum(len(entry.read()) for entry in files.values() if isinstance(entry, File))
    description = "\n".join(f" {line}" for line in textwrap.wrap(payload.program.description, 76))
    return (
        f"Package: {payload.program.package}\nVersion: {payload.version}\nArchitecture: {payload.arch.deb}\n"
        f"Maintainer: {MAINTAINER}\n"
        f"Installed-Size: {-(-size // 1024)}\nDepends: {_PYTHON}, passwd\n"
        "Recommends: ca-certificates\nSection: admin\nPriority: optional\n"
        f"Description: {payload.program.summary}\n{description}\n"
    )


def _changelog(payload: Payload) -> str:
    """In the one form that Debian's tools read."""
    package = payload.program.package
    return (
        f"{package} ({payload.version}) stable; urgency=medium\n\n"
        f"  * See /usr/share/doc/{package}/CHANGELOG.md.gz.\n\n"
        f" -- {MAINTAINER}  {format_datetime(datetime.fromtimestamp(payload.epoch, UTC))}\n"
    )


def _sums(files: Tree) -> str:
    plain = {name: entry for name, entry in files.items() if isinstance(entry, File) and not name.startswith("etc/")}
    return "".join(
        f"{hashlib.md5(entry.read(), usedforsecurity=False).hexdigest()}  {name}\n"
        for name, entry in sorted(plain.items())
    )
