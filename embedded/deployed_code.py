"""What an embedded account must know of the code that its functions run."""

from dataclasses import dataclass


@dataclass(frozen=True)
class DeployedCode:
    """By default there is nothing to know. Names are Python's: ``package.module.name``."""

    # Packages whose modules keep caches: in a new sandbox these are empty.
    packages: tuple[str, ...] = ()
    # Caches that all sandboxes share, since clients cost 50-300 ms each and hold no state of AWS.
    # They are emptied before the first account: clients made before moto's import would bypass it.
    client_caches: tuple[str, ...] = ()
    # Prefixes of environment variables: of these a function sees only what the template gives it.
    settings: tuple[str, ...] = ()
    # Modules that call ``time.sleep``: here a sleep only moves the clock.
    sleeping: tuple[str, ...] = ()
    # Functions that make several calls in threads, ``(calls) -> results``: here one by one, so
    # that each run is like the last.
    parallel: tuple[str, ...] = ()
