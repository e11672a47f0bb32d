"""Scenario files as their lint reads them: without the engine, so that the two cannot agree on the same mistake."""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1] / "standins" / "oracle"
SCENARIOS = sorted(file.parent.name for file in (ROOT / "scenarios").glob("*/scenario.yaml"))
RELEASES = ("12.1", "12.2", "18c", "19c", "21c", "23ai")
NOW = datetime(2026, 11, 21, 22, 0, 0)  # noqa: DTZ001 - an instant of the database's own time zone
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}

Cell = str | int | float | datetime | None
Row = Mapping[str, Cell]
Written = Mapping[str, object]


@cache
def read_yaml(file: Path) -> object:
    with file.open(encoding="utf-8") as stream:
        return yaml.load(stream, getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - a safe loader either way


def mapping(value: object) -> Mapping[str, object]:
    assert isinstance(value, dict), f"{value!r}: expected a mapping"
    return value


def mappings(value: object) -> Sequence[Written]:
    assert isinstance(value, list), f"{value!r}: expected a list"
    return [mapping(item) for item in value]


@cache
def view_facts() -> Mapping[str, Mapping[str, object]]:
    views = mapping(mapping(read_yaml(ROOT / "data" / "views.yaml"))["views"])
    return {name: mapping(facts) for name, facts in views.items()}


def scenario_keys(name: str) -> Mapping[str, object]:
    return mapping(read_yaml(ROOT / "scenarios" / name / "scenario.yaml"))


@cache
def own_files(name: str) -> Mapping[str, Path]:
    return {file.stem: file for file in (ROOT / "scenarios" / name / "views").glob("*.yaml")}


@cache
def files(name: str) -> Mapping[str, Path]:
    parent = scenario_keys(name).get("extends")
    return {**(files(str(parent)) if parent else {}), **own_files(name)}


def release_of(name: str) -> str:
    major = str(scenario_keys(name)["release"]).partition(".")[0]
    return {"19": "19c", "21": "21c", "23": "23ai"}[major]


@cache
def columns_of(view: str, scenario: str) -> Mapping[str, Mapping[str, object]]:
    facts, here = view_facts()[view], RELEASES.index(release_of(scenario))

    def visible(column: Mapping[str, object]) -> bool:
        since, until = column.get("since", RELEASES[0]), column.get("until", RELEASES[-1])
        return RELEASES.index(str(since)) <= here <= RELEASES.index(str(until))

    columns = {str(column["name"]): column for column in mappings(facts["columns"]) if visible(column)}
    if facts["kind"] == "dynamic":
        columns.setdefault("INST_ID", {"name": "INST_ID", "type": "NUMBER"})  # of the GV$ form
    if scenario_keys(scenario)["cdb"] and facts["kind"] == "dictionary":
        columns.setdefault("CON_ID", {"name": "CON_ID", "type": "NUMBER"})
    return columns


def written_rows(scenario: str) -> Iterator[tuple[str, Written]]:
    """View and row of every row of the scenario's own files, generators unwrapped but not expanded."""
    for view, file in own_files(scenario).items():
        for row in mappings(read_yaml(file)):
            yield view, mapping(row["row"]) if "row" in row else row


@cache
def rows_of(scenario: str, view: str) -> Sequence[Row]:
    """What the view shows at NOW on the first instance of a stand-in started at NOW."""
    return [row for row in rows_of_all_instances(scenario, view) if row.get("INST_ID", 1) == 1]


@cache
def rows_of_all_instances(scenario: str, view: str) -> Sequence[Row]:
    """What the GV$ form of the view shows."""
    file = files(scenario).get(view)
    return [row for written in (mappings(read_yaml(file)) if file else ()) for row in _expand(written)]


def _expand(written: Written) -> Iterator[Row]:
    if "row" not in written:
        yield {name: _cell(value, 0, timedelta()) for name, value in written.items()}
        return
    repeat = mapping(written["repeat"])
    for index in range(int(str(repeat["count"]))):
        shift = _span(repeat["every"]) * index
        yield {name: _cell(value, index, shift) for name, value in mapping(written["row"]).items()}


def _cell(value: object, index: int, shift: timedelta) -> Cell:
    if isinstance(value, str):
        return value.replace("{i}", str(index))
    if isinstance(value, dict):
        return _generated(value, index, shift)
    assert value is None or isinstance(value, int | float | datetime), f"{value!r}: expected a scalar"
    return value


def _generated(value: Mapping[str, object], index: int, shift: timedelta) -> Cell:
    if "seq" in value:
        return int(str(value["seq"])) + index * int(str(value.get("step", 1)))
    if "counter" in value:
        return float(str(value["counter"]))
    past = -_span(value["in"]) if "in" in value else _span(value.get("ago", value.get("before_start")))
    moment = NOW - past - shift
    return str(moment) if "format" in value else moment


def _span(text: object) -> timedelta:
    match = re.fullmatch(r"(\d+)([smhd])", str(text))
    assert match, f"{text!r}: expected a span such as 90s, 30m, 9h or 12d"
    return timedelta(seconds=int(match[1]) * UNITS[match[2]])


def number(value: Cell) -> float:
    assert isinstance(value, int | float), f"{value!r}: expected a number"
    return value


def container(row: Row) -> Cell:
    return row.get("CON_ID", 0)


def by(rows: Sequence[Row], *columns: str) -> Mapping[tuple[Cell, ...], Row]:
    keyed = {tuple(row.get(column) for column in columns): row for row in rows}
    assert len(keyed) == len(rows), f"{columns} are not unique"
    return keyed
