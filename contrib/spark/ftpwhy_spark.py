"""ftpwhy on Apache Spark: the report of `ftpwhy` over files that outgrow one machine.

Spark distributes, tries again and stores; `ftpwhy` reads, judges and adds up, in every task and at the end. So this file
knows no format and no cause: it lists inputs, asks the program which of them must be read in one run, has those runs
made where there is room, and has the parts of the report added up. What comes out is what one run of the program over
all files gives, byte for byte. See docs/FLEET.md.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import glob
import heapq
import itertools
import json
import os
import re
import secrets
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    import pyarrow
    from pyspark import SparkContext
    from pyspark.sql import SparkSession

__version__ = "0.1.0"

T = TypeVar("T")

Input = dict[str, Any]
"""A line of a list of inputs, as `ftpwhy --inputs` reads it."""

KINDS = {"events": "events", "exchanges": "codes", "sessions": "sessions", "failures": "causes"}
"""Kinds of rows, and the commands that write them."""

SMALL = 8 << 20
"""Bytes up to which an input that is not a local file is copied beside the task, instead of coming through a pipe."""

INPUT_COST = 64 << 10
"""Bytes that opening an input costs as much as reading."""

TASK_BYTES = 1 << 30
"""Bytes of a task beyond which more are not added to it: little is lost where it has to be done again."""

SUMMED_AT_ONCE = 32
"""Parts that one run of the program adds up."""


class Trouble(Exception):
    """What ends the run, in words that say what to do."""


# ---- The program ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Program:
    """Which `ftpwhy` is run, and how."""

    name: str
    version: str
    options: tuple[str, ...] = ()
    threads: int = 1

    def path(self) -> str:
        """Where it is on this machine: shipped with `--files`, or found on PATH."""
        with contextlib.suppress(Exception):
            from pyspark import SparkFiles

            shipped = SparkFiles.get(os.path.basename(self.name))
            if os.path.isfile(shipped):
                if not os.access(shipped, os.X_OK):
                    os.chmod(shipped, 0o700)
                return shipped
        found = shutil.which(self.name)
        if found is None:
            raise Trouble(f"{socket.gethostname()} has no {self.name}: ship it with --files, or put it on PATH of every executor")
        return found

    def that_plans(self) -> Program:
        """The same where it tells which inputs belong together: under their own names."""
        return replace(self, options=tuple(option for option in self.options if not option.startswith("--anonymize")))

    def check(self) -> str:
        """Its path, once it is known to be the version of the driver."""
        path = self.path()
        found = version_of(path)
        if found != self.version:
            raise Trouble(f"{socket.gethostname()} has {found} ({path}), the driver {self.version}: use one version everywhere")
        return path

    def run(self, arguments: Sequence[str], reads: bool = True) -> subprocess.CompletedProcess[bytes]:
        """Runs it. Statuses 0, 2 and 3 may all come with a result: 2 where nothing in it could be read."""
        words = [self.path(), *arguments]
        if reads:
            words += [*self.options, "-j", str(self.threads), "--no-progress", "--quiet"]
        return subprocess.run(words, capture_output=True, stdin=subprocess.DEVNULL, check=False)


def version_of(path: str) -> str:
    """`ftpwhy 0.1.0`"""
    try:
        done = subprocess.run([path, "--version"], capture_output=True, check=True, text=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise Trouble(f"{path} can't be run: {error}") from error
    return done.stdout.strip()


def words_of(done: subprocess.CompletedProcess[bytes]) -> str:
    """Why a run of the program gave nothing."""
    if done.returncode < 0:
        return f"ftpwhy was ended by signal {-done.returncode}"
    said = done.stderr.decode("utf-8", "replace").strip()
    return said or f"ftpwhy ended with status {done.returncode}"


# ---- Which inputs ---------------------------------------------------------------------------------------------------


def text_of(path: str | bytes) -> str:
    """A path as lists have it: each byte is the letter with its number."""
    return os.fsencode(path).decode("latin-1")


def path_of(text: str) -> str:
    """The path that a text of a list is."""
    return os.fsdecode(text.encode("latin-1"))


def is_local(path: str) -> bool:
    """True for what every executor opens as a file."""
    return urlsplit(path).scheme in ("", "file")


def local_input(path: str, named: bool) -> Input:
    """What is known of a file by its path."""
    found: Input = {"path": text_of(path)}
    where = os.path.abspath(path)
    if where != path:
        found["at"] = text_of(where)
    if not named:
        found["named"] = False
    with contextlib.suppress(OSError):
        status = os.stat(path)
        found["length"] = status.st_size
        found["modified"] = int(status.st_mtime // 1)
    return found


def local_files(path: str, levels: int = 1) -> Iterator[str]:
    """The files of a directory and those one level below, as `ftpwhy` takes them."""
    try:
        names = sorted(os.listdir(path))
    except OSError as error:
        raise Trouble(f"{path}: {error.strerror}") from error
    for name in names:
        below = os.path.join(path, name)
        with contextlib.suppress(OSError):
            mode = os.stat(below).st_mode
            if stat.S_ISDIR(mode) and levels > 0:
                yield from local_files(below, levels - 1)
            elif stat.S_ISREG(mode):
                yield below


def local_inputs(argument: str) -> Iterator[Input]:
    """The inputs behind an argument that is a path on every machine."""
    if argument.startswith("file:"):
        argument = urlsplit(argument).path
    paths = sorted(glob.glob(argument)) if glob.has_magic(argument) and not os.path.exists(argument) else [argument]
    if not paths or not os.path.exists(paths[0]):
        raise Trouble(f"{argument}: no such file or directory")
    for path in paths:
        if os.path.isdir(path):
            for below in local_files(path):
                yield local_input(below, named=False)
        else:
            yield local_input(path, named=True)


def hadoop_inputs(files: Hadoop, argument: str) -> Iterator[Input]:
    """The inputs behind an argument on any file system that Hadoop knows."""
    found = files.matching(argument)
    if not found:
        raise Trouble(f"{argument}: no such file or directory")
    for status in found:
        if status.is_directory:
            for below in files.below(status.path, levels=1):
                yield below.input(named=False)
        else:
            yield status.input(named=True)


@dataclass(frozen=True)
class Status:
    """A file or directory somewhere."""

    path: str
    is_directory: bool
    length: int
    modified: int

    def input(self, named: bool) -> Input:
        """The line of a list."""
        line: Input = {"path": text_of(self.path), "length": self.length, "modified": self.modified}
        return line if named else {**line, "named": False}


# ---- Any file system that Hadoop knows ------------------------------------------------------------------------------


class Hadoop:
    """Hadoop's own client. The driver has a JVM already; on an executor one is started for a Python worker and stays with
    it, because Spark gives its own to nobody there."""

    def __init__(self, jvm: Any, conf: Any) -> None:
        self.jvm = jvm
        self.conf = conf

    @classmethod
    def of_driver(cls, context: SparkContext) -> Hadoop:
        """That of the driver, with all that Spark was told of file systems."""
        java: Any = context._jsc
        return cls(context._jvm, java.hadoopConfiguration())

    _own: Hadoop | None = None

    @classmethod
    def of_executor(cls, settings: bytes) -> Hadoop:
        """That of this worker, with the driver's settings."""
        if cls._own is None:
            try:
                cls._own = cls._start(zlib.decompress(settings))
            except OSError as error:
                raise Trouble(f"{socket.gethostname()} can't start java, which reads what is no local file: {error}") from error
        return cls._own

    @classmethod
    def _start(cls, settings: bytes) -> Hadoop:
        from py4j.java_gateway import GatewayParameters, JavaGateway, launch_gateway
        from pyspark import SparkFiles
        from pyspark.find_spark_home import _find_spark_home

        jars = [os.path.join(_find_spark_home(), "jars", "*"), os.path.join(SparkFiles.getRootDirectory(), "*")]
        configured = os.environ.get("HADOOP_CONF_DIR")
        classpath = os.pathsep.join([configured, *jars] if configured else jars)
        java = os.path.join(os.environ["JAVA_HOME"], "bin", "java") if "JAVA_HOME" in os.environ else "java"
        own = glob.glob(os.path.join(_find_spark_home(), "jars", "py4j-*.jar"))
        port, token = launch_gateway(
            jarpath=own[0] if own else None,
            classpath=classpath,
            javaopts=["-Xmx256m"],
            java_path=java,
            die_on_exit=True,
            enable_auth=True,
        )
        gateway = JavaGateway(gateway_parameters=GatewayParameters(port=port, auth_token=token))
        conf = gateway.jvm.org.apache.hadoop.conf.Configuration(False)
        conf.addResource(gateway.jvm.java.io.ByteArrayInputStream(settings))
        return cls(gateway.jvm, conf)

    def settings(self) -> bytes:
        """All settings, for the executors."""
        out = self.jvm.java.io.ByteArrayOutputStream()
        self.conf.writeXml(out)
        return zlib.compress(bytes(out.toByteArray()))

    def is_local(self, argument: str) -> bool:
        """True for a path on every machine: without a scheme it is of the file system that is set up as the default one."""
        scheme = urlsplit(argument).scheme or urlsplit(str(self.conf.get("fs.defaultFS", "file:///"))).scheme
        return scheme == "file"

    def _told(self, path: str, ask: Callable[[Any, Any], Any]) -> Any:
        """An answer of a file system, or why there is none."""
        from py4j.protocol import Py4JJavaError

        try:
            where = self.jvm.org.apache.hadoop.fs.Path(path)
            return ask(where.getFileSystem(self.conf), where)
        except Py4JJavaError as error:
            raise Trouble(f"{path}: {java_words(error)}") from None

    def _status(self, status: Any) -> Status:
        seconds = status.getModificationTime() // 1000
        return Status(status.getPath().toString(), status.isDirectory(), status.getLen(), seconds)

    def matching(self, pattern: str) -> list[Status]:
        """What a path or glob stands for, by path."""
        found = self._told(pattern, lambda system, path: system.globStatus(path))
        return sorted((self._status(one) for one in found or []), key=lambda status: status.path)

    def below(self, directory: str, levels: int) -> Iterator[Status]:
        """The files of a directory, and those of its directories as many levels deep."""
        for found in self._told(directory, lambda system, path: system.listStatus(path)):
            status = self._status(found)
            if not status.is_directory:
                yield status
            elif levels > 0:
                yield from self.below(status.path, levels - 1)

    def copy(self, path: str, to: str) -> None:
        """Copies a file's bytes to a local file or pipe. A reader that has had enough is no error."""

        def stream(system: Any, where: Any) -> None:
            from py4j.protocol import Py4JJavaError

            source = system.open(where)
            try:
                out = self.jvm.java.io.FileOutputStream(to)
                self.jvm.org.apache.hadoop.io.IOUtils.copyBytes(source, out, self.conf, True)
            except Py4JJavaError as error:
                if "Broken pipe" not in java_words(error):
                    raise
            finally:
                source.close()

        self._told(path if urlsplit(path).scheme else f"file://{path}", stream)


