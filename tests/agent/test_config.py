import stat
from pathlib import Path
from typing import Any

import pytest

from agent.config import Connection, load_connections, make_connection, save_connections
from agent.settings import Settings
from common.settings import ConfigurationError, load

GOOD: dict[str, Any] = {
    "key": "0b6d7c1e-2f0a-4f6e-9a53-3f1f5f6f7a10",
    "name": "Sales (prod)",
    "user": "fieldpost",
    "host": "db1.example.com",
    "service": "sales.example.com",
    "password_env": "SALES_PASSWORD",
}
TNS = "(DESCRIPTION=(ADDRESS_LIST=(ADDRESS=(PROTOCOL=TCPS)(HOST=scan1)(PORT=2484))(ADDRESS=(HOST=scan2)(PORT=1)))"


def test_what_is_not_said_has_a_default_that_is_safe() -> None:
    connection = make_connection(GOOD)
    assert (connection.port, connection.mode, connection.tier, connection.type) == (1521, "normal", "prod", "direct")
    assert (connection.tags, connection.packs, connection.host_checks) == ((), frozenset(), False)
    assert connection.share == {"users"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": ""}, "name: ``; expected 1 to 128 letters"),
        ({"name": "a\nb"}, "name: `a\nb`; expected 1 to 128 letters"),
        ({"host": "db 1"}, "host: `db 1`; expected a host name or IP address"),
        ({"host": None}, "host: missing; expected host with service or sid, or descriptor"),
        ({"port": 0}, "port: `0`; expected a number from 1 to 65535"),
        ({"port": "1521"}, "port: `1521`; expected a number from 1 to 65535"),
        ({"port": True}, "port: `True`; expected a number"),
        ({"service": None}, "service, sid: expected exactly one of both"),
        ({"sid": "ORCL"}, "service, sid: expected exactly one of both"),
        ({"service": "a b"}, "service: `a b`; expected a service name"),
        ({"user": None}, "user: missing"),
        ({"user": "x\0"}, "user: `x\0`; expected a user name"),
        ({"mode": "sysoper"}, "mode: `sysoper`; expected one of normal, sysdg, sysdba"),
        ({"tier": "production"}, "tier: `production`; expected one of prod, test, dev"),
        ({"tags": ["ok", "no spaces"]}, "tags: `no spaces`; expected 1 to 64 letters"),
        ({"tags": [3]}, "tags: `3`; expected 1 to 64 letters"),
        ({"packs": ["partitioning"]}, "packs: `partitioning`; expected one of diagnostics, tuning"),
        ({"share": ["all"]}, "share: `all`; expected one of users, machines, sql"),
        ({"host_checks": "yes"}, "host_checks: `yes`; expected true or false"),
        ({"password_env": None}, "password: none; expected exactly one of password_file, password_env, password_cred"),
        ({"password_file": "/x"}, "password: password_file and password_env; expected exactly one"),
        ({"password_env": "A-B"}, "password_env: `A-B`; expected the name of an environment variable"),
        ({"wallet_dir": "wallet"}, "wallet_dir: `wallet`; expected the absolute path of a folder"),
        ({"password": "secret"}, "password: unknown field; known are key, name"),
        ({"descriptor": "h/s"}, "service: `sales.example.com`; expected none beside a descriptor"),
    ],
)
def test_a_wrong_field_is_named_with_its_value_and_what_was_expected(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        make_connection({**GOOD, **change})
    assert message in str(raised.value)


def test_everything_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(ConfigurationError) as raised:
        make_connection({**GOOD, "port": 0, "mode": "x", "tier": "y"})
    assert [part.partition(":")[0] for part in str(raised.value).split("; ") if "`" in part] == ["port", "mode", "tier"]


@pytest.mark.parametrize(
    ("descriptor", "address"),
    [
        (TNS + "(CONNECT_DATA=(SERVICE_NAME=s)))", ("scan1", 2484)),
        ("db1/sales", ("db1", 1521)),
        ("db1:1522/sales", ("db1", 1522)),
        ("//db1:1522/sales", ("db1", 1522)),
        ("tcps://db1.example.com:2484/sales?wallet_location=/w", ("db1.example.com", 2484)),
        ("[fe80::1]:1522/sales", ("fe80::1", 1522)),
        ("db1,db2:1522/sales", ("db1", 1522)),
        ("SALES", ("db-alias", 1599)),
        ("other.world", ("db-other", 1521)),
    ],
)
def test_the_first_address_of_a_descriptor_is_known(tmp_path: Path, descriptor: str, address: tuple[str, int]) -> None:
    (tmp_path / "tnsnames.ora").write_text(
        "# SALES = (DESCRIPTION=(ADDRESS=(HOST=old)(PORT=1)))\n"
        "other, other.world =\n  (DESCRIPTION = (ADDRESS = (HOST = db-other)))\n"
        "SALES =\n (DESCRIPTION =\n  (ADDRESS = (PROTOCOL = TCP)(HOST = db-alias)(PORT = 1599))\n"
        "  (CONNECT_DATA = (SERVICE_NAME = sales)))\n"
    )
    values = {**GOOD, "host": None, "service": None, "descriptor": descriptor, "config_dir": tmp_path}
    connection = make_connection(values)
    assert (connection.host, connection.port) == address
    assert connection.type == "descriptor"


@pytest.mark.parametrize(
    ("descriptor", "message"),
    [
        ("SALES", r"descriptor: `SALES` is a name in tnsnames\.ora; expected config_dir"),
        ("(DESCRIPTION=(ADDRESS=(HOST=x))", r"expected as many \) as \("),
        ("(DESCRIPTION=(CONNECT_DATA=(SERVICE_NAME=s)))", r"expected an address with \(HOST="),
        ("db1:port/sales", r"expected host\[:port\]/service"),
    ],
)
def test_a_descriptor_without_an_address_is_refused(descriptor: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        make_connection({**GOOD, "host": None, "service": None, "descriptor": descriptor})


def test_a_name_that_tnsnames_does_not_have_is_refused(tmp_path: Path) -> None:
    values = {**GOOD, "host": None, "service": None, "descriptor": "SALES", "config_dir": tmp_path}
    with pytest.raises(ConfigurationError, match=r"tnsnames\.ora cannot be read"):
        make_connection(values)
    (tmp_path / "tnsnames.ora").write_text("X = (DESCRIPTION=(ADDRESS=(HOST=x)))\n")
    with pytest.raises(ConfigurationError, match=r"expected a name that .* defines"):
        make_connection(values)


class TestFile:
    def connections(self) -> tuple[Connection, ...]:
        first = make_connection({**GOOD, "tags": ["a", "b=c"], "packs": ["tuning"], "host_checks": True})
        values = {**GOOD, "host": None, "service": None, "key": "k2", "name": "Other"}
        second = make_connection({**values, "user": 'a"b\\c', "descriptor": TNS + "\n)", "wallet_dir": "/w"})
        return first, second

    def test_what_is_written_is_read_again(self, tmp_path: Path) -> None:
        path = tmp_path / "connections.toml"
        save_connections(path, self.connections())
        assert load_connections(path) == self.connections()
        assert stat.S_IMODE(path.stat().st_mode) == 0o600

    def test_there_are_none_before_the_first_is_added(self, tmp_path: Path) -> None:
        assert load_connections(tmp_path / "connections.toml") == ()

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            ("[[connection]]\nname = ", "connections.toml: "),
            ("[connections]\n", r"\['connections'\]; expected \[\[connection\]\] tables"),
            ("connection = 3\n", r"expected \[\[connection\]\] tables"),
            ("connection = [3]\n", "entry 1; expected a"),
            ("[[connection]]\nname = 'x'\nport = 'y'\n", "connection x: port: `y`; expected a number"),
        ],
    )
    def test_what_cannot_be_read_is_named(self, tmp_path: Path, content: str, message: str) -> None:
        path = tmp_path / "connections.toml"
        path.write_text(content)
        with pytest.raises(ConfigurationError, match=message):
            load_connections(path)

    def test_two_connections_of_one_name_are_refused(self, tmp_path: Path) -> None:
        first, _ = self.connections()
        with pytest.raises(ConfigurationError, match="occurs twice"):
            save_connections(tmp_path / "c.toml", [first, first])


