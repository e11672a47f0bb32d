"""A support file of the collector holds what helps, and no secret, wherever one was planted."""

import base64
import json
import shutil
import sys
import tarfile
from pathlib import Path

import pytest
from sqlalchemy import create_engine, insert

from collector import cli
from collector.core import certificates
from collector.core.settings import Settings
from collector.core.vault import Vault
from collector.doctor.examining import Source
from collector.doctor.support import HARMLESS, collect
from collector.domain.access.signing import signing
from collector.domain.agents.tables import agent, enrolment_token
from collector.domain.tenants import store as tenants
from collector.domain.tenants.store import NewTenant
from common import tokens
from common.clock import utc_now

SECRETS = {
    "smtp": "Pl4nt-of-smtp", "oidc": "Pl4nt-of-oidc", "redis": "Pl4nt/redis+word", "beacon": "https://b.x/Pl4nt-id",
    "setup": "Pl4nt-setup-code", "log": "Pl4nt-in-a-log", "unit": "Pl4nt-in-a-unit", "row": "Pl4nt-in-a-row",
    "status": tokens.mint(tokens.STATUS_TOKEN), "key": tokens.mint(tokens.API_KEY),
    "environment": "Pl4nt-of-environment",
}  # fmt: skip


@pytest.fixture
def source(sqlite_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Source:
    """A collector with a secret in every place where one can be."""
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    shutil.copy(sqlite_template, state / "collector.sqlite")
    (state / "setup-code").write_text(SECRETS["setup"])
    for name in ("smtp", "oidc", "beacon"):
        (tmp_path / name).write_text(SECRETS[name] + "\n")
    certificates.ensure(state / "tls", ("fp.example.com",), utc_now())
    store(state)
    monkeypatch.setenv("FIELDPOST_REDIS_URL", f"redis://:{SECRETS['redis'].replace('/', '%2F')}@127.0.0.1:1/0")
    monkeypatch.setenv("SMTP_PASSWORD", SECRETS["environment"])
    tools(tmp_path, monkeypatch, [
        f"webhook secret={SECRETS['log']} failed", f"mail login {SECRETS['smtp']} refused",
        base64.b64encode(f"ab{SECRETS['oidc']}".encode()).decode(), SECRETS["smtp"].encode().hex(),
        f"token {SECRETS['status']} and {SECRETS['key']}", (state / "vault.key").read_text(),
        f"env {SECRETS['environment']}",
        (state / "tls" / "server.key").read_text(), f"beacon {SECRETS['beacon']}", f"code {SECRETS['setup']}",
    ])  # fmt: skip
    return Source(
        None,
        {
            "state_dir": state, "smtp_host": "127.0.0.1", "smtp_port": 1, "smtp_user": "mailer",
            "smtp_password_file": tmp_path / "smtp", "oidc_client_secret_file": tmp_path / "oidc",
            "beacon_url_file": tmp_path / "beacon", "public_host": "localhost", "port": 0,
        },
    )  # fmt: skip


def store(state: Path) -> None:
    now, vault = utc_now(), Vault.of_file(state / "vault.key")
    row = {column.name: None for column in agent.c}
    engine = create_engine(f"sqlite:///{state / 'collector.sqlite'}")
    with engine.begin() as conn:
        tenants.add(conn, NewTenant(slug="acme", name="Acme", plan="team"), now)
        signing(conn, vault, now)
        conn.execute(insert(agent), row | {
            "tenant_id": 1, "id": "agt_1", "name": "dbhost7", "hostname": "dbhost7.acme.example", "version": "1",
            "state": "pending", "enrolled_by": SECRETS["row"], "enrolled_at": now,
            "heartbeat": {"problems": [SECRETS["row"]]},
        })  # fmt: skip
        conn.execute(insert(enrolment_token), {
            "tenant_id": 1, "id": "t", "digest": SECRETS["row"].encode(), "prefix": "12345678", "uses_left": 1,
            "requires_approval": False, "created_at": now, "expires_at": now, "agent_id": None,
        })  # fmt: skip
    engine.dispose()


def tools(folder: Path, monkeypatch: pytest.MonkeyPatch, lines: list[str]) -> None:
    unit = [f"Environment=X={SECRETS['unit']}", f"SetCredential=x:{SECRETS['unit']}", "LimitNOFILE=8192"]
    for name, said in (("journalctl", lines), ("systemctl", unit)):
        tool = folder / "bin" / name
        tool.parent.mkdir(exist_ok=True)
        tool.write_text(f"#!{sys.executable}\nprint({chr(10).join(said)!r})\n")
        tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder / "bin"))


