"""Pure: a request of one operation as people copy it, for curl, Python and JavaScript."""

import json
import re
import shlex
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import quote, urlencode

from collector.web.reference.operations import Operation

KEY = "FIELDPOST_KEY"
"""The variable in which the snippets expect the credential: none ends in a history or a repository."""


_LEFT = re.compile(r"\{(\w+)\}")
_USUAL = {"page": "acme"}
"""Of what is in a path, but no parameter of its own."""


class Snippets(NamedTuple):
    """The same request three times."""

    curl: str
    python: str
    javascript: str


def target_of(operation: Operation) -> str:
    """Path and query with what is needed filled in; by hand the rest can be added."""
    path, query = operation.path, dict[str, str]()
    for one in operation.parameters:
        if one.place == "in the path":
            path = path.replace(f"{{{one.name}}}", quote(one.example, safe=""))
        elif one.place == "in the query" and one.needed:
            query[one.name] = one.example
    path = _LEFT.sub(lambda found: _USUAL.get(found[1], found[1]), path)
    return path + (f"?{urlencode(query)}" if query else "")


def of(operation: Operation, base: str, *, secret: bool) -> Snippets:
    """`base`: scheme and host; `secret`: whether a credential goes with it."""
    url, body = base + target_of(operation), operation.body.example if operation.body else ""
    return Snippets(
        _curl(operation.method, url, body, secret=secret),
        _python(operation.method, url, body, secret=secret),
        _javascript(operation.method, url, body, secret=secret),
    )


def _curl(method: str, url: str, body: str, *, secret: bool) -> str:
    parts = ["curl" if method == "GET" or (method == "POST" and body) else f"curl -X {method}"]
    if secret:
        parts.append(f'-H "Authorization: Bearer ${KEY}"')
    if body:
        parts += ["-H 'Content-Type: application/json'", f"-d {shlex.quote(body)}"]
    parts.append(shlex.quote(url))
    return " \\\n  ".join(parts)


def _python(method: str, url: str, body: str, *, secret: bool) -> str:
    lines = ["import os", "import requests", ""] if secret else ["import requests", ""]
    given = [_quoted(url)]
    if secret:
        lines.append(f'headers = {{"Authorization": f"Bearer {{os.environ[\'{KEY}\']}}"}}')
        given.append("headers=headers")
    if body:
        lines.append(f"body = {_literal(json.loads(body), 0)}")
        given.append("json=body")
    lines += [f"answer = requests.{method.lower()}({', '.join(given)})", "answer.raise_for_status()"]
    return "\n".join([*lines, "data = answer.json()"])


def _javascript(method: str, url: str, body: str, *, secret: bool) -> str:
    options = [f"  method: {_quoted(method)},"] if method != "GET" else []
    headers = [f"Authorization: `Bearer ${{process.env.{KEY}}}`"] if secret else []
    headers += ['"Content-Type": "application/json"'] if body else []
    if headers:
        options.append(f"  headers: {{ {', '.join(headers)} }},")
    if body:
        indented = body.replace("\n", "\n  ")
        options.append(f"  body: JSON.stringify({indented}),")
    given = ", {\n" + "\n".join(options) + "\n}" if options else ""
    return f"const answer = await fetch({_quoted(url)}{given});\nconst data = await answer.json();"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _literal(value: object, depth: int) -> str:
    """JSON as Python writes it."""
    inner, outer = "    " * (depth + 1), "    " * depth
    if isinstance(value, Mapping):
        rows = [f"{inner}{_quoted(str(key))}: {_literal(one, depth + 1)},\n" for key, one in value.items()]
        return "{\n" + "".join(rows) + outer + "}" if rows else "{}"
    if isinstance(value, list):
        return f"[{', '.join(_literal(one, depth) for one in value)}]"
    return _quoted(value) if isinstance(value, str) else repr(value)
