#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""man.py make PAGE.in TOOL OUT     write the page, its OPTIONS section from the tool's own table (--help-man)
   man.py check PAGE.in TOOL OUT    the page is what `make` writes, names every option of --help and none that is not there,
                                    and mandoc -Tlint has nothing to say"""
import re
import shutil
import subprocess
import sys


def run(*command):
    return subprocess.run(command, capture_output=True, text=True)


def page(source, tool):
    options = run(tool, "--help-man")
    if options.returncode:
        sys.exit(f"{tool} --help-man failed: {options.stderr}")
    return open(source, encoding="utf-8").read().replace("@OPTIONS@\n", options.stdout)


def names_in_help(tool):
    text = run(tool, "-h").stdout
    return {name for line in re.findall(r"^  (-\S.*)$", text, re.M) for name in re.findall(r"(?:^|, )-([A-Za-z0-9][\w-]*)", line)}


def check(source, tool, out):
    offences = []
    text = page(source, tool)
    if open(out, encoding="utf-8").read() != text:
        offences.append(f"{out} is not what {source} makes now")
    documented = set(re.findall(r"\\fB-([A-Za-z0-9][\w-]*)\\fR", text.replace("\\-", "-")))
    offences += [f"option -{name} is not in the page" for name in sorted(names_in_help(tool) - documented)]
    offences += [f"the page names -{name}, which the tool does not have" for name in sorted(documented - names_in_help(tool))]
    if shutil.which("mandoc"):
        lint = run("mandoc", "-Tlint", "-Wwarning", out)
        offences += [line for line in lint.stdout.splitlines() if line.strip()]
    else:
        print("mandoc is not installed: not linted")
    return offences


def main():
    verb, source, tool, out = sys.argv[1:5]
    if verb == "make":
        with open(out, "w", encoding="utf-8") as f:
            f.write(page(source, tool))
        return 0
    offences = check(source, tool, out)
    print("\n".join(offences) or "man: fine")
    return 1 if offences else 0


sys.exit(main())
