"""Pure: what a refused logon means for who has to mend it, and the command or line that does."""

from dataclasses import dataclass

from agent.config import Connection
from agent.oracle.logins import LoginFailure

_UNENCRYPTED = (
    "SQLNET.ENCRYPTION_SERVER = ACCEPTED   # in sqlnet.ora of the server, with TCPS for what must be encrypted\n"
    "SQLNET.CRYPTO_CHECKSUM_SERVER = ACCEPTED"
)


@dataclass(frozen=True, slots=True)
class Explained:
    """`id`: of which fault it is. In `mend`, {user} {host} {port} {service} {name} are the connection's."""

    id: str
    means: str
    mend: str


_START = "lsnrctl status   # on {host}, as the owner of the listener\nlsnrctl start"
_REFUSED = (
    "fieldpost-agent connection list   # where the password of {name} comes from: correct it there, then\n"
    "fieldpost-agent connection test '{name}'\n"
    'ALTER USER {user} IDENTIFIED BY "…";   -- or give the account the password that the agent has'
)
_INSTANCE = "SELECT status, logins FROM v$instance;   -- on the server, as SYSDBA\nALTER DATABASE OPEN;"

_MEANS: dict[str, Explained] = {
    "ORA-12545": Explained(
        "database-host",
        "the host name {host} cannot be resolved here",
        "getent hosts {host}   # correct the name server, or add a line to /etc/hosts:\nADDRESS {host}",
    ),
    "ORA-12541": Explained("database-listener", "nothing listens at {host}:{port}", _START + "\nnc -vz {host} {port}"),
    "ORA-12170": Explained(
        "database-network",
        "{host}:{port} does not answer in time: a firewall drops it, or the listener hangs",
        "nc -vz -w 5 {host} {port}   # no answer: open TCP {port} from this host in the firewall\n"
        "lsnrctl status   # on {host}",
    ),
    "ORA-12514": Explained(
        "database-service",
        "the listener does not know the service {service}",
        "lsnrctl services   # on {host}: the services that there are\n"
        "ALTER SYSTEM REGISTER;   -- when it has just started",
    ),
    "ORA-12505": Explained(
        "database-service",
        "the listener does not know the SID {service}",
        "lsnrctl services   # on {host}; prefer a service name over a SID",
    ),
    "ORA-01017": Explained("database-login", "user name or password is refused", _REFUSED),
    "ORA-01005": Explained("database-login", "the password is empty", _REFUSED),
    "ORA-28000": Explained("database-login", "the account {user} is locked", "ALTER USER {user} ACCOUNT UNLOCK;"),
    "ORA-28001": Explained(
        "database-login",
        "the password of {user} has expired",
        'ALTER USER {user} IDENTIFIED BY "…";   -- and the agent\'s copy of it\n'
        "ALTER PROFILE … LIMIT PASSWORD_LIFE_TIME UNLIMITED;   -- of a profile for service accounts",
    ),
    "ORA-28009": Explained(
        "database-login",
        "SYS may log on as SYSDBA or SYSOPER only",
        "fieldpost-agent grants   # make an account of its own",
    ),
    "ORA-01045": Explained("database-grants", "the account {user} may not log on", "GRANT CREATE SESSION TO {user};"),
    "ORA-01033": Explained("database-instance", "the instance starts, stops or is only mounted", _INSTANCE),
    "ORA-01034": Explained("database-instance", "the instance is not started", "STARTUP   -- on the server, as SYSDBA"),
    "ORA-01035": Explained("database-instance", "logons are restricted", "ALTER SYSTEM DISABLE RESTRICTED SESSION;"),
    "ORA-12528": Explained("database-instance", "the instance takes no new connections now", _INSTANCE),
    "ORA-01089": Explained("database-instance", "the instance is being shut down", _INSTANCE),
    "ORA-01090": Explained("database-instance", "the instance is being shut down", _INSTANCE),
    "ORA-12660": Explained(
        "database-encryption",
        "the server requires native network encryption or checksums, which the driver's thin mode cannot do",
        _UNENCRYPTED,
    ),
    "DPY-3001": Explained(
        "database-encryption",
        "the server requires native network encryption or checksums, which the driver's thin mode cannot do",
        _UNENCRYPTED,
    ),
    "DPY-3010": Explained(
        "database-version",
        "the database is older than 12.1, the oldest that the driver's thin mode can use",
        "upgrade the database to 12.1 or later: the agent has no thick client",
    ),
    "ORA-28040": Explained(
        "database-version",
        "the server accepts no logon protocol of this driver",
        "SQLNET.ALLOWED_LOGON_VERSION_SERVER = 12   # in sqlnet.ora of the server",
    ),
    "DPY-3015": Explained(
        "database-version",
        "the account {user} has a 10G password verifier alone, which the driver's thin mode refuses",
        'ALTER USER {user} IDENTIFIED BY "…";   -- set anew, it gets verifiers of today\n'
        "SELECT password_versions FROM dba_users WHERE username = '{user}';",
    ),
    "DPY-4026": Explained(
        "database-descriptor",
        "there is no tnsnames.ora where the agent looks for it",
        "fieldpost-agent connection remove '{name}'\n"
        "fieldpost-agent connection add --name '{name}' --config-dir FOLDER …",
    ),
    "DPY-4000": Explained(
        "database-descriptor",
        "tnsnames.ora does not have the name that the connection uses",
        "grep -i '^[a-z].*=' tnsnames.ora   # the names that there are",
    ),
}
_WALLET = Explained(
    "wallet",
    "the TLS handshake with {host}:{port} fails",
    "openssl s_client -connect {host}:{port} </dev/null   # the server's certificate, and who signed it\n"
    "orapki wallet display -wallet FOLDER   # does the wallet trust that authority?",
)
_OTHER = Explained("database-network", "the logon fails", "fieldpost-agent connection test '{name}'")
_TLS = ("certificate", "ssl", "tls")


def explain(connection: Connection, failure: LoginFailure) -> tuple[str, str, str]:
    """Fault id, one sentence with the driver's words behind it, and what mends it."""
    known = _MEANS.get(failure.code)
    if known is None:
        lowered = str(failure).lower()
        known = _WALLET if any(word in lowered for word in _TLS) else _OTHER
    words = {
        "user": connection.user.upper(),
        "host": connection.host,
        "port": str(connection.port),
        "service": connection.service or connection.sid or "that the descriptor names",
        "name": connection.name,
    }
    return known.id, f"{known.means.format(**words)} ({failure})", known.mend.format(**words)


def explained() -> frozenset[str]:
    """The codes that have a sentence of their own."""
    return frozenset(_MEANS)
