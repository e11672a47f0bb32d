# ruff: noqa: INP001 - a script; a package of this name would shadow one that others import
"""Sign a table of reference data: `python packaging/sign_reference.py KEY TABLE > SIGNED`.

KEY is an Ed25519 key (PEM, mode 0600); with `--new-key` it is made. The public key, which agents keep in their
`reference-keys`, goes to standard error.
"""

import argparse
import sys
from pathlib import Path

from agent.reference_data import parse
from common.errors import ConfigurationError
from common.identity import PrivateKey
from common.sealed import seal


def main() -> int:
    """Exit code 1 when the table is not one that an agent takes."""
    arguments = _arguments()
    if arguments.new_key:
        if arguments.key.exists():
            return _refuse(f"{arguments.key}: is there already")
        PrivateKey.generate().save(arguments.key)
    key = PrivateKey.load(arguments.key)
    sys.stderr.write(f"public key: {key.public.text}\n")
    content = arguments.table.read_bytes()
    try:
        parse(content, origin="signed")
    except ConfigurationError as error:
        return _refuse(f"{arguments.table}: {error}")
    sys.stdout.buffer.write(seal(content, key))
    return 0


def _refuse(text: str) -> int:
    sys.stderr.write(f"sign_reference: {text}\n")
    return 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Sign a table of reference data.")
    parser.add_argument("key", type=Path)
    parser.add_argument("table", type=Path)
    parser.add_argument("--new-key", action="store_true", help="make the key first")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
