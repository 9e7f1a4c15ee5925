"""Holds Parquet files against the JSON report of the same input, with DuckDB as the reader."""

import json
import re
import subprocess
import sys
from pathlib import Path

import duckdb

program, root, work = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
# One server's log has one vantage, so that its report is about all of its events; the demonstration has all forms.
ONE, ALL = "testdata/demo/password-guessing.vsftpd.log", "testdata/demo"
CAPTURE = "testdata/demo/permission-denied.pcap"


def ftpwhy(*arguments):
    done = subprocess.run(
        [program, *arguments, "--tz", "UTC", "--log-tz", "UTC"], cwd=root, capture_output=True, check=True
    )
    return done.stdout


def table(command, paths, name):
    file = work / name
    ftpwhy(command, paths, "-o", str(file))
    return file


def rows(query):
    return duckdb.sql(query).fetchall()


def expect(what, found, wanted):
    if found != wanted:
        sys.exit(f"{what}: DuckDB has {found}, the report {wanted}")
    print(f"{what}: equal ({len(found)} rows)")


for number, paths in enumerate([ONE, CAPTURE]):
    report = json.loads(ftpwhy("report", paths, "--json"))
    assert not report["also"], "one vantage is wanted"
    events = table("events", paths, f"events-{number}.parquet")
    codes = f"select code, count(*) from '{events}' where kind = 'reply' and evidence = '%s' group by code order by code"
    for evidence in ["observed", "implied"]:
        wanted = [(row["code"], row[evidence]) for row in report["replies"]["by_code"] if row[evidence]]
        expect(f"{paths}: codes {evidence}", rows(codes % evidence), wanted)
    sessions = table("sessions", paths, f"sessions-{number}.parquet")
    # What is finer than a microsecond is cut.
    first, last = (re.sub(r"(\.\d{6})\d+", r"\1", report["window"][edge]) for edge in ["first", "last"])
    spans = rows(f"select min(start) = '{first}'::timestamptz, max(end_at) = '{last}'::timestamptz from '{sessions}'")
    expect(f"{paths}: window", spans, [(True, True)])
    failed = rows(f"select count(*), count(*) filter (len(failures) > 0) from '{sessions}'")
    expect(f"{paths}: sessions", failed, [(report["sessions"]["total"], report["sessions"]["failed"])])

report = json.loads(ftpwhy("report", CAPTURE, "--json"))
failures = table("causes", CAPTURE, "failures-one.parquet")
found = rows(f"select cause, count(*) from '{failures}' where counted group by cause order by cause")
expect("causes", found, sorted((cause["id"], cause["count"]) for cause in report["failures"]["causes"]))

# The README's queries, on files with the names that it gives them.
for command, name in [("events", "events"), ("codes", "exchanges"), ("sessions", "sessions"), ("causes", "failures")]:
    table(command, ALL, f"{name}.parquet")
readme = (root / "README.md").read_text()
queries = [query for query in re.findall(r'duckdb -c "([^"]+)"', readme) if "ftp-rows" not in query]
assert len(queries) >= 3, "the README has no queries"
for query in queries:
    found = rows(re.sub(r"'(\w+\.parquet)'", rf"'{work}/\1'", query))
    assert found, f"nothing found by {query}"
    print(f"{len(found):4} rows: {query}")
