"""The examples of the Oracle health document, as it prints them, and what it means to have their shape."""

CONNECTIONS: dict[str, object] = {
    "data": [
        {
            "id": 42,
            "name": "PROD-DB01",
            "host": "10.0.1.10",
            "port": 1521,
            "connection_type": "direct",
            "latest_check_id": 1873,
            "score": 82,
            "last_checked_at": "2026-05-14T03:00:00Z",
            "summary_text": "2 critical findings...",
        }
    ],
    "meta": {"total": 5, "page": 1, "per_page": 20, "has_more": False},
}

LATEST: dict[str, object] = {
    "data": {
        "id": 1873,
        "score": 82,
        "summary_text": "2 critical findings require attention",
        "created_at": "2026-05-14T03:00:00Z",
        "checks": [
            {
                "check_id": "REDOLOG_SIZE",
                "category": "redo_logs",
                "status": "critical",
                "title": "Redo log size too small",
                "metric_line": "50MB (recommended: ≥ 500MB)",
                "remediation": "ALTER DATABASE ADD LOGFILE...",
                "severity": "critical",
            }
        ],
    }
}

FLEET: dict[str, object] = {
    "data": [
        {"id": 42, "name": "PROD", "score": 82, "status": "healthy"},
        {"id": 43, "name": "DR", "score": 55, "status": "critical"},
    ],
    "summary": {"total": 2, "healthy": 1, "warning": 0, "critical": 1, "never_run": 0},
}


ACTIVITY: dict[str, object] = {
    "data": [
        {
            "id": 9001,
            "action_type": "health_check_completed",
            "page_path": "/dashboard",
            "properties": {"connection_id": 42, "score": 82},
            "occurred_at": "2026-05-14T03:01:22Z",
        }
    ],
    "meta": {"total": 1482, "page": 1, "per_page": 50, "has_more": True},
}


EXTENSIONS = {"raw_score", "muted"}


def differences(example: object, answer: object, where: str = "$") -> list[str]:
    """Where `answer` has another shape than `example`: keys that are missing or too many, values of another type."""
    if type(example) is not type(answer):
        return [f"{where}: {type(answer).__name__}, documented as {type(example).__name__}"]
    if isinstance(example, dict) and isinstance(answer, dict):
        found = [f"{where}.{key}: missing" for key in example.keys() - answer.keys()]
        found += [f"{where}.{key}: not documented" for key in answer.keys() - example.keys() - EXTENSIONS]
        for key in example.keys() & answer.keys():
            found += differences(example[key], answer[key], f"{where}.{key}")
        return found
    if isinstance(example, list) and isinstance(answer, list):
        return [each for n, item in enumerate(answer) for each in differences(example[0], item, f"{where}[{n}]")]
    return []
