"""How an account's time passes: what is due is done, then the clock moves to the next moment."""

from datetime import datetime, timedelta

from embedded import scheduler
from embedded.delivery import EventDelivery
from embedded.scheduler import Clock, Scheduler
from embedded.schedules import Schedules, When


class Driver:
    """Runs what has been accepted: events, invocations, messages, records, executions."""

    def __init__(
        self,
        clock: Clock,
        schedule: Scheduler,
        event_delivery: EventDelivery,
        schedules: Schedules,
    ) -> None:
        self._clock = clock
        self._scheduler = schedule
        self._event_delivery = event_delivery
        self._schedules = schedules

    def settle(self, patience: timedelta | None = None) -> None:
        """Run everything until it is quiet, or until what is next lies beyond ``patience``."""
        limit = self._clock.now + patience if patience is not None else None
        last = self._clock.now + scheduler.FOREVER
        while True:
            self._work()
            moments = (self._scheduler.next_pause(), self._event_delivery.next_moment())
            moment = min((m for m in moments if m is not None), default=None)
            if moment is None or (limit is not None and moment > limit):
                return
            if moment > last:
                raise RuntimeError("this does not come to rest within a year")
            self._clock.move_to(moment)

    def advance(self, delta: timedelta, when: When) -> None:
        """Let time pass; what is due in it happens in its order."""
        target = self._clock.now + delta
        self._work()
        self._schedules.skip()
        while (moment := self._next(firing=when == "all")) is not None and moment <= target:
            self._clock.move_to(moment)
            if when == "all":
                self._schedules.fire()
            self._work()
        self._clock.move_to(target)
        if when == "last":
            self._schedules.fire(once=True)
        self.settle()

    def _next(self, *, firing: bool) -> datetime | None:
        moments = [self._scheduler.next_moment(), self._event_delivery.next_moment()]
        moments += [self._schedules.next_moment()] if firing else []
        return min((m for m in moments if m is not None), default=None)

    def _work(self) -> None:
        """Do everything that is due now."""
        while self._scheduler.run() or self._event_delivery.work():
            continue
