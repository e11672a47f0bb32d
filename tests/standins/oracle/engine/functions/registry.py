"""The function table: one entry per Oracle function, with what it takes and what it gives."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from tests.standins.oracle.engine.sqltypes import NULL, SqlType

Implementation = Callable[..., Any]
F = TypeVar("F", bound=Implementation)
ResultType = SqlType | Callable[[list[SqlType]], SqlType]


@dataclass(frozen=True)
class Function:
    """One SQL function.

    `parameters` names what each argument is converted to: number, text, date, moment (DATE or TIMESTAMP),
    timestamp, zoned, interval, raw or any; the last one repeats when the function takes any number.
    """

    name: str
    implementation: Implementation
    parameters: tuple[str, ...]
    least: int
    most: int
    returns: ResultType
    nulls: bool = False  # is called with NULLs too; otherwise NULL in, NULL out
    session: bool = False  # wants the session as first argument
    condition: bool = False  # REGEXP_LIKE: stands where a condition stands

    def wanted(self, index: int) -> str:
        return self.parameters[min(index, len(self.parameters) - 1)]

    def result(self, arguments: list[SqlType]) -> SqlType:
        return self.returns if isinstance(self.returns, SqlType) else self.returns(arguments)


FUNCTIONS: dict[str, Function] = {}
NOT_SIMULATED = frozenset(  # functions that Oracle has and the stand-in lacks: no invalid identifiers
    """
    ACOS APPROX_COUNT_DISTINCT ASCIISTR ASIN ATAN ATAN2 BFILENAME BIN_TO_NUM CARDINALITY CHARTOROWID CLUSTER_ID
    COLLATION COLLECT COMPOSE CORR COSH COVAR_POP COVAR_SAMP CUBE_TABLE DECOMPOSE DEREF DUMP EMPTY_BLOB EMPTY_CLOB
    EXISTSNODE EXTRACTVALUE GROUPING GROUPING_ID GROUP_ID ITERATION_NUMBER JSON_ARRAY JSON_ARRAYAGG JSON_OBJECT
    JSON_OBJECTAGG JSON_QUERY JSON_TABLE JSON_VALUE NCHR NLSSORT NLS_INITCAP NLS_LOWER NLS_UPPER NUMTOYMINTERVAL
    POWERMULTISET RAWTONHEX REF REGR_SLOPE ROWIDTOCHAR ROWIDTONCHAR SINH SOUNDEX STANDARD_HASH
    STATS_MODE SYS_CONNECT_BY_PATH SYS_DBURIGEN SYS_TYPEID SYS_XMLAGG SYS_XMLGEN TAN TANH TIMESTAMP_TO_SCN TO_BLOB
    TO_MULTI_BYTE TO_NCLOB TO_SINGLE_BYTE TO_YMINTERVAL TREAT UNISTR VALIDATE_CONVERSION XMLAGG XMLCAST XMLCOLATTVAL
    XMLELEMENT XMLFOREST XMLQUERY XMLROOT XMLSEQUENCE XMLSERIALIZE XMLTABLE XMLTYPE
    """.split(),  # noqa: SIM905 - quoted one by one they read worse
)
_MANY = 120


def function(
    names: str,
    signature: str,
    returns: ResultType,
    *,
    nulls: bool = False,
    session: bool = False,
    condition: bool = False,
) -> Callable[[F], F]:
    """Enter a function: signature such as "text number number?" or "any any*"."""
    words = signature.split()
    optional = sum(word.endswith("?") for word in words)
    many = bool(words) and words[-1].endswith("*")
    parameters = tuple(word.rstrip("?*") for word in words)

    def enter(implementation: F) -> F:
        for name in names.split():
            FUNCTIONS[name] = Function(
                name,
                implementation,
                parameters,
                least=len(words) - optional - many,
                most=_MANY if many else len(words),
                returns=returns,
                nulls=nulls,
                session=session,
                condition=condition,
            )
        return implementation

    return enter


def as_first(arguments: list[SqlType]) -> SqlType:
    """The result has the type of the first argument."""
    return arguments[0] if arguments else NULL
