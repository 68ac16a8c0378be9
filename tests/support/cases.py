# SPDX-License-Identifier: Apache-2.0
"""Test scripts that speak TAP: decorate functions with @case, end with main().

    script.py [--long] [--list] [CASE...]     CASE: name, or SCRIPT.name

A case is a function or a coroutine function; it fails by raising, skips by Skip(why).
"""
import asyncio
import inspect
import sys
import time
import traceback
from pathlib import Path

cases = []
is_long = False


class Skip(Exception):
    """Only for what this machine cannot give; says the line that would enable it."""


def case(function):
    cases.append(function)
    return function


def expect(is_true, *what):
    """An assert that survives -O and says what was seen."""
    if not is_true:
        raise AssertionError(" ".join(map(str, what)))


def wait_for(what, condition, limit_s=10):
    """Waits for an event, with a deadline; returns the condition's first true value."""
    deadline = time.monotonic() + limit_s
    while True:
        seen = condition()
        if seen:
            return seen
        expect(time.monotonic() < deadline, f"no {what} within {limit_s} s")
        time.sleep(0.02)


def main(done=None):
    """Runs the chosen cases; done() is called at the end, also after a failure, and is a case
    itself: what it raises (a sanitizer's report as a server ends) is a failure."""
    global is_long
    arguments = sys.argv[1:]
    is_long = "--long" in arguments
    names = [a.rpartition(".")[2] for a in arguments if not a.startswith("--")]
    if "--list" in arguments:
        print("\n".join(c.__name__ for c in cases))
        return 0
    chosen = [c for c in cases if not names or c.__name__ in names]
    if done and chosen:
        def clean_end():
            done()
        chosen.append(clean_end)
    failed = 0
    print(f"1..{len(chosen)}", flush=True)
    for number, one in enumerate(chosen, 1):
        try:
            if inspect.iscoroutinefunction(one):
                asyncio.get_event_loop().run_until_complete(one())
            else:
                one()
            print(f"ok {number} - {one.__name__}", flush=True)
        except Skip as why:
            print(f"ok {number} - {one.__name__} # SKIP {why}", flush=True)
        except Exception:  # every failure is one `not ok`, whatever was raised
            failed += 1
            print("# " + traceback.format_exc().replace("\n", "\n# "))
            print(f"not ok {number} - {one.__name__}", flush=True)
    return 1 if failed or not chosen else 0


def script_name():
    return Path(sys.argv[0]).stem
