"""The unit files as data."""

from pathlib import Path

FOLDER = Path(__file__).parents[2] / "packaging" / "systemd"
AGENT = FOLDER / "fieldpost-agent.service"
COLLECTOR = FOLDER / "fieldpost-collector.service"
GATE = FOLDER / "fieldpost-agent-gate.service"
UNITS = (AGENT, COLLECTOR, GATE)
DROP_INS = tuple(sorted((FOLDER / "drop-ins").glob("*.conf")))


def directives(path: Path) -> list[tuple[str, str, str]]:
    """(section, name, value) of each line, in its order."""
    section, found = "", []
    for line in path.read_text().splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif line and not line.startswith("#"):
            name, _, value = line.partition("=")
            found.append((section, name, value))
    return found


def values(path: Path, name: str) -> list[str]:
    return [value for _, found, value in directives(path) if found == name]
