"""Starts the provider as a process of its own, and signs people in there as a browser would."""

import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import httpx
import pytest

ROOT = Path(__file__).parents[3]
CACHE = ROOT / ".cache" / "oidc"
PACKAGE = "oidc-provider@8.8.1"
SCRIPT = Path(__file__).parent / "provider.mjs"
CLIENT, SECRET = "fieldpost", "s3cret+with/odd=characters&more"
_OPTIONS = ("--no-save", "--no-audit", "--no-fund", "--ignore-scripts", "--fetch-retries=1", "--fetch-timeout=20000")

Method = Literal["client_secret_basic", "client_secret_post"]


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody whom the provider knows; the address is the name to log in with."""

    email: str
    name: str = "Ana Lima"
    verified: bool = True


@dataclass(frozen=True, slots=True)
class Issuer:
    """The provider that runs."""

    issuer: str
    process: "subprocess.Popen[str]"

    def begin(self, redirects: Sequence[str]) -> None:
        """Let it answer, and send browsers to these addresses."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(list(redirects)) + "\n")
        self.process.stdin.flush()
        assert any(line == "ready\n" for line in self.process.stdout), "the provider did not begin"

    def log_in(self, there: str, email: str = "") -> str:
        """Go where the collector sends a browser, log in (without an address: cancel), and come out with the answer."""
        with httpx.Client(base_url=self.issuer) as browser:
            answer = browser.get(there)
            form = {"email": email} if email else {"no": "1"}
            answer = browser.post(answer.headers["location"], data=form)
            while answer.headers["location"].startswith((self.issuer, "/")):
                answer = browser.get(answer.headers["location"])
            return answer.headers["location"]


def node() -> str:
    """Node with the package beside it; without node, npm or a registry there is nothing to prove."""
    program, npm = shutil.which("node"), shutil.which("npm")
    if not program or not npm:
        pytest.skip("node and npm are not installed: single sign-on was not tried")
    if not (CACHE / "node_modules" / "oidc-provider" / "package.json").is_file():
        _install(npm)
    return program


@contextmanager
def running(
    people: Sequence[Person],
    redirects: Sequence[str] = (),
    *,
    method: Method = "client_secret_basic",
    conform: bool = True,
) -> Iterator[Issuer]:
    """Without `redirects` it waits for `begin`.

    `conform`: addresses come from userinfo alone, as the specification has it; else in the token as well.
    """
    orders = {
        "modules": str(CACHE),
        "client": CLIENT,
        "secret": SECRET,
        "method": method,
        "conform": conform,
        "people": [asdict(one) for one in people],
    }
    environment = os.environ | {"NODE_NO_WARNINGS": "1"}
    command = [node(), str(SCRIPT)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(orders) + "\n")
        process.stdin.flush()
        said = next((line for line in process.stdout if re.match(r'\{"issuer"', line)), "")
        assert said, "the provider did not start"
        made = Issuer(json.loads(said)["issuer"], process)
        if redirects:
            made.begin(redirects)
        yield made
        process.kill()


def _install(npm: str) -> None:
    """Install beside the cache and move it there, because several test processes may want it at once."""
    CACHE.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE.parent, ignore_cleanup_errors=True) as name:
        draft = Path(name) / "oidc"
        draft.mkdir()
        command = [npm, "install", *_OPTIONS, "--prefix", str(draft), PACKAGE]
        done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
        if done.returncode:
            pytest.skip(f"npm could not install {PACKAGE}: single sign-on was not tried")
        with suppress(OSError):  # another process was faster
            draft.rename(CACHE)