def java_words(error: Any) -> str:
    """What an exception of Java's says, in one line."""
    java = error.java_exception
    words = java.getMessage() or java.toString()
    name = java.getClass().getSimpleName()
    return f"{name}: {str(words).splitlines()[0]}"


# ---- Inputs where a task is -----------------------------------------------------------------------------------------


@dataclass
class Feed:
    """Makes inputs that are elsewhere readable here: small ones and those that are read again as copies, others as pipes
    that are written to while the program reads."""

    copy: Callable[[str, str], None]
    folder: Path
    spool_bytes: int
    _pipes: dict[str, str] = field(default_factory=dict)
    _errors: list[Trouble] = field(default_factory=list)
    _over: threading.Event = field(default_factory=threading.Event)

    def place(self, inputs: Sequence[Input], is_far: Callable[[str], bool]) -> list[Input]:
        """The same inputs, with places where the program can read them."""
        placed: list[Input] = []
        copies: list[tuple[str, str]] = []
        spooled = 0
        for number, line in enumerate(inputs):
            path = path_of(str(line.get("at", line["path"])))
            if "unreadable" in line or not is_far(path):
                placed.append(line)
                continue
            here = str(self.folder / str(number))
            length = int(line.get("length", 0))
            if line.get("again", False) or length <= SMALL:
                spooled += length
                if spooled > self.spool_bytes:
                    raise Trouble(
                        f"{path} and what is read with it need more than {self.spool_bytes} bytes here: raise --spool-bytes"
                    )
                copies.append((path, here))
            else:
                os.mkfifo(here, 0o600)
                self._pipes[here] = path
            placed.append({**line, "at": text_of(here)})
        with ThreadPoolExecutor(4) as pool:
            for done in [pool.submit(self.copy, path, here) for path, here in copies]:
                done.result()
        return placed

    @contextlib.contextmanager
    def flowing(self) -> Iterator[None]:
        """Writes to the pipes that somebody reads, as long as this lasts."""
        threads: list[threading.Thread] = []
        watcher = threading.Thread(target=self._watch, args=(threads,), daemon=True)
        watcher.start()
        try:
            yield
        finally:
            self._over.set()
            watcher.join()
            for thread in threads:
                thread.join()
        if self._errors:
            raise self._errors[0]

    def _watch(self, threads: list[threading.Thread]) -> None:
        waiting = dict(self._pipes)
        while waiting and not self._over.is_set():
            for here, path in list(waiting.items()):
                try:
                    held = os.open(here, os.O_WRONLY | os.O_NONBLOCK)
                except OSError:
                    continue  # nobody reads it yet
                del waiting[here]
                thread = threading.Thread(target=self._write, args=(path, here, held), daemon=True)
                thread.start()
                threads.append(thread)
            self._over.wait(0.005)

    def _write(self, path: str, here: str, held: int) -> None:
        try:
            self.copy(path, here)
        except Trouble as trouble:
            self._errors.append(trouble)
        finally:
            os.close(held)


