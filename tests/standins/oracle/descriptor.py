"""What a connect descriptor asks for."""

import re
from dataclasses import dataclass

_PAIR = re.compile(r"\(\s*([A-Z_]+)\s*=\s*([^()]*?)\s*\)", re.IGNORECASE)


@dataclass(frozen=True)
class Target:
    service: str = ""
    sid: str = ""
    program: str = ""
    machine: str = ""
    os_user: str = ""


def parse_descriptor(text: str) -> Target:
    """Pick the leaves of the descriptor; service names and SIDs are compared in lower case."""
    leaves = {key.upper(): value for key, value in _PAIR.findall(text)}
    cid = text.upper().find("(CID=")
    client = {key.upper(): value for key, value in _PAIR.findall(text[cid:])} if cid >= 0 else {}
    return Target(
        service=leaves.get("SERVICE_NAME", "").lower(),
        sid=leaves.get("SID", "").lower(),
        program=client.get("PROGRAM", ""),
        machine=client.get("HOST", ""),
        os_user=client.get("USER", ""),
    )
