#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""House rules as tests: check.py RULE ROOT [BUILD_COMMAND...]. One line per offence; exit status 1 if there is any."""
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

SOURCE = (".h", ".cpp", ".def")
# Files that may be longer than 800 lines: emitters, and tables (*.def) by their nature.
LONGER = {"emit": 1200}


def files(root, folders, endings):
    for folder in folders:
        for path, dirs, names in os.walk(os.path.join(root, folder)):
            dirs[:] = [d for d in dirs if d not in ("build", ".git")]
            for name in sorted(names):
                if name.endswith(endings):
                    yield os.path.relpath(os.path.join(path, name), root)


def read(root, name):
    with open(os.path.join(root, name), encoding="utf-8") as f:
        return f.read()


def modules(root):
    """Module name -> allowed modules, from the emu_module lines."""
    result = {}
    for name in files(root, ["common", "libs"], ("CMakeLists.txt",)):
        for args in re.findall(r"^emu_module\(([^)]*)\)", read(root, name), re.M):
            words = args.split()
            depends = words[words.index("DEPENDS") + 1:] if "DEPENDS" in words else []
            links = [depends.index(word) for word in ("LINK", "LINK_SHARED") if word in depends]
            depends = depends[:min(links, default=len(depends))]
            result[re.sub(r"^libs/", "", os.path.dirname(name))] = set(depends)
    return result


def layers(root, _):
    allowed = modules(root)
    for name in files(root, ["common", "libs"], SOURCE):
        module = re.sub(r"^libs/", "", os.path.dirname(name))
        while module and module not in allowed:
            module = os.path.dirname(module)
        if not module:
            yield f"{name}: in no module"
            continue
        for include in re.findall(r'^\s*#include "([^"]+)"', read(root, name), re.M):
            target = os.path.dirname(include)
            while target and target not in allowed:
                target = os.path.dirname(target)
            if target != module and target not in allowed[module]:
                yield f"{name}: includes {include}, but {module} does not depend on {target or 'that folder'}"
    # No cycles: a module must not reach itself.
    for start in allowed:
        seen, todo = set(), list(allowed[start])
        while todo:
            m = todo.pop()
            if m == start:
                yield f"{start}: depends on itself through {sorted(seen)}"
                break
            if m not in seen:
                seen.add(m)
                todo += allowed.get(m, [])


def spdx(root, _):
    for name in files(root, ["common", "libs", "tools", "tests", "scripts", "cmake"], SOURCE + (".py", ".sh", ".cmake", "CMakeLists.txt")):
        if "SPDX-License-Identifier: MIT" not in "\n".join(read(root, name).split("\n")[:3]):
            yield f"{name}: no SPDX line at the top"


def length(root, _):
    for name in files(root, ["common", "libs", "tools"], (".h", ".cpp")):
        limit = next((n for key, n in LONGER.items() if key in os.path.basename(name)), 800)
        lines = read(root, name).count("\n")
        if lines > limit:
            yield f"{name}: {lines} lines, more than {limit}"


def leftovers(root, _):
    for name in files(root, ["common", "libs", "tools", "tests"], (".h", ".cpp", ".def")):
        for number, line in enumerate(read(root, name).split("\n"), 1):
            if re.search(r"\b(TODO|FIXME|XXX|HACK)\b", line) and "check.py" not in name:
                yield f"{name}:{number}: unfinished: {line.strip()}"


def heavy_includes(root, _):
    """CLI11, nlohmann and Xbyak stay behind their facades: they cost seconds of compile time a file."""
    home = {"CLI/": ("common/cli",), "nlohmann/": ("common/json",), "xbyak/": ("libs/jit/",)}
    for name in files(root, ["common", "libs", "tools"], (".h", ".cpp")):
        for include in re.findall(r"^\s*#include <([^>]+)>", read(root, name), re.M):
            for prefix, homes in home.items():
                if include.startswith(prefix) and not name.startswith(homes):
                    yield f"{name}: includes <{include}> outside {homes[0]}"


def headers(root, command):
    """Every header compiles alone."""
    def one(name):
        r = subprocess.run([*command, "-fsyntax-only", "-x", "c++", os.path.join(root, name)], capture_output=True, text=True)
        lines = [line for line in r.stderr.split("\n") if "error" in line]
        return f"{name}: does not compile alone: {lines[0] if lines else 'compiler failed'}" if r.returncode else None
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        yield from filter(None, pool.map(one, files(root, ["common", "libs"], (".h",))))


def commits(root, _):
    """Titles read "area: imperative summary", at most 72 characters. Merge commits are exempt."""
    r = subprocess.run(["git", "-C", root, "log", "--no-merges", "--format=%h %s"], capture_output=True, text=True)
    if r.returncode:
        print("skipped: not a git checkout")
        return
    for line in r.stdout.splitlines():
        commit, title = line.split(" ", 1)
        if not re.match(r"^[a-z0-9_./,{} -]+: \S", title):
            yield f"{commit}: title without 'area: ': {title}"
        elif len(title) > 72:
            yield f"{commit}: title longer than 72 characters: {title}"


def write_ordering(root, _):
    """Every image format that can be written says in which order its writes reach the storage."""
    formats = "libs/block/formats"
    said, writes = set(), set()
    for name in files(root, [formats], (".h", ".cpp")):
        part = os.path.relpath(name, formats).split(os.sep)[0]
        text = read(root, name)
        if "do_write(" in text:
            writes.add(part)
        if re.search(r"^// Write ordering\b", text, re.M):
            said.add(part)
    for part in sorted(writes - said):
        yield f"{formats}/{part}: no comment that begins with 'Write ordering'"


RULES = {f.__name__: f for f in (layers, spdx, length, leftovers, heavy_includes, write_ordering, headers, commits)}


def main():
    rule, root, command = sys.argv[1], os.path.abspath(sys.argv[2]), sys.argv[3:]
    offences = list(RULES[rule](root, command))
    print("\n".join(offences) or f"{rule}: fine")
    return 1 if offences else 0


sys.exit(main())
