"""Does nothing."""


def handler(event, context):
    pass
