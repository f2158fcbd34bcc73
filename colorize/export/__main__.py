"""Run the export command: python -m colorize.export."""

import sys

from colorize.export.command import main

sys.exit(main())
