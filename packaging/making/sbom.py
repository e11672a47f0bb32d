"""The list of parts: CycloneDX 1.6, from the wheels themselves."""

import json
import uuid
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from email.message import Message
from email.parser import HeaderParser
from pathlib import Path

from making.wheels import Wheel

_CLASSIFIER = "License :: "
_LONGEST_LICENCE = 100
Json = dict[str, object]


def document(packed: Iterable[Wheel], *, version: str, epoch: int) -> bytes:
    """Every distribution that is packed, with the files by which it is."""
    wheels = {wheel.file: wheel for wheel in packed}
    by_part: dict[tuple[str, str], list[Wheel]] = {}
    for _, wheel in sorted(wheels.items()):
        by_part.setdefault((wheel.name, wheel.version), []).append(wheel)
    components = [_component(found) for part, found in sorted(by_part.items()) if part[0] != "fieldpost"]
    root = f"fieldpost@{version}"
    body: Json = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "timestamp": datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "component": {
                "type": "application",
                "bom-ref": root,
                "name": "fieldpost",
                "version": version,
                "licenses": [{"license": {"id": "Apache-2.0"}}],
            },
        },
        "components": components,
        "dependencies": [{"ref": root, "dependsOn": [component["bom-ref"] for component in components]}],
    }
    serial = uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(body, sort_keys=True))
    return (json.dumps({**body, "serialNumber": f"urn:uuid:{serial}"}, indent=1, sort_keys=True) + "\n").encode()


def _component(wheels: Sequence[Wheel]) -> Json:
    """One distribution; a file of it for each kind of machine."""
    first = wheels[0]
    told = metadata(first.path)
    purl = f"pkg:pypi/{first.name}@{first.version}"
    found: Json = {
        "type": "library",
        "bom-ref": purl,
        "name": first.name,
        "version": first.version,
        "purl": purl,
        "licenses": list(licences(told)),
        "components": [
            {"type": "file", "bom-ref": f"{purl}#{one.file}", "name": one.file, "hashes": _hashes(one)}
            for one in wheels
        ],
    }
    if told["Summary"]:
        found["description"] = str(told["Summary"])
    return found | ({"hashes": _hashes(first)} if len(wheels) == 1 else {})


def _hashes(wheel: Wheel) -> list[Json]:
    return [{"alg": "SHA-256", "content": wheel.sha256}]


def metadata(wheel: Path) -> Message:
    """What a wheel says of itself."""
    with zipfile.ZipFile(wheel) as archive:
        name = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return HeaderParser().parsestr(archive.read(name).decode())


def licences(told: Message) -> Iterator[Json]:
    """An expression where there is one; otherwise what older metadata say in words."""
    if told["License-Expression"]:
        yield {"expression": str(told["License-Expression"])}
        return
    named = _classified(told.get_all("Classifier", []))
    words = str(told["License"] or "")
    if not named and words and len(words) <= _LONGEST_LICENCE:
        named = [words.splitlines()[0]]
    for name in named:
        yield {"license": {"name": name}}


def _classified(classifiers: Iterable[object]) -> list[str]:
    found = (str(one) for one in classifiers)
    return sorted(one.rpartition(" :: ")[2] for one in found if one.startswith(_CLASSIFIER) and one.count("::") > 1)
