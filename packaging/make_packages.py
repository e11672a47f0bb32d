# ruff: noqa: INP001 - a script; a package of this name would shadow one that others import
"""Make the packages of both programs and the offline bundle: `make packages`, or this with --help.

The same tree, the same pins and the same SOURCE_DATE_EPOCH (by itself: the time of the last commit) give the same
bytes. Wheels that `--wheels` holds are not downloaded again.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from making import making
from making.errors import PackagingError
from making.source import ROOT, epoch, usable_version, version
from making.targets import ARCHES, PROGRAMS, PYTHONS

KINDS = ("deb", "rpm", "bundle")


def main() -> int:
    """Exit code 1 with one line when something is missing."""
    given = _arguments()
    try:
        order = making.Order(
            version=usable_version(given.version or version()),
            epoch=epoch(),
            kinds=tuple(given.only),
            programs=tuple(PROGRAMS[name] for name in given.program),
            machines=tuple(given.arch),
            pythons=tuple(given.python),
            wheels=given.wheels,
            download=not given.no_download,
            key=given.key,
        )
        given.out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="fieldpost-packages-") as work:
            for path in making.make(order, given.out, work=Path(work)):
                sys.stdout.write(f"{path.stat().st_size:>12,}  {path.name}\n")
    except PackagingError as error:
        sys.stderr.write(f"make_packages: {error}\n")
        return 1
    if given.key is None:
        sys.stdout.write("Nothing is signed: no key was given (make packages KEY=release.pem)\n")
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=ROOT / "dist", help="where the packages go")
    parser.add_argument("--key", type=Path, help="sign with this Ed25519 key (PEM)")
    parser.add_argument("--version", help="another version than the tree's")
    parser.add_argument("--only", nargs="+", choices=KINDS, default=KINDS)
    parser.add_argument("--program", nargs="+", choices=tuple(PROGRAMS), default=tuple(PROGRAMS))
    parser.add_argument("--arch", nargs="+", choices=tuple(ARCHES), default=tuple(ARCHES))
    parser.add_argument("--python", nargs="+", choices=PYTHONS, default=PYTHONS)
    parser.add_argument("--wheels", type=Path, default=ROOT / ".cache" / "wheels", help="where wheels are kept")
    parser.add_argument("--no-download", action="store_true", help="take only wheels that are there already")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
