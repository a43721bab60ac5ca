"""What people see of every case: the code of ``report_cases``.

``run.Reporter`` brings four projections to what the rows say now: our finding and the original one
in Security Hub, the incident with its message, and an event on the bus. Texts are in ``texts``,
``question`` and ``escape``, which call no service.
"""
