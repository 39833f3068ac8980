"""What spark-submit runs: `spark-submit ... scripts/submit.py load --from 2026-01-01 --to 2026-01-31`."""

import sys

from jobs.__main__ import main

sys.exit(main())
