"""`python -m busbar.server`: the control plane as a process."""

import sys

from busbar.server.main import main

sys.exit(main())