class TestPassword:
    def test_it_is_read_anew_each_time(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        file = tmp_path / "password"
        connection = make_connection({**GOOD, "password_env": None, "password_file": file})
        for password in ("old", "new with spaces "):
            file.write_text(password + "\n")
            assert connection.read_password() == password
        monkeypatch.setenv("SALES_PASSWORD", "from the environment")
        assert make_connection(GOOD).read_password() == "from the environment"
        monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
        credential = make_connection({**GOOD, "password_env": None, "password_credential": "password"})
        assert credential.read_password() == "new with spaces "

    def test_a_source_without_a_password_is_named(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("SALES_PASSWORD", raising=False)
        with pytest.raises(ConfigurationError, match="password_env: `SALES_PASSWORD` is not set"):
            make_connection(GOOD).read_password()
        file = tmp_path / "password"
        connection = make_connection({**GOOD, "password_env": None, "password_file": file})
        with pytest.raises(ConfigurationError, match=r"password_file: .* cannot be read"):
            connection.read_password()
        file.write_text("\n")
        with pytest.raises(ConfigurationError, match=r"password_file: .* is empty"):
            connection.read_password()


class TestSettings:
    @pytest.mark.parametrize(
        ("content", "message"),
        [
            ("spool_size = 1\n", "unknown key `spool_size`; known are aws_live_prices, "),
            ("spool_max_bytes = 5\n", "spool_max_bytes: "),
            ("collector_url = 'http://elsewhere.example.com'\n", "expected https, plain http is for a collector on"),
            ("log_level = 'loud'\n", "log_level: "),
            ("= 3", "settings file"),
        ],
    )
    def test_a_wrong_setting_is_named(self, tmp_path: Path, content: str, message: str) -> None:
        file = tmp_path / "agent.toml"
        file.write_text(content)
        with pytest.raises(ConfigurationError, match=message):
            load(Settings, file=file)

    def test_flags_win_over_the_environment_and_that_over_the_file(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        file = tmp_path / "agent.toml"
        file.write_text("log_level = 'error'\nlog_format = 'json'\nspool_max_age_s = 7200\n")
        monkeypatch.setenv("FIELDPOST_LOG_LEVEL", "warning")
        monkeypatch.setenv("FIELDPOST_LOG_FORMAT", "logfmt")
        found = load(Settings, file=file, flags={"log_level": "debug", "state_dir": None})
        assert (found.log_level, found.log_format, found.spool_max_age_s) == ("debug", "logfmt", 7200)

    def test_the_service_managers_state_folder_is_taken(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("FIELDPOST_STATE_DIR", raising=False)
        monkeypatch.setenv("STATE_DIRECTORY", "/var/lib/somewhere")
        assert load(Settings).state_dir == Path("/var/lib/somewhere")


@pytest.mark.parametrize(
    "descriptor",
    [
        "scott/tiger@h:1521/s",
        "scott/tiger@//h/s",
        "tcps://scott/tiger@h/s?retry_count=1",
        "tcps://h/s?wallet_password=tiger",
        "(DESCRIPTION=(ADDRESS=(HOST=h)(PORT=1521))(CONNECT_DATA=(SERVICE_NAME=s))(SECURITY=(PASSWORD = tiger)))",
        "h/s\x00tiger",
    ],
)
def test_a_descriptor_with_a_password_is_refused_and_not_repeated(descriptor: str) -> None:
    values = {**GOOD, "host": None, "service": None, "descriptor": descriptor}
    with pytest.raises(ConfigurationError, match="descriptor: ") as refused:
        make_connection(values)
    assert "tiger" not in str(refused.value)


def test_a_password_written_into_the_file_by_hand_is_refused_too(tmp_path: Path) -> None:
    good = make_connection({**GOOD, "host": None, "service": None, "descriptor": "h:1521/s"})
    path = tmp_path / "connections.toml"
    save_connections(path, [good])
    path.write_text(path.read_text().replace('"h:1521/s"', '"scott/tiger@h:1521/s"'))
    with pytest.raises(ConfigurationError, match="holds a user or a password") as refused:
        load_connections(path)
    assert "tiger" not in str(refused.value)


@pytest.mark.parametrize("share", [[], ["users"], ["sql", "machines"]])
def test_what_may_be_named_outlives_the_file(tmp_path: Path, share: list[str]) -> None:
    path = tmp_path / "connections.toml"
    save_connections(path, [make_connection({**GOOD, "share": share})])
    assert load_connections(path)[0].share == set(share)
