"""What Cordon remembers: rows of one DynamoDB table, and nothing else.

A row's key begins with its kind and its owner, because a role may write only keys of its own
(``dynamodb:LeadingKeys`` in the template)::

    case#<playbook>#<case>           the case as it is now; with its plan while it is only observed
    plan#<playbook>#<case>#<hash>    its plan, and the finding that it was made from; written once
    passed#<playbook>#<case>         when its control last passed
    reported#<playbook>#<case>       what people were last shown
    budget#<playbook>#<account>#<hour>
    hold#<family>#<target>           who holds a target, and how it was before
    decision#<playbook>#<case>       what a person decided; only the desk may write it
    attestation#<subject>            what a person attested; only the desk may write it
    settings                         what the operator decided; no playbook may write it
    setup#found                      what setup found when it looked last; only it writes it
    setup#baseline                   how detection was set up when setup looked; only it writes it
    setup#parts                      this stack's functions, queues and roles; only it writes it
    case#self_test#heartbeat         no case: the reconciler writes it, and the reporter hears of it
    reconcile#sweep                  how far the reconciler has come
"""
