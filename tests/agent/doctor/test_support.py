"""A support file is made of what helps, and of no secret, wherever one was planted."""

import base64
import io
import json
import os
import sys
import tarfile
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agent.assigned import FILE_NAME
from agent.cli import main
from agent.config import Connection, save_connections
from agent.doctor.settings_file import Source
from agent.doctor.support import HARMLESS, collect
from agent.identity import CANDIDATE_FILE, KEY_FILE
from agent.settings import Settings
from agent.spool import Limits, Spool
from agent.status import Status, write_status
from common import tokens, wire
from common.clock import utc_now
from common.identity import PrivateKey
from common.wire import Assignment, Rejection
from common.wire_aws import Account
from tests.agent.doctor.grounds import enrol, ground

ACCOUNT = Account(
    "123456789012", "Shop", "arn:aws:iam::123456789012:role/fieldpost", "Pl4nt-external-id", ("eu-west-1",)
)
SECRETS = {
    "file": "Pl4nt-of-the-file", "variable": "Pl4nt-of-the-variable", "credential": "Pl4nt-of-the-credential",
    "proxy": "Pl4nt:of-the-proxy", "wallet": "Pl4ntOfTheWalletXYZ", "external": ACCOUNT.external_id,
    "aws": "Pl4nt/Aws+Secret/Key", "url": "Pl4nt-in-a-url", "log": "Pl4nt-in-a-log-line", "unit": "Pl4nt-in-a-unit",
    "token": tokens.mint(tokens.ENROLMENT_TOKEN), "row": "Pl4nt-in-a-record", "settings": "Pl4nt-in-settings",
    "descriptor": "Pl4nt-in-a-descriptor",
}  # fmt: skip


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Source:
    """An agent with a secret in every place where one can be."""
    at = ground(tmp_path)
    enrol(at, "https://127.0.0.1:1").save(at.state / CANDIDATE_FILE)
    monkeypatch.setenv("SALES_PASSWORD", SECRETS["variable"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRETS["aws"])
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
    monkeypatch.setenv("HTTPS_PROXY", f"http://fo:{SECRETS['url']}@127.0.0.1:1")
    monkeypatch.setenv("FIELDPOST_ENROL_TOKEN", SECRETS["token"])
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(planted(tmp_path / "credentials", "sales", SECRETS["credential"])))
    wallet = planted(tmp_path / "wallet", "ewallet.pem", f"-----BEGIN KEY-----\n{SECRETS['wallet']}\n-----END KEY-----")
    password = planted(tmp_path / "passwords", "a", SECRETS["file"]) / "a"
    login = planted(tmp_path / "proxies", "login", SECRETS["proxy"]) / "login"
    kept = [
        connection("A", password_file=password), connection("B", password_env="SALES_PASSWORD", wallet_dir=wallet),
        connection("C", password_credential="sales"),
    ]  # fmt: skip
    save_connections(at.settings.connections_file, kept)
    (at.state / FILE_NAME).write_bytes(wire.encode(Assignment(version="v1", accounts=(ACCOUNT,))))
    with closing(Spool(at.state, Limits(min_free=0))) as spool:
        spool.append("run", datetime.now(UTC), {"text": SECRETS["row"]})
        spool.flush()
        offer = spool.offer()
        assert offer
        spool.bury(offer, [Rejection(1, "malformed", f"text: {SECRETS['row']}; expected less")])
    problems = (f"uplink: proxy http://fo:{SECRETS['url']}@p refused", f"logon: password {SECRETS['file']} refused")
    now = utc_now()
    write_status(at.state, Status(now, os.getpid(), "1", now, None, None, "", None, problems, ()))
    tools(tmp_path, monkeypatch)
    return Source(None, {"state_dir": at.state, "config_dir": tmp_path / "etc", "proxy_login_file": login})


def connection(name: str, **how: object) -> Connection:
    given = {"host": "127.0.0.1", "port": 1, "service": "sales", "user": "SCOTT", **how}
    return Connection(key=name, name=name, **given)  # type: ignore[arg-type]  # of the words above


def planted(folder: Path, name: str, content: str) -> Path:
    folder.mkdir(mode=0o700)
    (folder / name).write_text(content)
    (folder / name).chmod(0o600)
    return folder


