"""Shows people every case as it is: in Security Hub, as an incident, by message, on the bus.

What it does is in ``cordon.reporting``. It is built with the playbooks' headers beside it.
"""

from pathlib import Path

from cordon.reporting.handle import serve

handler = serve(Path(__file__).parents[1])
