"""The small types that the structs of the link are made of."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta

Text = Annotated[str, Meta(max_length=4000)]
Name = Annotated[str, Meta(min_length=1, max_length=128)]
Seq = Annotated[int, Meta(ge=1, le=2**53)]
Count = Annotated[int, Meta(ge=0, le=2**53)]
Interval = Annotated[int, Meta(ge=0, le=31_536_000)]
Instant = Annotated[datetime, Meta(tz=True)]
