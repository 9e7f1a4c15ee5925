"""What the job does by itself: packing, lists, pipes, what can't be read, what is told before any work.

FTPWHY names the program. Spark runs in this process, so no cluster is needed; tests/spark in the project has one.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import threading
import unittest
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

import ftpwhy_spark as fleet
from ftpwhy_spark import Feed, Input, Job, Program, Trouble

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from pyspark.sql import SparkSession

FTPWHY = os.path.abspath(os.environ.get("FTPWHY", "target/debug/ftpwhy"))
LINES = """\
Sun Mar  1 10:00:01 2026 [pid 7] CONNECT: Client "198.51.100.7"
Sun Mar  1 10:00:02 2026 [pid 6] [alice] FAIL LOGIN: Client "198.51.100.7"
"""


def input_of(name: str, length: int) -> Input:
    return {"path": name, "length": length}


def program(name: str = FTPWHY) -> Program:
    return Program(name, fleet.version_of(FTPWHY), ("--log-tz=UTC",))


class Packing(unittest.TestCase):
    def test_the_longest_comes_first_and_nothing_is_lost(self) -> None:
        sizes = [7 << 20, 1, 5, 3 << 20, 90 << 20, 0, 2 << 20]
        series = [[input_of(str(number), size)] for number, size in enumerate(sizes)]
        for slots in (1, 2, 50):
            tasks = fleet.packed(series, slots)
            names = sorted(line["path"] for task in tasks for lines in task for line in lines)
            self.assertEqual(names, [str(number) for number in range(len(sizes))])
            self.assertEqual([line["path"] for line in tasks[0][0]], ["4"])
        self.assertEqual(len(fleet.packed(series, 1)), 4)
        self.assertEqual(fleet.packed(series, 2), fleet.packed(list(reversed(series)), 2))

    def test_many_bytes_are_many_tasks(self) -> None:
        series = [[input_of(str(number), 1 << 30)] for number in range(20)]
        self.assertEqual(len(fleet.packed(series, 1)), 20)


class Listing(unittest.TestCase):
    def test_a_directory_gives_its_files_and_those_one_level_below(self) -> None:
        with tempfile.TemporaryDirectory() as name:
            deep = Path(name, "a", "b")
            deep.mkdir(parents=True)
            for path in (Path(name, "x.log"), Path(name, "a", "y.log"), deep / "z.log"):
                path.write_text(LINES)
            os.symlink("/dev/zero", Path(name, "zero"))
            found = list(fleet.local_inputs(name))
            self.assertEqual([line["path"] for line in found], [f"{name}/a/y.log", f"{name}/x.log"])
            self.assertEqual([line["named"] for line in found], [False, False])
            named = list(fleet.local_inputs(f"file:{name}/*.log"))
            self.assertEqual([(line["path"], line["length"]) for line in named], [(f"{name}/x.log", len(LINES))])
            self.assertNotIn("named", named[0])
            for missing in (f"{name}/none", f"{name}/*.none"):
                with self.assertRaisesRegex(Trouble, "no such file"):
                    list(fleet.local_inputs(missing))

    def test_names_are_any_bytes(self) -> None:
        name = os.fsdecode(b"/x/\xff \xc3\xa9")
        self.assertEqual(fleet.text_of(name), "/x/\xff \xc3\xa9")
        self.assertEqual(fleet.path_of(fleet.text_of(name)), name)

    def test_options_are_the_same_in_every_task(self) -> None:
        options = fleet.options_of(["--since", "2h", "--anonymize"])
        self.assertEqual(options[:2], ("--since", "2h"))
        self.assertRegex(options[2], "^--anonymize=[0-9a-f]{32}$")
        self.assertEqual(options[3], "--log-tz=UTC")
        self.assertRegex(options[4], "^--now=20..-..-..T..:..:..Z$")
        with self.assertRaises(Trouble):
            fleet.options_of(["--state", "x"])


class Feeding(unittest.TestCase):
    """Inputs that are elsewhere; here that is another folder."""

    def placed(self, far: dict[str, bytes], sizes: dict[str, int], spool_bytes: int = 1 << 30) -> dict[str, bytes]:
        """What a reader gets of all inputs, in the end."""

        def copy(path: str, to: str) -> None:
            if path == "gone":
                raise Trouble("gone: no such file")
            with open(to, "wb") as out:
                out.write(far[path])

        with tempfile.TemporaryDirectory() as name:
            feed = Feed(copy, Path(name), spool_bytes)
            lines = [{"path": path, "length": size} for path, size in sizes.items()]
            placed = feed.place(lines, lambda _: True)
            with feed.flowing():
                return {line["path"]: Path(line["at"]).read_bytes() for line in reversed(placed)}

    def test_small_ones_are_copies_and_large_ones_flow(self) -> None:
        far = {"small": b"x", "large": b"y" * 300_000, "other": b"z" * 200_000}
        sizes = {"small": 1, "large": fleet.SMALL + 1, "other": fleet.SMALL + 2}
        self.assertEqual(self.placed(far, sizes), far)

    def test_what_breaks_off_is_no_end(self) -> None:
        for size in (1, fleet.SMALL + 1):
            with self.assertRaisesRegex(Trouble, "gone: no such file"):
                self.placed({}, {"gone": size})

    def test_a_task_has_a_bound_on_its_disk(self) -> None:
        with self.assertRaisesRegex(Trouble, "--spool-bytes"):
            self.placed({"a": b"", "b": b""}, {"a": 6, "b": 6}, spool_bytes=10)

    def test_a_pipe_that_nobody_reads_holds_nothing_up(self) -> None:
        with tempfile.TemporaryDirectory() as name:
            feed = Feed(lambda _path, _to: self.fail("nobody reads"), Path(name), 0)
            feed.place([{"path": "large", "length": fleet.SMALL + 1}], lambda _: True)
            with feed.flowing():
                pass
            self.assertEqual(threading.active_count(), 1)


class Reading(unittest.TestCase):
    """Runs of the program itself."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def log(self, name: str) -> Input:
        path = self.folder / name
        path.write_text(LINES.replace("[pid ", f"[pid {ord(name[0])}"))
        return fleet.local_input(str(path), named=True)

    def script(self, text: str) -> str:
        """A program that does something else before it is ftpwhy."""
        path = self.folder / "other-ftpwhy"
        path.write_text(f'#!/bin/sh\n{text}\nexec {FTPWHY} "$@"\n')
        path.chmod(0o755)
        return str(path)

    def test_what_kills_the_program_costs_itself_and_is_told(self) -> None:
        kills = 'for word; do list=$word; done\ngrep -v unreadable "$list" 2>/dev/null | grep -q poison && kill -9 $$'
        script = self.script(kills.replace("list=$word", '[ "$last" = --inputs ] && list=$word; last=$word'))
        series = [[self.log(name) | {"place": place}] for place, name in enumerate(["a.log", "b-poison.log", "c.log"])]
        job = Job(program(script), 1 << 30, None)
        report = json.loads(zlib.decompress(job.part(series)))
        self.assertEqual(len(report["inputs"]), 3)
        self.assertEqual([row["records"] for row in report["inputs"]], [2, 0, 2])
        told = [(note["kind"], note["text"]) for note in report["diagnostics"]]
        self.assertEqual(told, [("unreadable", "given up: ftpwhy was ended by signal 9")])
        # While Spark would try again, it is its turn.
        with self.assertRaisesRegex(Trouble, "signal 9"):
            Job(program(script), 1 << 30, None, attempts=4).part(series)

    def test_where_nothing_can_be_read_it_is_no_fault_of_the_inputs(self) -> None:
        job = Job(program(self.script("kill -9 $$")), 1 << 30, None)
        with self.assertRaisesRegex(Trouble, "signal 9"):
            job.part([[self.log("a.log")], [self.log("b.log")]])

    def test_parts_are_added_up_once(self) -> None:
        job = Job(program(), 1 << 30, None)
        one, other = (job.part([[self.log(name) | {"place": place}]]) for place, name in enumerate(["a.log", "b.log"]))
        whole = subprocess.run(
            [FTPWHY, "--json", "--log-tz=UTC", self.folder / "a.log", self.folder / "b.log"], capture_output=True, check=True
        )
        self.assertEqual(zlib.decompress(job.sum([other, one])), whole.stdout)
        with self.assertRaisesRegex(Trouble, "has the number of an input of another report"):
            job.sum([one, one])

    def test_another_version_is_refused(self) -> None:
        self.assertEqual(program().check(), FTPWHY)
        with self.assertRaisesRegex(Trouble, "use one version everywhere"):
            Program(FTPWHY, "ftpwhy 0.0.1").check()
        with self.assertRaisesRegex(Trouble, "has no none-such: ship it with --files"):
            Program("none-such", "ftpwhy 0.1.0").path()


