"""Loaded by every Airflow process at its start; Airflow finds it by its name."""

import sys

# A task is forked from the scheduler's workers and inherits what they have imported: 1.9 s a table instead of
# 4.5 s. No other Airflow process needs these.
if "scheduler" in sys.argv[1:2]:
    import great_expectations  # noqa: F401
    import pyspark.sql.connect.session  # noqa: F401
