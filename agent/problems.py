"""What is wrong with the agent now: each thing is logged when it starts and when it ends, and reported until then."""

from common import logs

log = logs.get("agent")

_MAX_TEXT = 1000
_MAX_TEXTS = 30


class Problems:
    """Topics that are not well, each with one line of text without secrets."""

    def __init__(self) -> None:
        self._open: dict[str, tuple[str, str]] = {}

    def report(self, topic: str, text: str, *, code: str = "") -> None:
        """Note a problem; the same one (by `code`, else by its text) is not logged twice."""
        known = self._open.get(topic)
        self._open[topic] = (code or text, logs.hide_secrets(text)[:_MAX_TEXT])
        if known is None or known[0] != (code or text):
            log.warning("problem", topic=topic, reason=text)

    def over(self, topic: str) -> None:
        if self._open.pop(topic, None) is not None:
            log.info("problem is over", topic=topic)

    def update(self, topic: str, text: str) -> None:
        """Report `text`, or that all is well when there is none."""
        if text:
            self.report(topic, text)
        else:
            self.over(topic)

    def texts(self) -> tuple[str, ...]:
        """What is wrong now, as it fits into a heartbeat."""
        return tuple(f"{topic}: {text}" for topic, (_, text) in sorted(self._open.items())[:_MAX_TEXTS])
