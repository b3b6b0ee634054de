"""`python -m busbar.agent`: the agent as a process."""

import sys

from busbar.agent.main import main

sys.exit(main())
