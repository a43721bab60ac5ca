"""The backlog: findings that Security Hub has already, sent to the playbooks whose they are.

When    somebody starts the workflow sweep (cordon sweep).
Does    reads findings from Security Hub, keeps them as pages, and sends them to the bulk queues.
Leaves  all else: a playbook only observes what a sweep sends, unless the desk said otherwise.
"""

from pathlib import Path

from cordon.sweeping.handle import serve

handler = serve(Path(__file__).parents[1])
