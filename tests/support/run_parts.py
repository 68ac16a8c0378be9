#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the parts of the test suite and counts; called by tests/run, which installs first.

A part is a function below that yields Result objects. Units and style checks are ctest's;
scenarios and interop are scripts that speak TAP (`ok 1 - name`); fuzzers are libFuzzer
programs. Logs are kept in build/tests/.
"""
import os
import re
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LOGS = ROOT / "build" / "tests"
CORES = os.cpu_count() or 2
TAIL_LINES = 40
FUZZ_WALL_S = 180  # all fuzzers together, in a run of everything
FUZZ_NAMED_S = 60  # each fuzzer asked for by name
SCRIPT_LIMIT_S = 480
SCRIPT_LONG_LIMIT_S = 3600
CTEST_LIMIT_S = 900
BUILD_LIMIT_S = 1800


class Result:
    """One test: its name, passed|failed|skipped, and what a reader of a failure needs."""

    def __init__(self, name, state, why="", log=None, again=""):
        self.name, self.state, self.why, self.log, self.again = name, state, why, log, again


def run(command, log, limit_s, env=None):
    """Runs a command with all output to a log; returns its exit code, 124 on the limit."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with open(log, "ab") as out:
        out.write(("$ " + " ".join(map(str, command)) + "\n").encode())
        out.flush()
        process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=out,
                                   stderr=subprocess.STDOUT, start_new_session=True,
                                   env={**os.environ, **(env or {})})
        try:
            return process.wait(limit_s)
        except subprocess.TimeoutExpired:
            out.write(f"\nno end after {limit_s} s\n".encode())
            return 124
        finally:
            # Ours alone: the session this very process began. Empty when all went well.
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            process.wait()


built = {}


def build(preset, targets=()):
    """Configures and builds once; returns a failed Result, or None."""
    key = (preset, tuple(targets))
    if key not in built:
        log = LOGS / f"build.{preset}.log"
        log.unlink(missing_ok=True)
        command = ["cmake", "--build", "--preset", preset]
        if targets:
            command += ["--target", *targets]
        built[key] = None
        configure = ["cmake", "--preset", preset, "-DBUILD_TESTING=ON"]  # the demo may say OFF
        for step in (configure, command):
            if run(step, log, BUILD_LIMIT_S) != 0:
                built[key] = Result(f"build.{preset}", "failed", log=log,
                                    again=" ".join(step))
                break
    return built[key]


def ctest_outcome(case, log, again):
    """A ctest entry may be a cmocka program of many tests: its own counts are taken."""
    name, text = case.get("name"), case.findtext("system-out") or ""
    is_failed = case.find("failure") is not None
    if case.find("skipped") is not None or case.get("status") == "notrun":
        why = (text.strip().splitlines() or ["not run"])[-1]
        return [Result(name, "skipped" if "SKIP" in text else "failed", why, log, again)]
    counts = {state: re.search(rf"\[  {state}\s*\] (\d+) test\(s\)", text)
              for state in ("PASSED", "SKIPPED", "FAILED")}
    if not any(counts.values()):
        return [Result(name, "failed" if is_failed else "passed", "", log, again)]
    results = []
    for state, found in counts.items():
        results += [Result(name, state.lower(), "", log, again)
                    for _ in range(int(found.group(1)) if found else 0)]
    if is_failed and not counts["FAILED"]:  # a crash, or a sanitizer's word at exit
        results.append(Result(name, "failed", "", log, again))
    return results


def ctest(preset, label, names, extra=(), again=None):
    """Runs the ctest entries of one label in one build."""
    failure = build(preset)
    if failure:
        yield failure
        return
    stem = f"{label}.{preset}" + ("." + extra[-1] if extra else "")
    log, junit = LOGS / f"{stem}.log", LOGS / f"{stem}.xml"
    for old in (log, junit):
        old.unlink(missing_ok=True)
    pattern = "|".join(re.escape(n) for n in names)
    select = ["-R", rf"^{label}\.({pattern})$"] if names else []
    run(["ctest", "--preset", preset, "-L", f"^{label}$", "-j", str(CORES), *extra, *select,
         "--output-junit", str(junit), "--test-output-size-passed", "1000000",
         "--test-output-size-failed", "1000000"], log, CTEST_LIMIT_S,
        {"TSAN_OPTIONS": "ignore_noninstrumented_modules=1 halt_on_error=1"})
    if not junit.exists():
        yield Result(f"{label}.{preset}", "failed", "ctest gave no report", log,
                     f"ctest --preset {preset} -L {label}")
        return
    for case in ElementTree.parse(junit).getroot().iter("testcase"):
        one = LOGS / f"{case.get('name')}.{preset}.log"
        one.write_text(case.findtext("system-out") or "")
        yield from ctest_outcome(case, one, again or f"ctest --preset {preset} "
                                 f"--output-on-failure -R '^{case.get('name')}$'")


