"""What a proof found, and its verdict: it held where nothing was found."""

from collections.abc import Mapping

from collector.prove.proof import Verdict

_TOLD = 5


class Findings:
    """Every one is counted, the first few are told."""

    def __init__(self) -> None:
        self._told: list[str] = []
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, what: str) -> None:
        self._count += 1
        if len(self._told) < _TOLD:
            self._told.append(what)

    def expect(self, holds: bool, what: str) -> None:  # noqa: FBT001 - it reads as the sentence it is
        if not holds:
            self.add(what)

    def verdict(self, did: str, counts: Mapping[str, int], *, limit: str = "") -> Verdict:
        """`limit`: what a proof that held does not show."""
        if not self._count:
            return Verdict(state="held", did=did, counts=counts, why=limit)
        more = f" … and {self._count - len(self._told)} more" if self._count > len(self._told) else ""
        return Verdict(state="broken", did=did, counts=counts, why="; ".join(self._told) + more)
