"""`python -m provisioner`: the same as the `provisioner` command. Nothing else belongs here.

For `-m`, Python puts the working directory first on the import path. A directory of specs is not to be trusted: a
`yaml.py` in it must never be imported. The installed command has no such entry. Python itself imports a few modules of
its standard library before this file is reached; `python -P -m provisioner` closes that gap too.
"""

from __future__ import annotations

import sys

if __name__ == "__main__":
    if not sys.flags.safe_path:  # with -P or -I Python adds no working directory
        del sys.path[0]

    from provisioner.cli.main import main

    sys.exit(main())
