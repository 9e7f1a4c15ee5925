"""Runs the job on a real standalone cluster, one master and two workers, over files made of the recordings, and holds what
comes out against one run of the program; then with a worker killed meanwhile, through Hadoop, and by what DuckDB and Spark
find in the rows.

With FTPWHY_SPARK_FILES=2000,1000,500 and FTPWHY_SPARK_COPIES=40 it measures as well.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyspark

from made import make

PROGRAM, ROOT, WORK = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
HOME = Path(pyspark.__file__).parent
JOB = ROOT / "contrib/spark/ftpwhy_spark.py"
FILES = [int(files) for files in os.environ.get("FTPWHY_SPARK_FILES", "120").split(",")]
COPIES = int(os.environ.get("FTPWHY_SPARK_COPIES", "3"))
ENVIRONMENT = {
    **os.environ,
    "SPARK_HOME": str(HOME),
    "SPARK_LOCAL_IP": "127.0.0.1",
    "SPARK_LOCAL_DIRS": str(WORK / "local"),
    "PYSPARK_PYTHON": sys.executable,
    "PYTHONWARNINGS": "ignore",
}


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Cluster:
    """A master and its workers, each a JVM of its own."""

    master: str
    workers: list[subprocess.Popen[bytes]]


def jvm(name: str, *words: str) -> subprocess.Popen[bytes]:
    """Starts a part of Spark."""
    log = (WORK / f"{name}.log").open("wb")
    environment = {**ENVIRONMENT, "SPARK_DAEMON_MEMORY": "200m"}
    command = [HOME / "bin/spark-class", *words]
    return subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)


@contextlib.contextmanager
def cluster() -> Iterator[Cluster]:
    """A cluster on loopback: each worker has one core."""
    port = free_port()
    master = f"spark://127.0.0.1:{port}"
    deploy = "org.apache.spark.deploy"
    words = ["--host", "127.0.0.1", "--port", str(port), "--webui-port", str(free_port())]
    started = [jvm("master", f"{deploy}.master.Master", *words)]
    try:
        wait_for(WORK / "master.log", "I have been elected leader", 1)
        for number in (1, 2):
            words = ["--host", "127.0.0.1", "--cores", "1", "--memory", "700m", "--webui-port", str(free_port())]
            words += ["--work-dir", str(WORK / f"work-{number}"), master]
            started.append(jvm(f"worker-{number}", f"{deploy}.worker.Worker", *words))
        wait_for(WORK / "master.log", "Registering worker", 2)
        yield Cluster(master, started[1:])
    finally:
        for process in started:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def wait_for(log: Path, words: str, times: int) -> None:
    """Until a log says something so many times."""
    text = ""
    for _ in range(6000):
        text = log.read_text(errors="replace") if log.exists() else ""
        if text.count(words) >= times:
            return
        time.sleep(0.1)
    sys.exit(f"{log.name} does not say {words!r}:\n{text[-3000:]}")


def submitted(master: str, name: str, script: Path, *words: str, conf: tuple[str, ...] = ()) -> subprocess.Popen[bytes]:
    """Starts a driver."""
    options = ["spark.ui.enabled=false", "spark.executor.memory=512m", "spark.driver.host=127.0.0.1", *conf]
    command = [HOME / "bin/spark-submit", "--master", master, "--driver-memory", "600m"]
    command += [word for option in options for word in ("--conf", option)]
    log = (WORK / f"{name}.log").open("wb")
    return subprocess.Popen([*command, script, *words], env=ENVIRONMENT, stdout=log, stderr=log)


def ended(name: str, driver: subprocess.Popen[bytes], statuses: tuple[int, ...]) -> None:
    """Waits for a driver."""
    status = driver.wait(timeout=1800)
    if status not in statuses:
        sys.exit(f"{name}: status {status}\n{(WORK / f'{name}.log').read_text(errors='replace')[-5000:]}")


def run(name: str, *words: str) -> bytes:
    """The program, on one machine; some inputs are damaged."""
    done = subprocess.run([PROGRAM, *words], capture_output=True, check=False)
    if done.returncode not in (0, 3):
        sys.exit(f"{name}: {done.stderr.decode()}")
    return done.stdout


def same(what: str, found: Path, wanted: bytes) -> None:
    """Byte for byte."""
    if found.read_bytes() != wanted:
        Path(WORK / "wanted.json").write_bytes(wanted)
        sys.exit(f"{what}: {found} is not {WORK / 'wanted.json'}")
    print(f"{what}: the same {len(wanted)} bytes as one run")


def killed_meanwhile(of: Cluster, folder: Path, wanted: bytes) -> None:
    """The report once more, while a worker dies with a task in its hands."""
    script, mark = WORK / "slow-ftpwhy", WORK / "started"
    script.write_text(
        f'#!/bin/sh\n[ "$1" = report ] && {{ echo $PPID >> {mark}; sleep 2; }}\nexec {PROGRAM} "$@"\n',
    )
    script.chmod(0o755)
    out = WORK / "killed.json"
    driver = submitted(of.master, "killed", JOB, "--no-join", "--ftpwhy", str(script), str(folder), "-o", str(out))
    wait_for(mark, "\n", 2)
    os.killpg(of.workers[0].pid, signal.SIGKILL)
    ended("killed", driver, (0, 3))
    told = (WORK / "killed.log").read_text(errors="replace")
    if not re.search(r"Lost (executor|task)", told):
        sys.exit("no executor was lost")
    same("with a worker killed", out, wanted)


def through_hadoop(of: Cluster) -> None:
    """Files that are elsewhere, read by Hadoop's client, are called as they are there. Captures and logs are joined; one file
    is so large that it comes through a pipe."""
    folder = WORK / "there"
    folder.mkdir()
    make(ROOT / "testdata", folder, 40, 2)
    log = (ROOT / "testdata/demo/disk-full.vsftpd.log").read_bytes()
    (folder / "large.vsftpd.log").write_bytes(log * (9_000_000 // len(log)))
    there = "viewfs://lab/there"
    out = WORK / "hadoop.json"
    conf = (f"spark.hadoop.fs.viewfs.mounttable.lab.link./there={folder.as_uri()}",)
    driver = submitted(of.master, "hadoop", JOB, "--ftpwhy", PROGRAM, there, "-o", str(out), conf=conf)
    ended("hadoop", driver, (0, 3))
    lines = []
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            line = {"path": f"{there}/{path.relative_to(folder)}", "at": str(path), "named": False}
            lines.append(json.dumps(line) + "\n")
    (WORK / "list").write_text("".join(lines))
    same("through Hadoop", out, run("whole", "--json", "--log-tz=UTC", "--inputs", str(WORK / "list")))


def rows(of: Cluster, folder: Path, report: bytes, where: Path) -> None:
    """What two databases find in the rows is what the report says, and no row is lost or there twice."""
    for kind, command in {"events": "events", "exchanges": "codes", "sessions": "sessions", "failures": "causes"}.items():
        if not (where / kind).exists():
            continue
        one = WORK / f"{kind}.parquet"
        run(kind, command, "--no-join", "--log-tz=UTC", str(folder), "-o", str(one))
        count = "select count(*) from"
        alone = duckdb.sql(f"{count} '{one}'").fetchall()
        found = duckdb.sql(f"{count} read_parquet('{where}/{kind}/**/*.parquet', hive_partitioning = true)").fetchall()
        if found != alone:
            sys.exit(f"{kind}: {found} rows, one run has {alone}")
        print(f"{kind}: {found[0][0]} rows, as one run")
    wanted: dict[int, int] = {}
    whole = json.loads(report)
    for vantage in [whole, *whole["also"]]:
        for row in vantage["replies"]["by_code"]:
            if row["observed"]:
                wanted[row["code"]] = wanted.get(row["code"], 0) + row["observed"]
    query = "select code, count(*) from {} where kind = 'reply' and evidence = 'observed' group by code order by code"
    source = f"read_parquet('{where}/events/**/*.parquet', hive_partitioning = true)"
    told = {"DuckDB": duckdb.sql(query.format(source)).fetchall()}
    script, answer = WORK / "ask.py", WORK / "answer.json"
    script.write_text(
        "import json\nfrom pyspark.sql import SparkSession\n"
        "spark = SparkSession.builder.getOrCreate()\n"
        f"rows = spark.sql({query.format(f'parquet.`{where}/events`')!r}).collect()\n"
        f"open({str(answer)!r}, 'w').write(json.dumps([list(row) for row in rows]))\n"
    )
    ended("ask", submitted(of.master, "ask", script), (0,))
    told["Spark SQL"] = json.loads(answer.read_text())
    for name, counts in told.items():
        if dict(counts) != wanted:
            sys.exit(f"{name} has {dict(counts)}, the report {wanted}")
        print(f"{name}: the report's {len(wanted)} codes")


def measured(of: Cluster, name: str, folder: Path, *words: str) -> tuple[bytes, dict[str, float]]:
    """One machine and the cluster, on the same cores."""
    began = time.monotonic()
    wanted = run(name, "--json", "--no-join", "--log-tz=UTC", "-j2", str(folder))
    alone = time.monotonic() - began
    out, timings = WORK / f"{name}.json", WORK / f"{name}.timings"
    command = ["--no-join", "--ftpwhy", PROGRAM, str(folder), "-o", str(out), "--timings", str(timings), *words]
    driver = submitted(of.master, name, JOB, *command)
    ended(name, driver, (0, 3))
    same(name, out, wanted)
    took: dict[str, float] = json.loads(timings.read_text())
    spread = took["looked"] + took["planned"] + took["reported"]
    print(f"{name}: {took['inputs']} inputs, {took['bytes']} bytes: alone {alone:.2f} s, cluster {spread:.2f} s, {took}")
    return wanted, took


def main() -> None:
    """All of it."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the cluster ends as well
    folders = []
    for files in FILES:
        folder = WORK / f"files-{files}"
        folder.mkdir()
        make(ROOT / "testdata", folder, files, COPIES)
        folders.append(folder)
    with cluster() as spark:
        where = WORK / "rows"
        kinds = "events,failures" if len(FILES) == 1 else "events,exchanges,sessions,failures"
        wanted, _ = measured(spark, "whole", folders[0], "--rows", str(where), "--kinds", kinds)
        for folder in folders[1:]:
            measured(spark, folder.name, folder)
        rows(spark, folders[0], wanted, where)
        through_hadoop(spark)
        killed_meanwhile(spark, folders[0], wanted)


if __name__ == "__main__":
    main()
