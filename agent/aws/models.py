"""Descriptions of AWS's services in little memory: each shape stays text until a call needs it. Loads botocore.

botocore keeps whole descriptions as trees, with their manuals: those of a scan took 60 MiB, and four in this way.
"""

import gzip
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
from botocore.loaders import JSONFileLoader, Loader

_SERVICE = "service-2"
_MANUAL = "documentation"


def loader() -> Loader:
    """What a session of botocore loads descriptions with; one for all of them."""
    return _loader()


@cache
def _loader() -> Loader:
    return Loader(file_loader=_Files())


class Packed(dict[str, Any]):
    """Parts of a description by name: text until they are asked for, since most of them never are."""

    @classmethod
    def of(cls, parts: Mapping[str, msgspec.Raw]) -> "Packed":
        return cls({name: msgspec.json.encode(_plain(msgspec.json.decode(part))) for name, part in parts.items()})

    def __getitem__(self, name: str) -> Any:
        part = super().__getitem__(name)
        if isinstance(part, bytes):
            part = self[name] = msgspec.json.decode(part)
        return part


class _Files(JSONFileLoader):  # type: ignore[misc]  # botocore has no types
    """Files as plain dictionaries, and what describes a service packed."""

    def load_file(self, file_path: str) -> Any:
        for ending, read in ((".json", Path.read_bytes), (".json.gz", _unzipped)):
            path = Path(file_path + ending)
            if path.is_file():
                data = read(path)
                return _packed(data) if path.name.startswith(f"{_SERVICE}.json") else msgspec.json.decode(data)
        return None


def _unzipped(path: Path) -> bytes:
    return gzip.decompress(path.read_bytes())


def _packed(data: bytes) -> dict[str, Any]:
    whole = msgspec.json.decode(data, type=dict[str, msgspec.Raw])
    large = ("operations", "shapes")
    return {
        **{name: msgspec.json.decode(part) for name, part in whole.items() if name not in (*large, _MANUAL)},
        **{
            name: Packed.of(msgspec.json.decode(whole[name], type=dict[str, msgspec.Raw]))
            for name in large
            if name in whole
        },
    }


def _plain(part: Any) -> Any:
    """Without manuals; a member that is called like one keeps its place, being no text."""
    if isinstance(part, dict):
        return {name: _plain(value) for name, value in part.items() if name != _MANUAL or not isinstance(value, str)}
    if isinstance(part, list):
        return [_plain(value) for value in part]
    return part
