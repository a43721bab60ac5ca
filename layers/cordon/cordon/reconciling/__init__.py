"""What time brings. Nobody calls for it, so ``reconcile_cases`` looks every five minutes.

::

    due            which case is to be woken, and for what                      (pure)
    run            one run: the self-test, the open cases, incidents
    incidents      OpsItems that people resolved or opened again

It changes no case and no resource. It wakes the workflow, which calls the playbook, which reads
from its rows what is due; and it puts what people have not been shown into the reporter's queue.
"""
