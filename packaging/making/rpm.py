"""The .rpm, by rpmbuild."""

import subprocess
import textwrap
from datetime import UTC, datetime
from pathlib import Path

from making.errors import PackagingError
from making.payload import Payload, tree
from making.targets import MAINTAINER
from making.tree import File, Folder, Link, Tree, folders, lay

_PYTHON = "(python3.13 or python3.12 or python3.11 or python3 >= 3.11)"
_SPEC = """Name: {package}
Version: {version}
Release: 1
Summary: {summary}
License: Apache-2.0
Group: System Environment/Daemons
Packager: {maintainer}
AutoReqProv: no
Requires: {python}
Requires(pre): shadow-utils
Requires: systemd
Recommends: ca-certificates

%description
{description}

%pre
getent group {package} >/dev/null || groupadd --system {package}
getent passwd {package} >/dev/null || useradd --system --gid {package} --home-dir /var/lib/{package} \\
    --no-create-home --shell /sbin/nologin --comment "Fieldpost {name}" {package}
exit 0

%post
/usr/lib/{package}/host prepare {name} &&
    /usr/lib/{package}/slot install {name} &&
    /usr/lib/{package}/host begin {name}

%preun
if [ "$1" = 0 ]; then
    /usr/lib/{package}/host end {name}
    /usr/lib/{package}/slot remove {name}
fi

%postun
if [ -d /run/systemd/system ]; then systemctl daemon-reload || :; fi

%files
{files}
%changelog
* {day} {maintainer} - {version}-1
- See /usr/share/doc/{package}/CHANGELOG.md.gz
"""
_DEFINES = {
    "_build_id_links": "none",
    "__os_install_post": "%{nil}",
    "_buildhost": "reproducible",
    "_binary_payload": "w1.gzdio",
    "use_source_date_epoch_as_buildtime": "1",
    "clamp_mtime_to_source_date_epoch": "1",
    "_rpmfilename": "%%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm",
}


def build(payload: Payload, target: Path, *, work: Path) -> Path:
    """Write the package into the target folder."""
    files = tree(payload, zsh_folder="zsh/site-functions")
    folder = work / f"rpm-{payload.program.name}-{payload.arch.machine}"
    folder.mkdir(parents=True)
    root, spec = folder / "root", folder / f"{payload.program.package}.spec"
    lay(files, root, epoch=payload.epoch)
    spec.write_text(specification(payload, files))
    defines = {**_DEFINES, "_topdir": str(folder / "top"), "_rpmdir": str(target), "_dbpath": str(folder / "db")}
    options = [word for name, value in defines.items() for word in ("--define", f"{name} {value}")]
    command = ["rpmbuild", "-bb", "--quiet", "--noclean", "--nodeps", "--target", f"{payload.arch.rpm}-linux", *options]
    command += ["--buildroot", str(root), str(spec)]
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(folder), "SOURCE_DATE_EPOCH": str(payload.epoch), "LC_ALL": "C"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603 - rpmbuild
    if done.returncode:
        raise PackagingError(f"rpmbuild: {done.stderr.strip()}")
    return target / f"{payload.program.package}-{payload.version}-1.{payload.arch.rpm}.rpm"


def specification(payload: Payload, files: Tree) -> str:
    """The spec: it builds nothing, what is packed lies there already."""
    return _SPEC.format(
        package=payload.program.package,
        name=payload.program.name,
        version=payload.version,
        maintainer=MAINTAINER,
        python=_PYTHON,
        summary=payload.program.summary[:1].upper() + payload.program.summary[1:],
        description=textwrap.fill(payload.program.description, 76),
        files="\n".join(_listed(payload, files)) + "\n",
        day=datetime.fromtimestamp(payload.epoch, UTC).strftime("%a %b %d %Y"),
    )


def _listed(payload: Payload, files: Tree) -> list[str]:
    package = payload.program.package
    lines = [f"%dir %attr(0750,root,{package}) /etc/{package}"]
    own = (payload.home, f"usr/share/doc/{package}")
    lines += [f"%dir %attr(0755,root,root) /{folder}" for folder in folders(files) if folder.startswith(own)]
    for name, entry in sorted(files.items()):
        match entry:
            case Folder():
                lines.append(f"%dir %attr(0750,root,{package}) /{name}")
            case Link():
                lines.append(f"/{name}")
            case File(mode=mode):
                lines.append(_file(payload, name, mode))
    return lines


def _file(payload: Payload, name: str, mode: int) -> str:
    if name == payload.settings:
        return f"%config(noreplace) %attr(0640,root,{payload.program.package}) /{name}"
    is_document = name.startswith(("usr/share/doc/", "usr/share/man/"))
    return f"{'%doc ' if is_document else ''}%attr({mode:04o},root,root) /{name}"