@dataclass(frozen=True)
class Job:
    """What every task needs to know."""

    program: Program
    spool_bytes: int
    settings: bytes | None
    streams: bool = False
    attempts: int = 1
    no_join: bool = False

    def joining(self) -> list[str]:
        """Whether sessions that several inputs hold count once."""
        return ["--no-join"] if self.no_join else []

    def is_far(self, path: str) -> bool:
        """True where the program can't open it itself."""
        return self.settings is not None and (self.streams or not is_local(path))

    def copy(self, path: str, to: str) -> None:
        """Copies the bytes of an input to a local file or pipe."""
        assert self.settings is not None
        Hadoop.of_executor(self.settings).copy(path, to)

    @contextlib.contextmanager
    def made(self, command: Sequence[str], inputs: Sequence[Input]) -> Iterator[tuple[subprocess.CompletedProcess[bytes], Path]]:
        """A run of the program over inputs, and a folder that lasts as long."""
        with tempfile.TemporaryDirectory(prefix="ftpwhy-") as name:
            folder = Path(name)
            if any(self.is_far(path_of(line["path"])) for line in inputs):
                Hadoop.of_executor(self.settings or b"")  # before threads ask for it
            feed = Feed(self.copy, folder, self.spool_bytes)
            placed = feed.place(inputs, self.is_far)
            lines = "".join(json.dumps(line) + "\n" for line in placed)
            (folder / "inputs").write_text(lines)
            words = [word.replace("{folder}", name) for word in command]
            with feed.flowing():
                done = self.program.run([*words, "--inputs", str(folder / "inputs")])
            yield done, folder

    def look(self, inputs: Sequence[Input]) -> bytes:
        """The same inputs with what a first look shows, as packed lines of a list: many connections are many bytes."""

        planner = replace(self, program=self.program.that_plans())

        def looked(lines: Sequence[Input]) -> bytes:
            with planner.made(["formats", "--look"], lines) as (done, _):
                if done.returncode != 0:
                    raise Trouble(words_of(done))
            if not any(self.is_far(path_of(line["path"])) for line in lines):
                return done.stdout
            # Where they were read is not where they are.
            found: list[Input] = [json.loads(line) for line in done.stdout.splitlines()]
            by_path = {line["path"]: line.get("look") for line in found}
            looks = [(line, by_path.get(line["path"])) for line in lines]
            return lines_of({**line, "look": look} if look is not None else line for line, look in looks)

        return zlib.compress(self.careful(looked, [[line] for line in inputs]), 1)

    def part(self, series: Sequence[Sequence[Input]]) -> bytes:
        """A part of the report, over inputs of which each series must be read in one run."""

        def read(lines: Sequence[Input]) -> bytes:
            with self.made(["report", "--json", *self.joining()], lines) as (done, _):
                if done.returncode not in (0, 2, 3) or not done.stdout.startswith(b"{"):
                    raise Trouble(words_of(done))
                return done.stdout

        return zlib.compress(self.careful(read, series), 1)

    def rows(self, kind: str, series: Sequence[Sequence[Input]]) -> Iterator[pyarrow.RecordBatch]:
        """Rows of a kind over the same."""
        from pyarrow import parquet

        command = [KINDS[kind], *self.joining(), "-o", "{folder}/rows.parquet"]

        def read(lines: Sequence[Input]) -> Path:
            kept = Path(tempfile.mkdtemp(prefix="ftpwhy-rows-"))
            with self.made(command, lines) as (done, folder):
                if done.returncode not in (0, 2, 3) or not (folder / "rows.parquet").exists():
                    raise Trouble(words_of(done))
                shutil.move(folder / "rows.parquet", kept / "rows.parquet")
            return kept

        kept = self.careful(read, series)
        try:
            with parquet.ParquetFile(kept / "rows.parquet") as file:
                for batch in file.iter_batches(batch_size=1 << 14):
                    yield plain(batch)
        finally:
            shutil.rmtree(kept)

    def careful(self, read: Callable[[Sequence[Input]], T], series: Sequence[Sequence[Input]]) -> T:
        """Reads all series at once. Where that fails, Spark tries again, elsewhere; the last time each by itself shows which
        of them can't be read. That costs itself: its inputs are told to be unreadable. Where none can be, it is no fault of
        theirs."""
        try:
            return read([line for lines in series for line in lines])
        except Trouble:
            if attempt() + 1 < self.attempts:
                raise
        sound: list[Input] = []
        troubles: list[Trouble] = []
        for lines in series:
            try:
                read(lines)
                sound += lines
            except Trouble as trouble:
                troubles.append(trouble)
                sound += [{**line, "unreadable": f"given up: {trouble}"} for line in lines]
        if len(troubles) == len(series) > 1:
            raise troubles[0]
        return read(sorted(sound, key=lambda line: int(line.get("place", 0))))

    def merge(self, parts: Sequence[bytes], outputs: Sequence[str] = ("--json",)) -> subprocess.CompletedProcess[bytes]:
        """Adds parts up."""
        with tempfile.TemporaryDirectory(prefix="ftpwhy-") as name:
            paths = [os.path.join(name, f"{number}.json") for number in range(len(parts))]
            for path, part in zip(paths, parts, strict=True):
                Path(path).write_bytes(zlib.decompress(part))
            return self.program.run(["merge", "--parts", *outputs, *paths], reads=False)

    def sum(self, parts: Sequence[bytes]) -> bytes:
        """Adds parts up."""
        done = self.merge(parts)
        if done.returncode not in (0, 2, 3) or not done.stdout.startswith(b"{"):
            raise Trouble(words_of(done))
        return zlib.compress(done.stdout, 1)


