"""What people decide: approve, reject, release, retry, contain by ARN, redeliver, the settings.

When    people call the HTTP API, or choose a custom action in Security Hub.
Does    checks, writes who decided what, and wakes the workflow that carries it out.
Leaves  every case's row: only its playbook writes that.
"""

from pathlib import Path

from cordon.deciding.handler import serve

handler = serve(Path(__file__).parents[1])
