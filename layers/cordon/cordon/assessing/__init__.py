"""Config rules of our own: what AWS has no managed rule for, and what a plan cannot read.

::

    handler             one invocation by AWS Config: which rule, and what it found
    request             what Config sends
    results             what is reported to Config, in batches; what no longer applies
    evaluation          one resource and how it is                                  (pure)
    model_packages      an approved model package has an approved model card
    held_data           no bucket of an approved model's data has a tag of one of our holds
    data_sets           SageMaker's lineage leads from a model to a data set
    inference_profiles  an application inference profile routes to allowed Regions only
    required_tags       endpoints, notebooks, domains, agents, knowledge bases have required tags
    bedrock_settings    invocations are logged; the guardrail that was named is enforced

A rule reads, and changes nothing. Its results are Config's: a playbook hears of them by Config's
own event, like of any other rule's.
"""
