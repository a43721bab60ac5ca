"""Environments of Lambda functions, and calls of services that throttle."""

from collections.abc import Generator, Mapping
from dataclasses import replace
from random import Random
from types import SimpleNamespace
from typing import Any

import simpy
from botocore.retries.standard import ExponentialBackoff

from bench.storm.numbers import FunctionNumbers
from bench.storm.quotas import Quota
from bench.storm.times import CALL, Time, taken
from cordon.clients import CONFIG

Steps = Generator[simpy.Event, Any, Any]
TRIES: int = CONFIG.retries["total_max_attempts"]
# botocore, retries/quota.py and retries/standard.py: of one client, for all of its calls
RETRY_TOKENS, RETRY_COST = 500, 5


class Bucket:
    """A token bucket: ``rate`` a second, ``burst`` at once."""

    def __init__(self, env: simpy.Environment, quota: Quota) -> None:
        self._env = env
        self._rate, self._burst = quota.rate, quota.burst
        self._tokens, self._at = quota.burst, 0.0
        self.refused = self.taken = 0

    def _fill(self) -> None:
        now = self._env.now
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate)
        self._at = now

    def take(self, count: float = 1) -> bool:
        """Take so many, or none."""
        self._fill()
        if self._tokens < count:
            self.refused += 1
            return False
        self.taken += 1
        self._tokens -= count
        return True

    def delay(self) -> float:
        """Take one for later: the seconds until then."""
        self._fill()
        self._tokens -= 1
        return max(0.0, -self._tokens / self._rate)


class Calls:
    """Calls of one client: what is throttled is tried again as botocore does."""

    def __init__(self, env: simpy.Environment, buckets: Mapping[str, Bucket], rng: Random) -> None:
        self._env, self._buckets, self._rng = env, buckets, rng
        self._backoff = ExponentialBackoff(random=rng.random)
        self._tokens: dict[str, float] = {}

    def make(self, quota: str, time: Time = CALL) -> Steps:
        """One call; True where it succeeded within its tries."""
        left = self._tokens.setdefault(quota, RETRY_TOKENS)
        for attempt in range(1, TRIES + 1):
            yield self._env.timeout(taken(self._rng, time))
            if self._buckets[quota].take():
                self._tokens[quota] = min(RETRY_TOKENS, self._tokens[quota] + 1)
                return True
            left = self._tokens[quota]
            if attempt == TRIES or left < RETRY_COST:
                return False
            self._tokens[quota] = left - RETRY_COST
            waited = self._backoff.delay_amount(SimpleNamespace(attempt_number=attempt))
            yield self._env.timeout(waited)
        return False


UNRESERVED = 100  # that Lambda wants left (docs/operating/deploying.md)


def deployable(functions: Mapping[str, FunctionNumbers], limit: int) -> dict[str, FunctionNumbers]:
    """The functions as an account with this limit takes them: else with ReservedConcurrency=0."""
    if limit >= UNRESERVED + sum(f.reserved or 0 for f in functions.values()):
        return dict(functions)
    return {name: replace(one, reserved=None) for name, one in functions.items()}


class Sandboxes:
    """Which functions may start an execution now, and whether in a new environment."""

    def __init__(
        self,
        env: simpy.Environment,
        functions: Mapping[str, FunctionNumbers],
        limit: int,
        scaling: Quota,
    ) -> None:
        self._functions = functions
        self._free = limit - sum(f.reserved or 0 for f in functions.values())
        self._running = dict.fromkeys(functions, 0)
        self._idle = dict.fromkeys(functions, 0)
        self._new = {name: Bucket(env, scaling) for name in functions}
        self.most = dict.fromkeys(functions, 0)

    def start(self, function: str) -> bool | None:
        """True: in a new environment; False: in a warm one; None: throttled."""
        reserved = self._functions[function].reserved
        if reserved is not None:
            if self._running[function] >= reserved:
                return None
        elif self._free < 1:
            return None
        cold = self._idle[function] == 0
        if cold and not self._new[function].take():
            return None
        if not cold:
            self._idle[function] -= 1
        if reserved is None:
            self._free -= 1
        self._running[function] += 1
        self.most[function] = max(self.most[function], self._running[function])
        return cold

    def end(self, function: str) -> None:
        """The execution has ended; its environment is warm."""
        self._running[function] -= 1
        self._idle[function] += 1
        if self._functions[function].reserved is None:
            self._free += 1
