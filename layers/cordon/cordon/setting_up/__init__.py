"""What ``setup`` does: what is made with the stack, and what somebody must look after from then on.

::

    handler              CloudFormation's requests; every hour, and on events, one look
    response             the one response to a request
    settings_row         the row with the template's defaults; later only what is new is added
    (memory.parts)       the row of what CloudFormation named, for the desk and the reconciler
    home                 which stack serves the account and Region
    custom_actions       this stack's two, once Security Hub is enabled
    deletion_protection  of the table, once the deployment has succeeded
    stacks               what CloudFormation says of a stack
"""
