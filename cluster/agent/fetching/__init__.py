"""What a command needs is fetched into its sandbox before it runs: downloads, copies, archives, a cache of them.

`Fetcher` is all that others see. Below it: `http` and `files` bring bytes, `cache` (with its rules in `index`) keeps
them, `placing` makes of them what the sandbox is to hold, through `archives`, `tars`, `zips`, `xz` and the `tree` that
nothing is written outside of. `threads` and `stall` are for work that can be cancelled, and for time.
"""

from .errors import FetchError
from .fetcher import Fetcher

__all__ = ["FetchError", "Fetcher"]
