"""Count the words of every text file below $INPUT; leave the counts in $OUTPUT.

Runs with `spark-submit script.py`, on Busbar or anywhere else. Running it again replaces the
result. $OUTPUT gets two folders: `words` (Parquet: every word with its count) and `top` (one CSV
of the most frequent words).
"""

from __future__ import annotations

import os

from pyspark.sql import SparkSession
from pyspark.sql import functions as f

SOURCE = os.environ.get("INPUT", "/myjobs/data")
TARGET = os.environ.get("OUTPUT", "/myjobs/out/wordcount")
TOP = int(os.environ.get("TOP", "100"))


def main() -> None:
    spark = SparkSession.builder.appName("wordcount").getOrCreate()
    lines = spark.read.text(SOURCE, recursiveFileLookup=True, pathGlobFilter="*.txt")
    words = lines.select(f.explode(f.split(f.lower("value"), r"\W+")).alias("word"))
    counted = words.where("word != ''").groupBy("word").count()
    counted.coalesce(2).write.mode("overwrite").parquet(f"{TARGET}/words")

    # What follows reads the counts that were written, so the text is read only once.
    counts = spark.read.parquet(f"{TARGET}/words")
    top = counts.orderBy(f.desc("count"), "word").limit(TOP)
    top.coalesce(1).write.mode("overwrite").csv(f"{TARGET}/top", header=True)

    total, distinct = counts.agg(f.sum("count"), f.count("word")).first()
    print(f"{total} words, {distinct} of them different; the most frequent:")
    for row in top.take(10):
        print(f"{row['count']:>10}  {row['word']}")
    spark.stop()


if __name__ == "__main__":
    main()
