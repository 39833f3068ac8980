"""A Spark driver that adds rows one commit at a time: `append_rows.py URI WRITER COMMITS`."""

import os
import sys

from pyspark.sql import SparkSession

if __name__ == "__main__":
    table, writer, commits = sys.argv[1:]
    # The tests are clients of a server; this is a driver.
    os.environ.pop("SPARK_CONNECT_MODE_ENABLED", None)
    spark = SparkSession.builder.getOrCreate()
    for number in range(int(commits)):
        rows = spark.createDataFrame([(writer, number)], "writer string, number int")
        rows.write.format("delta").mode("append").save(table)
    spark.stop()
