"""Pure: who may read and write a file, told of its `stat`, without trying it."""

import os
import stat

OTHERS = 0o077


def mode(of: os.stat_result) -> int:
    return stat.S_IMODE(of.st_mode)


def open_to_others(of: os.stat_result) -> bool:
    """Whether its group or anybody else may do anything with it."""
    return bool(mode(of) & OTHERS)


def said(of: os.stat_result) -> str:
    return f"mode {mode(of):04o}, owner {owner_name(of.st_uid)}"


def owner_name(uid: int) -> str:
    import pwd  # noqa: PLC0415 - reads a database of the system

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
