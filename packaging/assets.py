"""Puts what Cargo.toml lists for a Debian package into a folder for dpkg-deb: assets.py PROGRAM FOLDER VERSION"""

import glob
import gzip
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

program, tree, version = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
with open("Cargo.toml", "rb") as file:
    package = tomllib.load(file)["package"]
deb = package["metadata"]["deb"]
for source, target, mode in deb["assets"]:
    found = [program] if source == "target/release/ftpwhy" else glob.glob(source)
    if not found:
        sys.exit(f"nothing is called {source}")
    for path in found:
        place = tree / target
        if target.endswith("/"):
            place /= Path(path).name
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, place)
        place.chmod(int(mode, 8))
        if "/man/" in target:
            with open(path, "rb") as page, gzip.GzipFile(f"{place}.gz", "wb", 9, mtime=0) as packed:
                shutil.copyfileobj(page, packed)
            place.unlink()
if shutil.which("strip"):
    subprocess.run(["strip", "--strip-unneeded", str(tree / "usr/bin/ftpwhy")], check=True)
copyright = tree / "usr/share/doc/ftpwhy/copyright"
copyright.write_text(f"License: {package['license']}\n\n" + Path("LICENSE-MIT").read_text())
architecture = subprocess.run(["dpkg", "--print-architecture"], capture_output=True, text=True, check=True).stdout.strip()
size = sum(path.stat().st_size for path in tree.rglob("*") if path.is_file()) // 1024
control = tree / "DEBIAN/control"
control.parent.mkdir()
control.write_text(
    f"Package: {package['name']}\nVersion: {version}\nArchitecture: {architecture}\nInstalled-Size: {size}\n"
    f"Maintainer: {deb['maintainer']}\nSection: {deb['section']}\nPriority: {deb['priority']}\nDepends: libc6, libgcc-s1\n"
    f"Suggests: {deb['suggests']}\nDescription: {package['description']}\n"
)
(tree / "DEBIAN/conffiles").write_text("".join(f"{path}\n" for path in deb["conf-files"]))
