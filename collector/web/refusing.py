"""What the domain refuses becomes what is wrong with a form."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from collector.core.problems import Problem, Refusal, not_found
from collector.domain.incidents.rules import Unusable
from collector.domain.maintenance.changes import NoSuchWindow
from collector.domain.maintenance.recurring import NoSuchRule
from collector.domain.maintenance.rules import Unfit
from collector.domain.services.changes import NoSuchService
from collector.web.forms import NotFilled, shown

_MISSING = (NoSuchService, NoSuchWindow, NoSuchRule)


@contextmanager
def on_form(pairs: Sequence[tuple[str, str]], names: Mapping[str, str] | None = None) -> Iterator[None]:
    """For pages that show the form again; `names`: fields of the form by what the domain calls them."""
    given, called = shown(pairs), names or {}
    try:
        yield
    except (Unusable, Unfit) as error:
        raise NotFilled({called.get(error.field, error.field): f"expected {error.expected}"}, given) from error
    except _MISSING as error:
        raise not_found() from error
    except Refusal as error:
        raise NotFilled({"": sentence(error)}, given) from error
    except ValueError as error:
        field, _, rest = str(error).partition(": ")
        _, _, expected = rest.rpartition("expected ")
        if not expected:
            raise
        raise NotFilled({called.get(field, field): f"expected {expected}"}, given) from error


@contextmanager
def on_page() -> Iterator[None]:
    """For buttons, which have no form to show again."""
    try:
        yield
    except _MISSING as error:
        raise not_found() from error
    except Refusal as error:
        raise Problem(409, "conflict", sentence(error)) from error


def sentence(error: Exception) -> str:
    text = str(error).rstrip(".")
    return f"{text[:1].upper()}{text[1:]}."