def tools(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A service manager and a journal that tell more than they should."""
    pair = base64.b64encode(f"x:{SECRETS['file']}".encode()).decode()
    lines = [
        f"logon password={SECRETS['log']} failed",
        f"url https://u:{SECRETS['log']}@h/x", f"raw {SECRETS['credential']}",
        f"header {pair}", SECRETS["variable"].encode().hex(), f"token {SECRETS['token']}",
        f"dsn (DESCRIPTION=(PASSWORD={SECRETS['descriptor']})(HOST=db1))",
        f"connect scott/{SECRETS['descriptor']}@sales",
    ]  # fmt: skip
    unit = [f"Environment=X={SECRETS['unit']} Y=2", "User=fo"]
    for name, said in (("journalctl", lines), ("systemctl", unit)):
        tool = folder / "bin" / name
        tool.parent.mkdir(exist_ok=True)
        tool.write_text(f"#!{sys.executable}\nprint({chr(10).join(said)!r})\n")
        tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder / 'bin'}:{os.environ['PATH']}")


def opened(path: Path) -> dict[str, str]:
    with tarfile.open(path) as archive:
        assert {member.mode for member in archive.getmembers()} == {0o600}
        return {member.name.partition("/")[2]: read(archive, member) for member in archive.getmembers()}


def read(archive: tarfile.TarFile, member: tarfile.TarInfo) -> str:
    file = archive.extractfile(member)
    assert file
    return io.TextIOWrapper(file).read()


def everything(tmp_path: Path, source: Source, *, anonymous: bool = False) -> dict[str, str]:
    bundle, _ = collect(source, anonymous=anonymous)
    bundle.write(tmp_path / "diag.tar.gz")
    assert (tmp_path / "diag.tar.gz").stat().st_mode & 0o777 == 0o600
    return opened(tmp_path / "diag.tar.gz")


def test_no_planted_secret_is_in_the_file_in_any_form(tmp_path: Path, source: Source) -> None:
    told = "\n".join(everything(tmp_path, source).values())
    keys = [(tmp_path / "state" / name).read_text() for name in (KEY_FILE, CANDIDATE_FILE)]
    for secret in (*SECRETS.values(), *(line for key in keys for line in key.splitlines() if len(line) > 10)):
        raw = secret.encode()
        whole = base64.b64encode(raw).decode().rstrip("=")
        inner = [base64.b64encode(b"\0" * offset + raw).decode()[4:-4] for offset in (1, 2)]
        for form in (secret, raw.hex(), raw.hex().upper(), whole[:-1], *inner):
            assert form not in told, (secret, form)
    assert "Pl4nt" not in told
    assert base64.b64encode(b"Pl4nt").decode()[:6] not in told


def test_what_helps_is_in_the_file(tmp_path: Path, source: Source) -> None:
    members = everything(tmp_path, source)
    assert {"versions.json", "settings.json", "doctor.json", "status.json", "spool.json", "log.txt", "unit.txt"} <= set(
        members
    )
    settings, spool = json.loads(members["settings.json"]), json.loads(members["spool.json"])
    assert settings["spool_max_bytes"] == 536870912
    assert (spool["dead"], spool["dead_by_reason"]) == (1, {"run: malformed": 1})
    assert json.loads(members["assignment.json"])["accounts"] == 1
    assert any(
        finding["id"] == "enrolment" or finding["id"] == "proxy" for finding in json.loads(members["doctor.json"])
    )
    assert [one["user"] for one in json.loads(members["connections.json"])] == ["SCOTT"] * 3
    assert "User=fo" in members["unit.txt"]
    assert "(HOST=db1)" in members["log.txt"]
    assert "AWS_SECRET_ACCESS_KEY" in members["environment.json"]


def test_names_are_hashed_on_request(tmp_path: Path, source: Source) -> None:
    members = everything(tmp_path, source, anonymous=True)
    told = "\n".join(members.values())
    assert "SCOTT" not in told
    assert "sales" not in told.lower().replace("sales_password", "")
    users = [one["user"] for one in json.loads(members["connections.json"])]
    assert users[0].startswith("name-")
    assert len(set(users)) == 1


def test_a_setting_is_shown_only_when_it_is_known_to_be_harmless(tmp_path: Path) -> None:
    assert HARMLESS - set(Settings.model_fields) <= {"key_max_age_days", "bundle_every_s"}, "of settings that are gone"
    file = tmp_path / "agent.toml"
    file.write_text("unknown = 5\n")
    members = everything(tmp_path, Source(file, {}))
    assert "settings.json" not in members, "they could not be read, and doctor says why"
    assert "unknown key `unknown`" in members["doctor.json"]


def test_the_command_says_what_it_wrote_and_overwrites_nothing(
    tmp_path: Path, source: Source, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    to = tmp_path / "out.tar.gz"
    state = str(source.flags["state_dir"])
    monkeypatch.setattr(sys, "argv", ["fieldpost-agent", "--state-dir", state, "diag", "--to", str(to), "--anonymous"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code
    assert f"wrote {to}: README.txt" in capsys.readouterr().out
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    assert "cannot be written (File exists)" in capsys.readouterr().err


def test_a_private_key_is_known_by_its_secret_part(tmp_path: Path) -> None:
    at = ground(tmp_path)
    PrivateKey.generate().save(at.state / KEY_FILE)
    from agent.doctor.support import _secrets  # noqa: PLC0415 - of this test alone

    assert (at.state / KEY_FILE).read_text() in set(_secrets(at.settings))
