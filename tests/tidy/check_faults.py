#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Plants one fault for each style check in a small tree and sees that it is found, and
that the same tree without it passes. A check that cannot fail proves nothing."""
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
SPDX = "/* SPDX-License-Identifier: Apache-2.0 */\n"
CLEAN = {
    "base/mem.h": SPDX + "#pragma once\n",
    "proto/http/frame.h": SPDX + "#pragma once\nint frame_parse(int a);\n",
    "proto/http/frame.c": SPDX + '#include "proto/http/frame.h"\n\n#include <string.h>\n\n'
                          '#include "base/mem.h"\n\nint frame_parse(int a)\n{\n    return a;\n}\n',
    "tests/unit/test_frame.c": SPDX + "int main(void)\n{\n    return 0;\n}\n",
    "tests/fuzz/fuzz_frame.c": SPDX + "void fuzz_it(void)\n{\n    frame_parse(1);\n}\n",
    ".clang-format": (HERE / "../../.clang-format").read_text(),
    "tests/tidy/libraries.txt": (HERE / "libraries.txt").read_text(),
    "deploy/demo": "#!/bin/bash\n# SPDX-License-Identifier: Apache-2.0\necho hi\n",
}
FRAME = CLEAN["proto/http/frame.c"]
# check, file, its text with the fault
PLANTED = [
    ("size", "base/big.c", SPDX + "\n" * 601),
    ("calls", "base/a.c", SPDX + "int a_x(char *s)\n{\n    return atoi(s);\n}\n"),
    ("calls", "proto/http/frame.c", FRAME.replace("return a", "return a + (int)time(0)")),
    ("threads", "proto/http/frame.c", FRAME.replace("return a", "pthread_mutex_lock(&m);\n    return a")),
    ("todo", "base/mem.h", SPDX + "/* TODO: later */\n"),
    ("comments", "base/mem.h", SPDX + "// scratch\n"),
    ("tested", "proto/http/other.c", SPDX),
    ("fuzzed", "proto/http/other.h", SPDX + "int other_feed(int a);\n"),
    ("spdx", "base/mem.h", "#pragma once\n"),
    ("functions", "base/a.c", SPDX + "static int frame_parse(int a,\n                       int b)\n{\n}\n"),
    ("includes", "proto/http/frame.c", FRAME.replace("<string.h>\n\n", "<string.h>\n")),
    ("includes", "proto/http/frame.c", SPDX + '#include "base/mem.h"\n\n#include <string.h>\n'),
    ("libraries", "base/mem.h", SPDX + "#include <raft.h>\n"),
    ("tree", "server/x.c", SPDX),
    ("shell", "deploy/demo", "#!/bin/bash\ncd $1\n"),
    ("format", "base/mem.h", SPDX + "int  mem_x( void );\n"),
    ("spelling", "base/mem.h", SPDX + "/* rec" + "ieve */\n"),
    ("layers", "base/mem.h", SPDX + '#include "proto/http/frame.h"\n'),
    ("layers", "base/frame.c", SPDX),
]


def write(root, tree):
    for path, text in tree.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)


def check(root, name):
    if name == "layers":
        command = [str(HERE / "check_layers.sh"), str(root)]
    else:
        command = [sys.executable, "-B", str(HERE / "check_source.py"), str(root), name]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def check_names_faults():
    """check_names.sh reads objects: a symbol without its file's prefix, one of a library's."""
    root = Path(tempfile.mkdtemp())
    faults = []
    library = subprocess.run(["cc", "-print-file-name=libexpat.so"], capture_output=True,
                             text=True, check=True).stdout.strip()
    for stem, symbol, is_fault in (("good", "good_x", False), ("bad", "other_x", True),
                                   ("XML", "XML_Parse", True)):
        (root / f"{stem}.c").write_text(f"int {symbol}(void);\nint {symbol}(void)\n{{return 0;}}\n")
        subprocess.run(["cc", "-c", f"{stem}.c", "-o", f"{stem}.c.o"], cwd=root, check=True)
        done = subprocess.run([str(HERE / "check_names.sh"), str(root / f"{stem}.c.o"), "--",
                               library], capture_output=True, text=True, check=False)
        if (done.returncode != 0) != is_fault:
            faults.append(f"names: {symbol} in {stem}.c: {done.stdout}{done.stderr}")
    shutil.rmtree(root)
    return faults


def main():
    known = subprocess.run([sys.executable, "-B", str(HERE / "check_source.py"), "--list"],
                           capture_output=True, text=True, check=True).stdout.split()
    faults = [f"{name}: no fault is planted for it" for name in known
              if name not in {row[0] for row in PLANTED}]
    for name in sorted({row[0] for row in PLANTED}):
        root = Path(tempfile.mkdtemp())
        write(root, CLEAN)
        done = check(root, name)
        if done.returncode != 0:
            faults.append(f"{name}: fails on a clean tree: {done.stdout}{done.stderr}")
        shutil.rmtree(root)
    for name, path, text in PLANTED:
        root = Path(tempfile.mkdtemp())
        write(root, {**CLEAN, path: text})
        done = check(root, name)
        if done.returncode != 1 or Path(path).name not in done.stdout + done.stderr and name != "tree":
            faults.append(f"{name}: misses the fault in {path}: {done.stdout}{done.stderr}")
        shutil.rmtree(root)
    faults += check_names_faults()
    print("\n".join(faults) or f"{len(PLANTED) + 2} planted faults, all found")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
