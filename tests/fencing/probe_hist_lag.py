"""Probe: two cases on one real target, random verbs, random faults."""

import json, os, random, traceback
from contextlib import contextmanager
import pytest
from datetime import timedelta
from cordon.statuses import CONTAIN_ENDED, Status
from embedded.iam_guard import SandboxDied
from tests.actions.scenario import account
from tests.actions.test_contract import SCENARIOS
from tests.faults import Breakage, Fault, nothing, LOST, DIED, DIED_AFTER, DENIED, THROTTLED, BROKEN
from tests.fencing.account import memory_account
from tests.fencing.test_faults_of_actions import broken, Start
from tests.fencing.test_not_found_once import ScenarioAccount, NOT_FOUND, ABSENCE

FAULTS = [LOST, DIED, DIED_AFTER, DENIED, THROTTLED, BROKEN]


class Acc(ScenarioAccount):
    def go(self, verb, name):
        try:
            with self.breakage.process():
                if verb == "deliver":
                    self.deliver(name)
                elif verb == "again":
                    c = self.case(name)
                    if c and c.status in CONTAIN_ENDED and not c.failed and not c.live:
                        self.again(name)
                elif verb == "release":
                    self.release(name)
                elif verb == "passes":
                    self.passes(name)
            return ""
        except (Exception, SandboxDied) as e:
            return f"{type(e).__name__}: {str(e)[:150]}"


@contextmanager
def prepared(sc):
    with account() as aws, memory_account({"a": (sc.action,), "b": (sc.other_case,)}) as start:
        sc.prepare(aws)
        made = Acc(start.clock, start.plans)
        made.scenario, made.breakage = sc, nothing()
        made.resources, made.known = aws, 0
        made.original = made.state()
        yield made


def one(acc, seed):
    from tests.fencing.test_old_readings import OldReadings

    lag = OldReadings(timedelta(seconds=2))
    with lag.given():
        return one_(acc, seed)


def one_(acc, seed):
    rnd = random.Random(seed)
    log, bad = [], []
    with broken(acc.breakage):
        pass
    for _ in range(rnd.randint(3, 9)):
        verb, name = (
            rnd.choice(["deliver", "deliver", "again", "release", "passes"]),
            rnd.choice("ab"),
        )
        fault = rnd.random() < 0.6
        b = (
            Breakage(rnd.choice(FAULTS), rnd.randint(0, 8), lasting=rnd.random() < 0.3)
            if fault
            else nothing()
        )
        acc.breakage = b
        with broken(b):
            r = acc.go(verb, name)
        log.append(
            f"{verb} {name} {b.where if fault and b.broken else ''} -> {acc.status(name)} {r[:80]}"
        )
        for n in "ab":
            c = acc.case(n)
            for res in c.results if c else ():
                if str(res.status) in ("drifted", "resource_deleted"):
                    bad.append(f"{n} {res.status} {res.reason[:100]}")
        acc.clock.passes(seconds=rnd.choice([0, 1, 61, 120, 200]))
    acc.breakage = nothing()
    kept = bool(acc.scenario.action.kept_because)
    with broken(acc.breakage):
        for round in range(6):
            acc.clock.passes(hours=37)
            for n in "ab":
                c = acc.case(n)
                if c is None:
                    continue
                if c.status is Status.CONTAINING or c.failed and c.status in CONTAIN_ENDED:
                    r = acc.go("deliver", n)
                    if r and round > 3:
                        bad.append(f"settle deliver {n} {r}")
            acc.clock.passes(minutes=3)
        sts = {n: acc.status(n) for n in "ab"}
        log.append(f"settled {sts}")
        for n in "ab":
            if sts[n] in ("containing", "failed", "partly_contained"):
                bad.append(
                    f"settled as {sts[n]} {[(str(r.status), r.reason[:120]) for r in acc.case(n).results]}"
                )
        # what is contained must be verified
        for n in "ab":
            if sts[n] in ("contained", "tagged"):
                pass
        for round in range(4):
            for n in "ab":
                acc.clock.passes(hours=37)
                if acc.case(n) is not None:
                    r = acc.go("release", n)
                    if r and round > 2:
                        bad.append(f"release {n} {r}")
        for n in "ab":
            c = acc.case(n)
            for res in c.results if c else ():
                if str(res.status) in ("drifted", "resource_deleted"):
                    bad.append(f"end {n} {res.status} {res.reason[:100]}")
    acc.clock.passes(seconds=10)
    if acc.state() != acc.original and not kept:
        bad.append(f"STATE {acc.state()[:500]} != {acc.original[:500]}")
    left = [k for k in acc.table.rows if k.startswith("hold#")]
    if left:
        bad.append(f"HOLD {left}")
    return log, bad


def test_main():
    names = os.environ.get("NAMES", "").split()
    N = int(os.environ.get("N", "20"))
    base = int(os.environ.get("SEED", "0"))
    with open(os.environ.get("OUT", "/tmp/probe/hist.txt"), "w") as f:
        for sc in SCENARIOS:
            if names and not any(n in str(sc) for n in names):
                continue
            if "versioned" in str(sc) and "un" not in str(sc):
                continue
            try:
                for seed in range(base, base + N):
                    with prepared(sc) as acc:
                        log, bad = one(acc, f"{seed}")
                    if bad:
                        print(f"== {sc} seed={seed}", file=f)
                        for l in log:
                            print("    ", l[:260], file=f)
                        for l in dict.fromkeys(bad):
                            print("   !!", l[:600], file=f)
            except BaseException:
                print(f"== {sc} PROBE {traceback.format_exc()[-400:]}", file=f)
            f.flush()
