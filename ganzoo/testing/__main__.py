"""One of the processes of the check of distributed training: ``python -m ganzoo.testing ARCHITECTURE FOLDER``."""

from __future__ import annotations

import sys
from pathlib import Path

from ganzoo.testing.processes import train_in_processes

train_in_processes(sys.argv[1], Path(sys.argv[2]))
