"""The examples of the API pages, run as a reader would: a shell, curl, and a collector with a small estate."""

import json
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_BLOCK = re.compile(r"^(<!-- not run: [^\n]* -->\n)?```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
_MARK = "\n@@ "
_SHELL = f"""set -u
curl() {{ command curl -sS -w '{_MARK}%{{http_code}} %{{method}} %{{url_effective}} %{{content_type}}\\n' "$@"; }}
fieldpost-collector() {{ :; }}
uuidgen() {{ cat /proc/sys/kernel/random/uuid; }}
"""
_FILLED_IN = re.compile(r"(\w+)=\S*(?:…|example\.com)\S*")


@dataclass(frozen=True, slots=True)
class Answer:
    """What one curl line of a page got."""

    status: int
    method: str
    url: str
    kind: str
    text: str

    @property
    def path(self) -> str:
        return "/" + self.url.split("/", 3)[3].partition("?")[0]

    def json(self) -> object:
        return json.loads(self.text)


def blocks(page: str) -> list[str]:
    """The shell examples that can be run; a note in the page says why one cannot."""
    return [text for note, text in _BLOCK.findall(page) if not note and "curl " in text]


def left_out(page: str) -> list[str]:
    return [note for note, text in _BLOCK.findall(page) if note and "curl " in text]


def run(texts: Sequence[str], variables: Mapping[str, str], folder: Path) -> list[Answer]:
    """One shell for all of a page; what a reader fills in (`KEY=tv_api_…`, the address) comes from `variables`."""
    script = _SHELL + "\n".join(_FILLED_IN.sub(lambda found: _filled(found, variables), text) for text in texts)
    done = subprocess.run(["bash", "-c", script], cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return list(_answers(done.stdout))


def _filled(found: re.Match[str], variables: Mapping[str, str]) -> str:
    assert found[1] in variables, f"{found[0]}: nobody says what stands for it"
    return f"{found[1]}='{variables[found[1]]}'"


def _answers(output: str) -> Sequence[Answer]:
    made, text = [], ""
    for piece in re.split(r"\n@@ (.*)\n", output):
        parts = re.fullmatch(r"(\d{3}) ([A-Z]+) (\S+) ?(.*)", piece)
        if parts is None:
            text = piece
            continue
        made.append(Answer(int(parts[1]), parts[2], parts[3], parts[4], text))
    return made
