"""What `/metrics` says, read strictly, and what Prometheus' own tool thinks of it."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

PROMTOOL = shutil.which("promtool") or shutil.which("promtool", path=Path(sys.executable).parent)
_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_LABEL = re.compile(r"[a-z][a-z0-9_]*")
_RESERVED = ("_count", "_sum", "_bucket", "_info")


def families(text: str) -> dict[str, str]:
    """The kinds of all families by name; what Prometheus would mind fails here."""
    assert text.endswith("\n")
    found: dict[str, str] = {}
    for family in text_string_to_metric_families(text):
        assert family.name not in found, f"{family.name} twice"
        found[family.name] = family.type
        assert _NAME.fullmatch(family.name), family.name
        assert family.documentation, family.name
        assert family.type in {"counter", "gauge", "histogram"}, (family.name, family.type)
        assert not family.name.endswith(_RESERVED), family.name
        _check_samples(family.samples)
    return found


def series(text: str) -> set[str]:
    """The names that a query may use."""
    kinds = families(text)
    histograms = {
        f"{name}_{part}" for name, kind in kinds.items() if kind == "histogram" for part in ("bucket", "sum", "count")
    }
    plain = {f"{name}_total" if kind == "counter" else name for name, kind in kinds.items() if kind != "histogram"}
    return histograms | plain


def promtool(*arguments: str, given: str = "") -> None:
    """Ask it, where it is there: `make tools` brings it."""
    if PROMTOOL:
        done = subprocess.run([PROMTOOL, *arguments], input=given, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def _check_samples(samples: Iterable[object]) -> None:
    seen: set[tuple[str, tuple[tuple[str, str], ...]]] = set()
    for sample in samples:
        name, labels = sample[0], sample[1]  # type: ignore[index]  # a named tuple of an untyped package
        assert all(_LABEL.fullmatch(label) for label in labels), sample
        key = (name, tuple(sorted(labels.items())))
        assert key not in seen, key
        seen.add(key)