class WithSpark(unittest.TestCase):
    """The whole job, in one process."""

    maxDiff = None
    spark: SparkSession
    folder: Path

    @classmethod
    def setUpClass(cls) -> None:
        from pyspark.sql import SparkSession

        os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
        builder: Any = SparkSession.builder
        builder = builder.master("local[2]").config("spark.ui.enabled", "false").config("spark.driver.memory", "512m")
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = Path(folder.name)
        builder = builder.config("spark.hadoop.fs.viewfs.mounttable.lab.link./there", cls.folder.as_uri())
        cls.spark = builder.getOrCreate()

    @classmethod
    def tearDownClass(cls) -> None:
        cls.spark.stop()

    def run_over(self, *words: str, passed: Sequence[str] = ()) -> int:
        asked: argparse.Namespace = fleet.arguments().parse_args(["--ftpwhy", FTPWHY, *words])
        return fleet.fleet_run(asked, passed, self.spark)

    def test_what_can_not_be_is_told_before_any_work(self) -> None:
        with tempfile.TemporaryDirectory() as name:
            log = Path(name, "a.log")
            log.write_text(LINES)
            for words, why in [
                (["nosuch://host/x"], "nosuch"),
                (["viewfs://lab/none/such"], "no such file"),
                ([str(log), "--ftpwhy", "none-such"], "has no none-such"),
                ([str(log), "--rows", name, "--kinds", "event"], "one of events"),
                ([name + "/empty*"], "no such file"),
            ]:
                with self.assertRaisesRegex(Trouble, why):
                    self.run_over(*words, "-o", f"{name}/out.json")
            self.assertFalse(Path(name, "out.json").exists())

    def test_files_elsewhere_are_called_as_they_are_there(self) -> None:
        (self.folder / "a.log").write_text(LINES)
        (self.folder / "a.log.1").write_text(LINES.replace("10:0", "09:0"))
        there = "viewfs://lab/there"
        with tempfile.TemporaryDirectory() as name:
            status = self.run_over(there, "-o", f"{name}/out.json")
            report = json.loads(Path(name, "out.json").read_text())
        self.assertEqual((status, report["diagnostics"]), (0, []))
        paths = [row["path"] for row in report["inputs"]]
        self.assertEqual(paths, [f"{there}/a.log", f"{there}/a.log.1"])

    def test_many_parts_are_added_up_by_a_tree(self) -> None:
        with tempfile.TemporaryDirectory() as name, mock.patch.object(fleet, "SUMMED_AT_ONCE", 2):
            for number in range(7):
                Path(name, f"{number}.log").write_text(LINES.replace("10:0", f"1{number}:0"))
            status = self.run_over(name, "--no-join", "-o", f"{name}/out.json")
            command = [FTPWHY, "--json", "--no-join", "--log-tz=UTC", *map(str, sorted(Path(name).glob("*.log")))]
            whole = subprocess.run(command, capture_output=True, check=True)
            report = json.loads(whole.stdout)
            self.assertEqual((status, len(report["inputs"])), (0, 7))
            self.assertEqual(json.loads(Path(name, "out.json").read_bytes()), report)


if __name__ == "__main__":
    unittest.main()
