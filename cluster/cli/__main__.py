"""`python -m cluster.cli`: the `ostrom` command of this interpreter."""

from .main import main

main()
