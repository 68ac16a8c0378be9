#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Style as tests: each check below reads the tree and prints one line a fault.

usage: check_source.py ROOT CHECK   (CHECK: a name of CHECKS; --list prints them)
Data beside this file: big_files.txt, tested_elsewhere.txt, libraries.txt.
check_faults.py plants a fault for each check and sees it found.
"""
import functools
import re
import subprocess
import sys
from pathlib import Path

FLOORS = ("base", "proto", "replication", "cluster", "admin", "node")
TOP_LEVEL = set(FLOORS) | {
    "tests", "deploy", "docs", "build", "CMakeLists.txt", "CMakePresets.json", "README.md",
    "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "LICENSE"}
SIZE_SOFT, SIZE_HARD = 600, 1000
BANNED = r"strcpy|strcat|v?sprintf|ato[il]|strtok|s?rand|u?sleep|gets|alloca"
SHARED = (r"_Atomic|stdatomic\.h|atomic_\w+|__atomic_\w+|__sync_\w+|pthread_\w+"
          r"|uv_(mutex|rwlock|cond|sem|barrier|once|thread|async|key)_\w+|thread_local|_Thread_local")
ROOT = Path(".")


@functools.cache
def files(*endings):
    """Files of the tree with one of these endings, build trees and dot folders left out."""
    found = []
    for top in (*FLOORS, "tests", "deploy", "docs"):
        found += [p for p in (ROOT / top).rglob("*")
                  if p.is_file() and p.name.endswith(endings)
                  and not {"node_modules", "__pycache__"} & set(p.parts)]
    return sorted(found)


def name(path):
    return path.relative_to(ROOT).as_posix()


@functools.cache
def code(path):
    """The text of a C file with comments and literals blanked, line numbers kept."""
    def blank(found):
        text = found.group(0)
        if text.startswith("/"):
            return re.sub(r"[^\n]", " ", text)
        return text[0] + " " * (len(text) - 2) + text[-1]
    return re.sub(r"/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", blank,
                  path.read_text(), flags=re.S)


def hits(path, pattern, text=None):
    text = code(path) if text is None else text
    for found in re.finditer(pattern, text):
        yield text.count("\n", 0, found.start()) + 1, found


def listed(file):
    """PATH REASON lines of a data file beside this one (a planted tree may have its own)."""
    local = ROOT / "tests/tidy" / file
    rows = {}
    for line in local.read_text().splitlines() if local.exists() else []:
        if line and not line.startswith("#"):
            path, _, reason = line.partition(" ")
            rows[path] = reason.strip()
    return rows


def check_size():
    """No file beyond 600 lines without a reason, none beyond 1000."""
    reasons = listed("big_files.txt")
    for path in files(".c", ".h", ".py", ".js", ".sh", ".proto", ".cmake"):
        lines = path.read_text().count("\n")
        if lines > SIZE_HARD:
            yield f"{name(path)}: {lines} lines, never more than {SIZE_HARD}"
        elif lines > SIZE_SOFT and not reasons.get(name(path)):
            yield f"{name(path)}: {lines} lines without a reason in tests/tidy/big_files.txt"
        elif lines <= SIZE_SOFT and name(path) in reasons:
            yield f"{name(path)}: no longer big, take it out of tests/tidy/big_files.txt"


def check_calls():
    """Calls that have no safe use, and time() outside base."""
    for path in files(".c", ".h"):
        for line, found in hits(path, rf"(?<![\w.>])({BANNED})\s*\("):
            yield f"{name(path)}:{line}: {found.group(1)}() is banned"
        if not name(path).startswith(("base/", "tests/")):
            for line, _ in hits(path, r"(?<![\w.>])(time|clock_gettime|gettimeofday)\s*\("):
                yield f"{name(path)}:{line}: the clock is read in base/ only"


def check_threads():
    """Locks, atomics and bare threads live in base only: above it, threads own data."""
    for path in files(".c", ".h"):
        if not name(path).startswith(("base/", "tests/")):
            for line, found in hits(path, rf"\b({SHARED})"):
                yield f"{name(path)}:{line}: {found.group(1)} belongs to base/"


def check_todo():
    """An open end names its issue."""
    for path in files(".c", ".h", ".py", ".sh", ".cmake", ".proto", ".md", "packages", "demo"):
        if path.name in ("check_source.py", "check_faults.py"):
            continue
        for line, found in hits(path, r"\b(TODO|FIXME|XXX)\b(?!\s*\(?#\d)", path.read_text()):
            yield f"{name(path)}:{line}: {found.group(1)} without an issue number"


def check_comments():
    """// is scratch and does not land."""
    for path in files(".c", ".h"):
        text = re.sub(r"\"(?:\\.|[^\"\\\n])*\"|/\*.*?\*/", lambda f: re.sub(r"[^\n]", " ", f.group(0)),
                      path.read_text(), flags=re.S)
        for line, _ in hits(path, r"//", text):
            yield f"{name(path)}:{line}: a // comment"


def check_tested():
    """A source file of proto, replication or cluster has its unit test."""
    elsewhere = listed("tested_elsewhere.txt")
    tests = {p.name for p in files(".c") if name(p).startswith("tests/unit/")}
    for path in files(".c"):
        if not name(path).startswith(("proto/", "replication/", "cluster/")):
            continue
        is_there = f"test_{path.stem}.c" in tests
        other = elsewhere.get(name(path), "").split(" ")[0]
        if not is_there and other not in tests:
            yield f"{name(path)}: no tests/unit/test_{path.stem}.c, nor a line in tested_elsewhere.txt"
        if is_there and other:
            yield f"{name(path)}: has its own test now, take it out of tested_elsewhere.txt"