def lines_of(inputs: Iterable[Input]) -> bytes:
    """Lines of a list."""
    return "".join(json.dumps(line) + "\n" for line in inputs).encode()


def attempt() -> int:
    """How often Spark has tried this task before."""
    from pyspark import TaskContext

    context = TaskContext.get()
    return 0 if context is None else context.attemptNumber()


# ---- Spreading the work ---------------------------------------------------------------------------------------------


def cost(lines: Iterable[Input]) -> int:
    """What reading inputs takes, in bytes."""
    return sum(int(line.get("length", 0)) + INPUT_COST for line in lines)


def packed(series: Sequence[Sequence[Input]], slots: int) -> list[list[Sequence[Input]]]:
    """Series put together to tasks that take about as long, the longest first: four for each core, so that one that is slow
    holds up little."""
    total = sum(cost(lines) for lines in series)
    count = max(1, min(len(series), max(4 * slots, total // TASK_BYTES)))
    tasks: list[tuple[int, int, list[Sequence[Input]]]] = [(0, number, []) for number in range(count)]
    for lines in sorted(series, key=cost, reverse=True):
        taken, number, task = heapq.heappop(tasks)
        task.append(lines)
        heapq.heappush(tasks, (taken + cost(lines), number, task))
    filled = sorted(tasks, key=lambda task: (-task[0], task[1]))
    return [sorted(task, key=place) for _, _, task in filled if task]


def place(lines: Sequence[Input]) -> int:
    """The place of a series' first input in the whole run."""
    return int(lines[0].get("place", 0))


def slots_of(context: SparkContext) -> int:
    """Tasks that run at one time."""
    return max(1, context.defaultParallelism)


def check_executors(context: SparkContext, program: Program, kinds: Sequence[str]) -> None:
    """That the program is where work will be done, and of one version, before any work."""

    def check(_: int) -> list[str]:
        try:
            program.check()
            if kinds:
                import pyarrow  # noqa: F401
        except Trouble as trouble:
            return [str(trouble)]
        except ImportError as error:
            return [f"{socket.gethostname()}: {error}; --rows needs it on every executor"]
        return []

    slots = slots_of(context)
    troubles = context.parallelize(range(2 * slots), 2 * slots).flatMap(check).collect()
    if troubles:
        raise Trouble(sorted(set(troubles))[0])


@dataclass(frozen=True)
class Fleet:
    """One run over a cluster."""

    spark: SparkSession
    job: Job

    @property
    def context(self) -> SparkContext:
        """Spark."""
        return self.spark.sparkContext

    def looked(self, inputs: Sequence[Input]) -> list[bytes]:
        """All inputs, looked at where there is room."""
        job = self.job
        tasks = packed([[line] for line in inputs], slots_of(self.context))
        distributed = self.context.parallelize(tasks, len(tasks))
        return distributed.map(lambda task: job.look([line for lines in task for line in lines])).collect()

    def planned(self, looked: Iterable[bytes]) -> dict[str, Any]:
        """What must be read in one run, as the program says."""
        with tempfile.TemporaryDirectory(prefix="ftpwhy-") as name:
            path = Path(name) / "inputs"
            with path.open("wb") as lines:
                lines.writelines(zlib.decompress(block) for block in looked)
            program = replace(self.job.program.that_plans(), threads=os.cpu_count() or 1)
            done = program.run(["formats", "--series", "--json", *self.job.joining(), "--inputs", str(path)])
        if done.returncode != 0:
            raise Trouble(words_of(done))
        planned: dict[str, Any] = json.loads(done.stdout)
        return planned

    def parts(self, tasks: Sequence[Sequence[Sequence[Input]]]) -> list[bytes]:
        """The reports of all tasks, added up to a few parts: a tree, of which each node takes many, since a sum is as long as
        what it is of."""
        job, count = self.job, len(tasks)
        parts = self.context.parallelize(tasks, count).map(job.part)
        while count > SUMMED_AT_ONCE:
            count = -(-count // SUMMED_AT_ONCE)
            parts = parts.coalesce(count, shuffle=True).glom().filter(bool).map(job.sum)
        return parts.collect()

    def write_rows(self, kind: str, tasks: Sequence[Sequence[Sequence[Input]]], to: str) -> None:
        """Writes the rows of a kind, by date and server. Spark's own commit makes that the rows of a task count once."""
        from pyspark.sql import functions
        from pyspark.sql.pandas.types import from_arrow_schema

        job = self.job
        schema = from_arrow_schema(schema_of(job, kind))

        def read(batches: Iterator[pyarrow.RecordBatch]) -> Iterator[pyarrow.RecordBatch]:
            for batch in batches:
                for task in batch.column(0).to_pylist():
                    yield from job.rows(kind, json.loads(task))

        rdd = self.context.parallelize(tasks, len(tasks)).map(lambda task: (json.dumps(task),))
        rows = self.spark.createDataFrame(rdd, "task string").mapInArrow(read, schema)
        time_column = "start" if kind == "sessions" else "time"
        rows = rows.withColumn("date", functions.date_format(time_column, "yyyy-MM-dd"))
        rows = rows.withColumn("server", functions.coalesce("server", "server_name"))
        rows = rows.repartition("date", "server").sortWithinPartitions("date", "server", "session", time_column)
        rows.write.mode("overwrite").partitionBy("date", "server").parquet(f"{to.rstrip('/')}/{kind}")


def plain(rows: Any) -> Any:
    """The same rows with text where a column says that its text is JSON, which Spark does not know."""
    import pyarrow

    kinds = [getattr(column, "storage_type", column) for column in rows.schema.types]
    return rows.cast(pyarrow.schema(list(zip(rows.schema.names, kinds, strict=True))))


def schema_of(job: Job, kind: str) -> pyarrow.Schema:
    """The columns of a kind of rows, as the program writes them where there is nothing to read."""
    from pyarrow import parquet

    with job.made([KINDS[kind], "-o", "{folder}/rows.parquet"], []) as (done, folder):
        if not (folder / "rows.parquet").exists():
            raise Trouble(words_of(done))
        return plain(parquet.read_table(folder / "rows.parquet")).schema


# ---- The command ----------------------------------------------------------------------------------------------------


def arguments() -> argparse.ArgumentParser:
    """What is asked for."""
    parser = argparse.ArgumentParser(
        prog="ftpwhy_spark.py",
        description="The report of ftpwhy over files that outgrow one machine",
        epilog="Options behind -- go to every run of ftpwhy: filters, --log-tz, --from, --year, --anonymize=KEY.",
    )
    parser.add_argument("paths", nargs="+", metavar="PATH", help="captures, logs, directories, globs, wherever Hadoop reads")
    parser.add_argument(
        "-o", "--output", action="append", default=[], metavar="FILE", help="the report, in the form that the name ends in"
    )
    parser.add_argument("--as", dest="form", metavar="FORM", help="the form on standard output")
    parser.add_argument("--rows", metavar="URI", help="writes rows as Parquet below this place, partitioned by date and server")
    parser.add_argument("--kinds", default=",".join(KINDS), metavar="KINDS", help="kinds of rows [default: %(default)s]")
    parser.add_argument(
        "--no-join", action="store_true", help="captures and server logs each count what they hold, in tasks of their own"
    )
    parser.add_argument(
        "--ftpwhy",
        default="ftpwhy",
        metavar="PROGRAM",
        help="the program, on PATH or shipped with --files [default: %(default)s]",
    )
    parser.add_argument("--stream", action="store_true", help="reads local paths through Hadoop as well")
    parser.add_argument(
        "--spool-bytes", type=int, default=16 << 30, metavar="N", help="bytes on the disk of a task [default: %(default)s]"
    )
    parser.add_argument("--timings", metavar="FILE", help="writes what took how many seconds, as JSON")
    parser.add_argument("--version", action="version", version=__version__)
    return parser


def options_of(words: Sequence[str]) -> tuple[str, ...]:
    """Options of all runs of the program, with what must be the same in each: the zone of logs, the time that is now, the
    key of other names."""
    options = list(words)
    given = {word.split("=", 1)[0] for word in options}
    if "--log-tz" not in given:
        options.append("--log-tz=UTC")
    if given & {"--since", "--until", "-S", "-U"} and "--now" not in given:
        now = datetime.datetime.now(datetime.timezone.utc)
        options.append(f"--now={now:%Y-%m-%dT%H:%M:%SZ}")
    options = [f"--anonymize={secrets.token_hex(16)}" if word == "--anonymize" else word for word in options]
    for refused in ("--state", "--close", "--inputs", "--output", "-o"):
        if refused in given:
            raise Trouble(f"{refused} means nothing to the runs of single tasks")
    return tuple(options)


def report_on(message: str) -> None:
    """Says how things go."""
    print(f"ftpwhy-spark: {message}", file=sys.stderr)


def fleet_run(asked: argparse.Namespace, words: Sequence[str], spark: SparkSession) -> int:
    """All of it; gives the exit status of ftpwhy."""
    clock = {"began": time.monotonic()}
    context = spark.sparkContext
    kinds = [kind for kind in asked.kinds.split(",") if kind] if asked.rows else []
    for kind in kinds:
        if kind not in KINDS:
            raise Trouble(f"--kinds {kind}: one of {', '.join(KINDS)}")
    options = options_of(words)
    found = Program(asked.ftpwhy, "").path()
    threads = int(str(context.getConf().get("spark.task.cpus", "1")))
    # What stands in a session decides which date it is of, not where the driver is.
    spark.conf.set("spark.sql.session.timeZone", "UTC")
    program = Program(asked.ftpwhy, version_of(found), options, threads)
    hadoop = Hadoop.of_driver(context)
    inputs: dict[str, Input] = {}
    for argument in asked.paths:
        for line in local_inputs(argument) if hadoop.is_local(argument) else hadoop_inputs(hadoop, argument):
            known = inputs.setdefault(line["path"], line)
            if line.get("named", True):
                known.pop("named", None)
    if not inputs:
        raise Trouble("nothing to read in what is named")
    far = asked.stream or any(not is_local(path_of(path)) for path in inputs)
    job = Job(
        program,
        spool_bytes=asked.spool_bytes,
        settings=hadoop.settings() if far else None,
        streams=asked.stream,
        attempts=1 if str(context.master).startswith("local") else int(str(context.getConf().get("spark.task.maxFailures", "4"))),
        no_join=asked.no_join,
    )
    check_executors(context, program, kinds)
    clock["checked"] = time.monotonic()
    fleet = Fleet(spark, job)
    looked = fleet.looked(list(inputs.values()))
    clock["looked"] = time.monotonic()
    planned = fleet.planned(looked)
    tasks = packed([one["inputs"] for one in planned["series"]], slots_of(context))
    tell_plan(planned, tasks)
    clock["planned"] = time.monotonic()
    parts = fleet.parts(tasks)
    if planned["report"] is not None:
        parts.append(zlib.compress(json.dumps(planned["report"]).encode()))
    outputs = [word for output in asked.output for word in ("-o", output)]
    outputs += ["--as", asked.form] if asked.form else []
    done = job.merge(parts, outputs)
    sys.stdout.buffer.write(done.stdout)
    sys.stdout.flush()
    if done.stderr:
        sys.stderr.buffer.write(done.stderr)
    clock["reported"] = time.monotonic()
    for kind in kinds:
        fleet.write_rows(kind, tasks, asked.rows)
        report_on(f"{kind} are in {asked.rows}")
    clock["ended"] = time.monotonic()
    if asked.timings:
        steps = list(clock.items())
        took = {name: round(at - before, 3) for (_, before), (name, at) in itertools.pairwise(steps)}
        counts = {"inputs": planned["inputs"], "bytes": planned["bytes"], "tasks": len(tasks)}
        Path(asked.timings).write_text(json.dumps({**took, **counts}) + "\n")
    return done.returncode


def tell_plan(planned: dict[str, Any], tasks: Sequence[Sequence[Sequence[Input]]]) -> None:
    """Says what will be read where, and what can't be spread."""
    report_on(f"{planned['inputs']} inputs, {planned['bytes']} bytes, {len(planned['series'])} series, {len(tasks)} tasks")
    biggest = max(planned["series"], key=lambda one: int(one["bytes"]))
    if biggest["bytes"] > TASK_BYTES and 2 * biggest["bytes"] > planned["bytes"]:
        why = "captures and server logs may hold the same sessions (--no-join reads them apart)"
        why = why if biggest["kind"] == "captures-and-logs" else "its files continue one another"
        report_on(f"one task reads {biggest['bytes']} bytes: {why}")


def main(words: Sequence[str] | None = None) -> int:
    """From the command line to the exit status."""
    given = list(sys.argv[1:] if words is None else words)
    passed: list[str] = []
    if "--" in given:
        at = given.index("--")
        given, passed = given[:at], given[at + 1 :]
    asked = arguments().parse_args(given)
    from pyspark.sql import SparkSession

    spark = SparkSession.builder.appName("ftpwhy").getOrCreate()
    if __name__ != "__main__":
        spark.sparkContext.addPyFile(__file__)
    try:
        return fleet_run(asked, passed, spark)
    except Trouble as trouble:
        report_on(str(trouble))
        return 2
    except Exception as error:
        # What a task gave up with comes in what Spark says of it.
        told = re.search(r"Trouble: (.*)", str(error))
        if told is None:
            raise
        report_on(told[1])
        return 2
    finally:
        spark.stop()


if __name__ == "__main__":
    sys.exit(main())
