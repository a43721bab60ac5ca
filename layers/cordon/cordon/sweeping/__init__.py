"""The backlog: findings that Security Hub had before anybody listened, or whose event was lost.

::

    wanted      which findings a sweep reads, as filters of GetFindings         (pure)
    pages       where its pages lie
    reading     GetFindings → pages
    sending     a page → the playbooks' queues, and what was sent
    handle      the three commands of its workflow

A finding of a page becomes the event that EventBridge would have brought, with a member of its own
that says which sweep sends it (``cordon.backlog``). Whose it is, the headers say. What follows from
it is the playbook's: it only observes what a sweep sends, unless the desk has said otherwise.
"""
