"""The child process that scans and verifies accounts. Loads boto3."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec

from agent.aws.accounts import verify
from agent.aws.catalogue import Factor
from agent.aws.factors import catalogue
from agent.aws.judge import judge, worth
from agent.aws.messages import Answer, Failed, Request, Scanned, ScanRequest, VerifyRequest
from agent.aws.prices.live import Asked
from agent.aws.prices.resolve import Prices
from agent.aws.pricing import listed_now, prices_of
from agent.aws.serving import asked, say, serve
from agent.aws.session import Access, AccountError, entered, home_of, own
from agent.aws.snapshot import Snapshot
from agent.aws.sweep import Shared, sweep
from common.clock import Now, utc_now
from common.ids import new_id
from common.wire_aws import Scan

Say = Callable[[Answer], None]


def main() -> None:
    request: ScanRequest | VerifyRequest = msgspec.json.decode(asked(), type=Request)
    catalogue()  # loaded before the bound holds: without memory for it, it would look empty
    serve(request, lambda: answer(request, say), advice="take fewer regions or factors at a time")


def answer(request: Request, say: Say, *, now: Now = utc_now) -> int:
    """Do what is asked; how many calls to AWS it took."""
    unknown = [key for key in request.factors if key not in catalogue()]
    if unknown:
        say(Failed(f"factor `{unknown[0]}`; expected some of {', '.join(catalogue())}"))
        return 0
    factors = [factor for key, factor in catalogue().items() if not request.factors or key in request.factors]
    with own() as through:
        if isinstance(request, VerifyRequest):
            say(verify(through, request, factors, at=now()))
            return through.calls
        try:
            access = entered(through, request.target, request.regions[0])
        except AccountError as error:
            say(Failed(str(error)))
            return through.calls
        with access:
            _Scan(access, request, factors, prices_of(request.state_dir), now).run(say)
            return access.calls + through.calls


@dataclass(frozen=True, slots=True)
class _Scan:
    """One account, region by region, each let go of before the next."""

    access: Access
    request: ScanRequest
    factors: Sequence[Factor]
    book: Prices
    now: Now

    def run(self, say: Say) -> None:
        regions = self.request.regions
        home = next((region for region in regions if region == home_of(region)), regions[0])
        ends = time.monotonic() + self.request.deadline_s
        shared: Shared = {}
        for region in regions:
            say(self._region(region, shared, home=region == home, ends=ends))

    def _region(self, region: str, shared: Shared, *, home: bool, ends: float) -> Scanned:
        started, began, calls = self.now(), time.monotonic(), self.access.calls
        account = self.request.target.account
        look = sweep(
            self.access,
            account,
            region,
            self.factors,
            at=started,
            home=home,
            ends=ends,
            shared=shared,
            found=lambda look: worth(look, self.factors, self.book, home=home),
        )
        book, unpriced = self._priced(look, home=home)
        known = self.request.known.get(region, ())
        judged = judge(look, self.factors, book, home=home, known=known)
        scan = Scan(
            scan=new_id("scan"),
            account=account,
            region=region,
            started_at=started,
            ended_at=self.now(),
            factors=judged.judged,
            recommendations=judged.recommendations,
            undecided=judged.undecided,
            gaps={**look.gaps, **unpriced},
            gone=judged.gone,
            job=self.request.job,
            api_calls=self.access.calls - calls,
        )
        described = sum(map(len, look.resources.values()))
        return Scanned(scan, described, len(look.readings), round(time.monotonic() - began, 2))

    def _priced(self, look: Snapshot, *, home: bool) -> tuple[Prices, dict[str, str]]:
        """The prices to judge by; what AWS lists now only when told to, and then just what is wanted."""
        if not self.request.live_prices:
            return self.book, {}
        asked = Asked(self.book)
        judge(look, self.factors, asked, home=home)
        book, reason = listed_now(self.access, self.book, asked.keys, self.request.state_dir, at=self.now())
        return book, {"pricing.products": reason} if reason else {}


if __name__ == "__main__":
    main()