def part_unit(names, is_fast):
    """Unit tests: as built for development, then under the sanitizers."""
    for preset in ("dev",) if is_fast else ("dev", "asan", "tsan"):
        yield from ctest(preset, "unit", names)


def part_tidy(names, is_fast):
    """Style as tests; clang-tidy (lint) is the slow one."""
    if names != ["lint"]:
        yield from ctest("dev", "tidy", names)
    if not is_fast and (not names or "lint" in names):
        yield from ctest("dev", "lint", [], ("-C", "lint"), "./tests/run tidy lint")


def tap(part, script, cases, limit_s, arguments, again):
    """Runs one script that speaks TAP; yields one Result a line."""
    stem = f"{part}.{script.stem}" + ".".join(["", *cases])
    log = LOGS / f"{stem}.log"
    log.unlink(missing_ok=True)
    code = run([sys.executable, "-B", str(script), *arguments, *cases], log, limit_s)
    count = failed = 0
    for line in log.read_text(errors="replace").splitlines():
        found = re.match(r"(not )?ok \d+ - (\S+)(?: # SKIP (.*))?", line)
        if not found:
            continue
        count += 1
        name = f"{script.stem}.{found.group(2)}"
        state = "failed" if found.group(1) else "skipped" if found.group(3) else "passed"
        failed += state == "failed"
        yield Result(f"{part}.{name}", state, found.group(3) or "", log, f"{again} {name}")
    if count == 0 or (code != 0 and not failed):
        yield Result(f"{part}.{script.stem}", "failed", f"ended with {code}", log,
                     f"{again} {script.stem}")


def scripts(part):
    return sorted(p for p in (ROOT / "tests" / part).glob("*.py") if os.access(p, os.X_OK))


def part_scripts(part, names, presets):
    """Scripts of tests/PART against a running server. NAME is SCRIPT or SCRIPT.CASE."""
    for preset in presets:
        failure = build(preset, ("presenced", "presencectl"))
        if failure:
            yield failure
            return
    chosen = {}
    for name in names or [s.stem for s in scripts(part)]:
        stem, _, case = name.partition(".")
        chosen.setdefault(stem, []).extend([case] if case else [])
    for script in scripts(part):
        if script.stem in chosen:
            is_long = names and not chosen[script.stem]
            yield from tap(part, script, chosen[script.stem],
                           SCRIPT_LONG_LIMIT_S if is_long else SCRIPT_LIMIT_S,
                           ["--long"] if is_long else [], f"./tests/run {part}")


def part_scenario(names, is_fast):
    """Real processes on loopback: crashes, hostile clients, leaks, races."""
    yield from part_scripts("scenario", names, ("release", "asan", "tsan"))


def part_interop(names, is_fast):
    """Clients nobody here wrote."""
    programs = [n for n in names if n in interop_programs()]
    if programs or not names:
        yield from ctest("dev", "interop", programs)
    if len(programs) < len(names) or not names:
        yield from part_scripts("interop", [n for n in names if n not in programs], ("release",))


def interop_programs():
    """C programs that play somebody else's library against ours; ctest runs them."""
    return sorted(p.stem.removesuffix("_client") for p in (ROOT / "tests/interop").glob("*.c"))


def fuzz_one(program, seconds):
    name = program.name[len("fuzz_"):]
    work, crashes = ROOT / "build/fuzz/corpus" / name, LOGS / "fuzz"
    seeds = ROOT / "tests/fuzz/corpus" / name
    for folder in (work, crashes):
        folder.mkdir(parents=True, exist_ok=True)
    log = LOGS / f"fuzz.{name}.log"
    log.unlink(missing_ok=True)
    command = [str(program), f"-max_total_time={seconds}", "-timeout=10", "-rss_limit_mb=2048",
               f"-artifact_prefix={crashes}/{name}-", str(work)]
    code = run(command + ([str(seeds)] if seeds.is_dir() else []), log, seconds + 120)
    found = re.search(r"Test unit written to (\S+)", log.read_text(errors="replace"))
    again = f"{program.relative_to(ROOT)} {found.group(1)}" if found else f"./tests/run fuzz {name}"
    return Result(f"fuzz.{name}", "passed" if code == 0 else "failed", "", log, again)


def fuzzers():
    return sorted(p.stem[len("fuzz_"):] for p in (ROOT / "tests/fuzz").glob("fuzz_*.c"))


