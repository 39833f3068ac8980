"""Writes Java's archive of the classes that Spark loads: a server that reads it is up in half the time.

Read with -XX:SharedArchiveFile=ARCHIVE; Java passes over an archive that is missing or made with other jars.
"""

import os
import shlex
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

archive, jars = sys.argv[1], Path(sys.argv[2]).glob("*.jar")
folder = TemporaryDirectory()

# No compiling for a long life; no word on each class that can't be archived.
java_options = f'-XX:TieredStopAtLevel=1 -Xlog:disable -XX:ArchiveClassesAtExit="{archive}"'
settings = {
    "spark.driver.extraJavaOptions": java_options,
    "spark.jars": ",".join(map(str, jars)),
    "spark.databricks.delta.snapshotPartitions": "1",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.warehouse.dir": folder.name,
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
}
arguments = [word for key, value in settings.items() for word in ("--conf", f"{key}={value}")]
os.environ["PYSPARK_SUBMIT_ARGS"] = shlex.join([*arguments, "pyspark-shell"])

from pyspark import SparkContext  # noqa: E402
from pyspark.sql import SparkSession  # noqa: E402

spark = SparkSession.builder.remote("local[2]").getOrCreate()
# What every night does: a class is archived once it has been used.
spark.range(9).selectExpr("id", "id % 2 AS rest").write.format("delta").save(f"{folder.name}/numbers")
spark.read.format("delta").load(f"{folder.name}/numbers").groupBy("rest").count().collect()
server = SparkContext._gateway.proc
spark.stop()
# The server ends with its standard input, and writes the archive last of all.
server.stdin.close()
sys.exit(server.wait())
