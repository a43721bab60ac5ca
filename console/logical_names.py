"""The names in template.yaml that follow from a playbook's."""


def logical_name(playbook: str) -> str:
    """The logical id of a playbook's function.

    >>> logical_name("close_database")
    'CloseDatabase'
    """
    return "".join(word.capitalize() for word in playbook.split("_"))


def mode_parameter(playbook: str) -> str:
    """The parameter with the mode of a playbook where it is new."""
    return f"Mode{logical_name(playbook)}"


def calls_parameter(playbook: str) -> str:
    """The parameter that says whether a playbook hears its optional API calls."""
    return f"Calls{logical_name(playbook)}"
