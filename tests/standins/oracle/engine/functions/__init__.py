"""Oracle's SQL functions; importing the package fills the table."""

from tests.standins.oracle.engine.functions import (  # noqa: F401 - each module enters its functions
    conversion,
    dates,
    environment,
    numeric,
    regular,
    text,
)
