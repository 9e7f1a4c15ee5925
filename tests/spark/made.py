"""Makes files for a fleet from the project's recordings: captures and logs under new names, with other hosts, times and
sequence numbers, so that none is a copy of another; some in parts, some packed, some damaged."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

HOUR = 3600


def variant(capture: bytes, number: int, copies: int = 1) -> bytes:
    """A pcap of Ethernet and IPv4 with other hosts, times and sequence numbers; several of them behind one another."""
    out = bytearray(capture[:24])
    for copy in range(copies):
        turn = number * copies + copy
        at = 24
        while at + 16 <= len(capture):
            seconds, fraction, length, original = struct.unpack_from("<IIII", capture, at)
            packet = bytearray(capture[at + 16 : at + 16 + length])
            out += struct.pack("<IIII", seconds + turn * HOUR, fraction, length, original)
            out += moved(packet, turn)
            at += 16 + length
    return bytes(out)


def moved(packet: bytearray, turn: int) -> bytes:
    """A packet between other hosts."""
    if packet[12:14] == b"\x08\x00" and len(packet) >= 54 and packet[23] == 6:
        for address in (26, 30):
            packet[address + 1] ^= turn >> 8 & 0xFF
            packet[address + 2] ^= turn & 0xFF
        tcp = 14 + (packet[14] & 0x0F) * 4
        for place in (tcp + 4, tcp + 8):
            (value,) = struct.unpack_from(">I", packet, place)
            if value:
                struct.pack_into(">I", packet, place, (value + turn * 7919) & 0xFFFFFFFF)
    return bytes(packet)


def border(capture: bytes) -> int:
    """Where a packet in the middle of a capture ends."""
    at = 24
    while at < len(capture) // 2:
        at += 16 + struct.unpack_from("<I", capture, at + 8)[0]
    return at


def log_variant(text: bytes, number: int, copies: int) -> bytes:
    """A log of other clients, several times behind one another."""
    parts = []
    for turn in range(number * copies, (number + 1) * copies):
        hosts = b"10.%d.%d." % (turn >> 8 & 0xFF, turn & 0xFF)
        parts.append(text.replace(b"198.51.100.", hosts))
    return b"".join(parts)


def make(testdata: Path, folder: Path, files: int, copies: int) -> None:
    """Makes about so many files, each with so many conversations behind one another."""
    captures = [path.read_bytes() for path in sorted((testdata / "demo").glob("*.pcap"))]
    captures = [capture for capture in captures if capture[:4] == b"\xd4\xc3\xb2\xa1"]
    logs = [(path.name.split(".", 1)[1], path.read_bytes()) for path in sorted((testdata / "demo").glob("*.log"))]
    made = 0
    number = 0
    while made < files:
        number += 1
        host = folder / f"host{number % 97:02}"
        host.mkdir(exist_ok=True)
        if number % 3 == 0:
            made += make_capture(host, number, variant(captures[number % len(captures)], number, copies))
        else:
            ending, text = logs[number % len(logs)]
            made += make_log(host, f"{number}.{ending}", number, log_variant(text, number, copies))


def make_capture(host: Path, number: int, capture: bytes) -> int:
    """A capture, in one file or as a ring of two."""
    if number % 5 == 0:
        cut = border(capture)
        (host / f"ring-{number}.pcap0").write_bytes(capture[:cut])
        (host / f"ring-{number}.pcap1").write_bytes(capture[:24] + capture[cut:])
        return 2
    if number % 7 == 0:
        capture = capture[: len(capture) - 11]
    packed = number % 4 == 0
    (host / f"{number}.pcap{'.gz' if packed else ''}").write_bytes(gzip.compress(capture, 1, mtime=0) if packed else capture)
    return 1


def make_log(host: Path, name: str, number: int, text: bytes) -> int:
    """A log, alone or with its rotation; some are packed, and some of these damaged."""
    if number % 5 == 0:
        cut = text.index(b"\n", len(text) // 2) + 1
        (host / f"{name}.1.gz").write_bytes(gzip.compress(text[:cut], 1, mtime=0))
        (host / name).write_bytes(text[cut:])
        return 2
    if number % 11 == 0:
        packed = gzip.compress(text, 1, mtime=0)
        (host / f"{name}.gz").write_bytes(packed[: len(packed) - 20])
        return 1
    (host / name).write_bytes(text)
    return 1
