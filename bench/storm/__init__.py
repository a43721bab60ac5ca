"""The storm: many findings at the same time, reckoned with quotas and then played in an account.

::

    quotas.py       what AWS allows, each number with its page; and what it does not say, assumed
    numbers.py      what our template says
    times.py        how long things take: measured (docs/performance.md), or assumed
    sandboxes.py    environments of Lambda, token buckets, calls that are throttled
    sources.py      how events and records reach a function: asynchronously, by a queue, by a stream
    reporter.py     report_cases
    simulation.py   a storm, from the events to what people see
    scenarios.py    the storms, their targets, what would change if a number were another
    played.py       deliveries in an embedded account, with the deployed code
    section.py      the command, and the section of docs/performance.md
"""
