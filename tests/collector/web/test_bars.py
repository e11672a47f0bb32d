"""Bars of uptime: what they say, and that they stay small."""

import re
from datetime import date, timedelta
from xml.etree import ElementTree as ET

from collector.domain.services.rules import STATUSES, Inputs
from collector.domain.services.uptime import Day, days
from collector.web.charts import bars
from tests.collector.builders import T0


def of(count: int) -> list[Day]:
    return days(Inputs(service_id=1, since=T0), T0.date(), T0 + timedelta(days=count - 1))


def test_each_day_says_its_date_its_status_and_its_uptime() -> None:
    picture = bars.uptime(of(3), title="Payments, 3 days")
    assert "Payments, 3 days" in picture
    assert f"{T0.date().isoformat()}: Operational, 100.000 %" in picture
    assert picture.count("<rect") == 3
    ET.fromstring(str(picture))  # noqa: S314 - our own markup


def test_a_day_of_which_nobody_knows_says_so() -> None:
    assert bars.words(date(2026, 6, 1), None, None) == "2026-06-01: not observed"


def test_the_worse_a_day_the_taller_its_bar() -> None:
    picture = bars.strip([None, *STATUSES], title="all")
    assert [int(tall) for tall in re.findall(r"v-(\d+)", picture)] == [4, 18, 18, 21, 25, 28]


def test_many_bars_are_few_bytes() -> None:
    assert len(bars.strip(["operational"] * 90, title="Payments")) < 1500


def test_a_title_from_outside_is_no_markup() -> None:
    assert "<script>" not in bars.uptime(of(1), title="<script>alert(1)</script>")
