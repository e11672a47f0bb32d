"""What a program's own folder has to be, and what is wrong with it."""

import os
import shlex
from pathlib import Path

from common.checkup import Finding, unwell, well
from common.filemodes import open_to_others, owner_name, said

_SHOWN = 5


def look(id_: str, folder: Path, *, user: str, made_by: str) -> Finding:
    """Of a folder that its owner alone may enter; `made_by` is the command that makes it."""
    quoted, own = shlex.quote(str(folder)), f"chown -R {user} {shlex.quote(str(folder))}"
    try:
        found = folder.stat()
    except FileNotFoundError:
        make = f"install -d -m 0700 -o {user} {quoted}\n{made_by}"
        return unwell(id_, f"{folder} is not there", make)
    except OSError as error:
        return unwell(id_, f"{folder}: {error.strerror}", own)
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        me = owner_name(os.geteuid())
        return unwell(id_, f"{folder} cannot be written by {me} ({said(found)})", own)
    if open_to_others(found):
        detail = f"{folder} is open to others ({said(found)}; expected mode 0700)"
        return unwell(id_, detail, f"chmod 0700 {quoted}")
    strange = sorted(path.name for path in folder.iterdir() if path.lstat().st_uid != found.st_uid)
    if strange:
        owner = owner_name(found.st_uid)
        detail = f"{folder} is {owner}'s, and of another user in it: {', '.join(strange[:_SHOWN])}"
        return unwell(id_, detail, f"chown -R {owner} {quoted}")
    return well(id_, f"{folder} ({said(found)})")