def part_fuzz(names, is_fast):
    """Every parser: a share of three minutes each, a minute where it is named."""
    names = names or fuzzers()
    failure = build("fuzz", [f"fuzz_{n}" for n in names])
    if failure:
        yield failure
        return
    is_all = len(names) == len(fuzzers())
    share = max(5, FUZZ_WALL_S * CORES // len(names))
    seconds = min(share, FUZZ_NAMED_S) if is_all else FUZZ_NAMED_S
    with ThreadPoolExecutor(CORES) as pool:
        yield from pool.map(lambda n: fuzz_one(ROOT / "build/fuzz" / f"fuzz_{n}", seconds),
                            names)


def part_program(folder, names):
    """sim and bench are programs of their own with TAP on standard output."""
    for script in scripts(folder):
        if not names or script.stem in names:
            yield from tap(folder, script, [], SCRIPT_LONG_LIMIT_S, [], f"./tests/run {folder}")


def names_of(part):
    if part == "unit":
        return sorted(p.stem[len("test_"):] for p in (ROOT / "tests/unit").glob("test_*.c"))
    if part == "tidy":
        listed = subprocess.run([sys.executable, "-B", ROOT / "tests/tidy/check_source.py",
                                 "--list"], capture_output=True, text=True, check=True)
        return ["layers", "names", "faults", "systemd", *listed.stdout.split(), "lint"]
    if part == "fuzz":
        return fuzzers()
    if part == "interop":
        return interop_programs() + [s.stem for s in scripts(part)]
    return [s.stem for s in scripts(part)]


PARTS = {"unit": part_unit, "tidy": part_tidy,
         "sim": lambda names, is_fast: part_program("sim", names),
         "scenario": part_scenario, "interop": part_interop, "fuzz": part_fuzz,
         "bench": lambda names, is_fast: part_program("bench", names)}


def explain(result):
    print(f"\nFAILED {result.name}" + (f": {result.why}" if result.why else ""))
    if result.log and result.log.exists():
        lines = result.log.read_text(errors="replace").splitlines()
        first = next((i for i, line in enumerate(lines) if line.startswith("FAILED: ")), None)
        shown = lines[first:first + TAIL_LINES] if first is not None else lines[-TAIL_LINES:]
        print("\n".join("    " + line[:200] for line in shown))
        print(f"    log:   {result.log.relative_to(ROOT)}")
    if result.again:
        print(f"    again: {result.again}")


def run_part(part, names, is_fast):
    """Runs one part and prints its line; returns its results."""
    begun, results, told = time.monotonic(), [], set()
    for result in PARTS[part](names, is_fast):
        results.append(result)
        if result.state == "failed" and result.name not in told:
            told.add(result.name)
            explain(result)
    count = {s: sum(r.state == s for r in results) for s in ("passed", "failed", "skipped")}
    text = ", ".join(f"{count[s]} {s}" for s in count if count[s] or s == "passed")
    for why in sorted({r.why for r in results if r.state == "skipped" and r.why}):
        text += f" ({why})"
    print(f"{part:10} {text:50} {time.monotonic() - begun:5.0f} s", flush=True)
    return results


def write_junit(results):
    suite = ElementTree.Element("testsuite", name="presenced", tests=str(len(results)))
    for r in results:
        case = ElementTree.SubElement(suite, "testcase", name=r.name)
        if r.state != "passed":
            ElementTree.SubElement(case, "failure" if r.state == "failed" else "skipped",
                                   message=r.why)
    ElementTree.ElementTree(suite).write(LOGS / "junit.xml", encoding="utf-8",
                                         xml_declaration=True)


def parse(arguments):
    """Returns [(part, names)], or prints what was wrong and exits with 2."""
    there = [p for p in PARTS if names_of(p)]
    chosen = []
    for word in arguments:
        if word in PARTS and (not chosen or word not in names_of(chosen[-1][0])):
            if word not in there:
                print(f"tests/run: there are no {word} tests yet", file=sys.stderr)
                sys.exit(2)
            chosen.append((word, []))
        elif chosen and word.partition(".")[0] in names_of(chosen[-1][0]):
            chosen[-1][1].append(word)
        else:
            print(f"tests/run: no part or test {word!r}; ./tests/run --list names them",
                  file=sys.stderr)
            sys.exit(2)
    return chosen or [(p, []) for p in there if p != "bench"]


def main():
    arguments = sys.argv[1:]
    if {"-h", "--help"} & set(arguments):
        print((ROOT / "tests/run").read_text().split("set -euo")[0].split("Apache-2.0\n")[1])
        return 0
    if "--list" in arguments:
        for part in PARTS:
            if names_of(part):
                print(f"{part:9} {' '.join(names_of(part))}")
        return 0
    is_fast = "--fast" in arguments
    chosen = parse([a for a in arguments if a != "--fast"])
    if is_fast:
        chosen = [c for c in chosen if c[0] in ("unit", "tidy")]
    LOGS.mkdir(parents=True, exist_ok=True)
    results = []
    for part, names in chosen:
        results += run_part(part, names, is_fast)
    write_junit(results)
    count = {s: sum(r.state == s for r in results) for s in ("passed", "failed", "skipped")}
    print("report: build/tests/junit.xml")
    print(f"{count['passed']} passed, {count['failed']} failed, {count['skipped']} skipped")
    return 1 if count["failed"] or not results else 0


if __name__ == "__main__":
    sys.exit(main())
