"""The process of `fieldpost-agent run`: the daemon, with less in memory than its libraries would load by themselves."""

import sys

# structlog loads them, if they are there, for consoles and for greenlets; the agent has neither. 4 MiB.
sys.modules["rich"] = sys.modules["greenlet"] = None  # type: ignore[assignment]  # how an import is refused

from agent.daemon import main  # noqa: E402

if __name__ == "__main__":
    main()