def check_fuzzed():
    """A parser that proto or replication exports is called by a fuzzer. (In replication a
    feed is the change feed, not a parser that is fed.)"""
    fuzzers = "\n".join(code(p) for p in files(".c") if name(p).startswith("tests/fuzz/"))
    for path in files(".h"):
        if name(path).startswith(("proto/", "replication/")):
            words = "parse|feed" if name(path).startswith("proto/") else "parse"
            for line, found in hits(path, rf"\b(\w+_(?:{words}))\s*\("):
                if not re.search(rf"\b{found.group(1)}\b", fuzzers):
                    yield f"{name(path)}:{line}: no fuzzer calls {found.group(1)}()"


def check_spdx():
    """Line 1 is the licence line (line 2 after #!)."""
    for path in files(".c", ".h", ".py", ".sh", ".cmake", ".proto", "/packages", ".js", ".service"):
        lines = path.read_text().splitlines()[:2] + ["", ""]
        if "SPDX-License-Identifier: Apache-2.0" not in lines[lines[0].startswith("#!")]:
            yield f"{name(path)}: no SPDX line"


def check_functions():
    """Never two functions of one name, static ones included. (Each test is a program of its
    own: two tests may both have a setup().)"""
    seen = {}
    definition = r"^(?!else\b|return\b)[A-Za-z_][\w\s*()]*?[\s*](\w+)\([^;{}]*\)\s*\{"
    for path in files(".c", ".h"):
        for line, found in hits(path, "(?m)" + definition):
            function = found.group(1)
            if function in ("main", "LLVMFuzzerTestOneInput", "if", "for", "while", "switch"):
                continue
            if function in seen and not (name(path).startswith("tests/")
                                         and seen[function].startswith("tests/")):
                yield f"{name(path)}:{line}: {function}() is also in {seen[function]}"
            seen.setdefault(function, name(path))


def include_rank(path, found):
    """0 own header (a unit test's first is unit.h), 1 system and libraries, 2 ours."""
    if found.group(1) == "<":
        return 1
    own = name(path)[:-1] + "h"
    is_first = found.group(2) in (own, "tests/support/unit.h") and path.suffix == ".c"
    return 0 if is_first else 2


def check_includes():
    """Own header; system and libraries; ours; a blank line between the groups."""
    for path in files(".c", ".h"):
        last, last_line = -1, 0
        for line, found in hits(path, r"(?m)^#include ([<\"])([^>\"]+)", path.read_text()):
            rank = include_rank(path, found)
            if rank < last:
                yield f"{name(path)}:{line}: {found.group(2)} stands too late (own, system, ours)"
            elif rank > last >= 0 and line == last_line + 1:
                yield f"{name(path)}:{line}: no blank line before {found.group(2)}"
            last, last_line = rank, line


def check_libraries():
    """A library is called where libraries.txt says, so that it can be replaced there."""
    rows = [line.split() for line in (ROOT / "tests/tidy/libraries.txt").read_text().splitlines()
            if line and not line.startswith("#")]
    for path in files(".c", ".h"):
        if name(path).startswith("tests/"):
            continue
        for line, found in hits(path, r"(?m)^#include <([^>]+)>", path.read_text()):
            for header, *places in rows:
                if re.fullmatch(header, found.group(1)) and \
                        not any(name(path).startswith(p) for p in places):
                    yield f"{name(path)}:{line}: <{found.group(1)}> belongs to {' '.join(places)}"


def check_tree():
    """Nothing at the top but the floors, tests, deploy, docs and the usual pages."""
    for path in sorted(ROOT.iterdir()):
        if not path.name.startswith(".") and path.name not in TOP_LEVEL:
            yield f"{path.name}: nothing of this name belongs at the top"


def shell_scripts():
    for path in sorted([*files(""), ROOT / ".ci/run"]):
        if path.is_file():
            with open(path, "rb") as file:
                if re.match(rb"#!.*\b(ba|da)?sh\b", file.readline()):
                    yield path


def check_shell():
    """shellcheck finds nothing in our scripts."""
    scripts = [str(p) for p in shell_scripts()]
    if scripts:
        done = subprocess.run(["shellcheck", "-x", "-f", "gcc", *scripts], text=True,
                              capture_output=True, check=False)
        yield from (done.stdout + done.stderr).splitlines()


def check_format():
    """clang-format would change nothing."""
    sources = [str(p) for p in files(".c", ".h")]
    if sources:
        done = subprocess.run(["clang-format", "--dry-run", "-Werror", *sources], text=True,
                              capture_output=True, check=False)
        yield from [l for l in done.stderr.splitlines() if ": error:" in l]


def check_spelling():
    """codespell knows every word."""
    paths = [str(ROOT / p) for p in (*FLOORS, "tests", "deploy", "docs") if (ROOT / p).exists()]
    paths += [str(p) for p in ROOT.glob("*.md")]
    done = subprocess.run(
        ["codespell", "--skip", "*/corpus/*,*/golden/*,*/node_modules/*,*/__pycache__/*",
         "--ignore-regex", r"\b\w{1,3}\b",  # test data, not words
         "--ignore-words", str(Path(__file__).parent / "words.txt"), *paths],
        text=True, capture_output=True, check=False)
    yield from done.stdout.splitlines()


CHECKS = {key[len("check_"):]: value for key, value in list(globals().items())
          if key.startswith("check_")}


def main():
    global ROOT
    if sys.argv[1:] == ["--list"]:
        print("\n".join(CHECKS))
        return 0
    if len(sys.argv) != 3 or sys.argv[2] not in CHECKS:
        print(__doc__, file=sys.stderr)
        return 2
    ROOT = Path(sys.argv[1]).resolve()
    faults = list(CHECKS[sys.argv[2]]())
    print("\n".join(faults))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
