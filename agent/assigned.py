"""The assignment as it is kept on disk: what the collector wants, also while it is away."""

from pathlib import Path

from common import wire
from common.wire import Assignment, CheckSetting

FILE_NAME = "assignment.json"


def parse(document: bytes, *, etag: str) -> Assignment:
    """Read an assignment; `WireError` says which part of it cannot be used."""
    assignment = wire.decode(document, Assignment)
    if not assignment.version or (etag and assignment.version != etag):
        raise wire.WireError("malformed", f"version: `{assignment.version}`; expected its ETag `{etag}`")
    jobs = [job.job for job in assignment.jobs]
    if len(set(jobs)) != len(jobs):
        raise wire.WireError("malformed", "jobs: one of them is there twice")
    for setting in assignment.checks:
        if setting.origin == "tag" and setting.tag is None:
            raise wire.WireError("malformed", f"checks: {setting.check} of origin tag; expected a tag")
        if setting.origin == "connection" and setting.connection is None:
            raise wire.WireError("malformed", f"checks: {setting.check} of origin connection; expected a connection")
    return assignment


def check_settings(state_dir: Path) -> tuple[CheckSetting, ...]:
    """The overrides in force; none while there is no assignment that can be read."""
    try:
        return parse((state_dir / FILE_NAME).read_bytes(), etag="").checks
    except (OSError, wire.WireError):
        return ()