def everything(tmp_path: Path, source: Source, *, anonymous: bool = False) -> dict[str, str]:
    bundle, _ = collect(source, anonymous=anonymous)
    bundle.write(tmp_path / "diag.tar.gz")
    with tarfile.open(tmp_path / "diag.tar.gz") as archive:
        members = {one.name.partition("/")[2]: archive.extractfile(one) for one in archive.getmembers()}
        return {name: file.read().decode() for name, file in members.items() if file}


def test_no_planted_secret_is_in_the_file_in_any_form(tmp_path: Path, source: Source) -> None:
    told = "\n".join(everything(tmp_path, source).values())
    state = tmp_path / "state"
    kept = [state / "vault.key", state / "tls" / "server.key", state / "tls" / "ca.key"]
    lines = [line for path in kept for line in path.read_text().splitlines() if not line.startswith("-----")]
    for secret in (*SECRETS.values(), *lines):
        raw = secret.encode()
        whole = base64.b64encode(raw).decode().rstrip("=")
        inner = [base64.b64encode(b"\0" * offset + raw).decode()[4:-4] for offset in (1, 2)]
        for form in (secret, raw.hex(), raw.hex().upper(), whole[:-1], *inner):
            assert form not in told, (secret, form)
    assert "Pl4nt" not in told


def test_what_helps_is_in_the_file(tmp_path: Path, source: Source) -> None:
    members = everything(tmp_path, source)
    stored, settings = json.loads(members["database.json"]), json.loads(members["settings.json"])
    assert stored["revision"] == stored["newest"]
    assert (stored["rows"]["agent"], stored["tenants"], stored["agents"]) == (1, 1, {"pending 1": 1})
    assert settings["redis_url"] == "redis://127.0.0.1:1/0"
    assert settings["smtp_user"] == "mailer"
    assert "LimitNOFILE=8192" in members["unit.txt"]
    states = {finding["id"]: finding["state"] for finding in json.loads(members["doctor.json"])}
    assert (states["agents-pending"], states["smtp"], states["redis"]) == ("unwell",) * 3


def test_names_are_hashed_on_request(tmp_path: Path, source: Source) -> None:
    told = "\n".join(everything(tmp_path, source, anonymous=True).values())
    for name in ("dbhost7", "acme", "agt_1", "mailer"):
        assert name not in told.lower(), name
    assert "approve --tenant name-" in told


def test_settings_that_are_shown_are_settings() -> None:
    assert HARMLESS - set(Settings.model_fields) == set()
    assert {"database", "redis_url"} & HARMLESS == set()


def test_the_command_says_what_it_wrote(
    tmp_path: Path, source: Source, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    to = tmp_path / "out.tar.gz"
    state = str(source.flags["state_dir"])
    monkeypatch.setattr(sys, "argv", ["fieldpost-collector", "--state-dir", state, "diag", "--to", str(to)])
    for expected in (0, 1):
        with pytest.raises(SystemExit) as ended:
            cli.main()
        assert (ended.value.code or 0) == expected
    said = capsys.readouterr()
    assert f"wrote {to}: README.txt" in said.out
    assert "cannot be written (File exists)" in said.err
    assert to.stat().st_mode & 0o777 == 0o600
