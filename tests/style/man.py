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
    text = open(source, encoding="utf-8").read().replace("@OPTIONS@\n", options.stdout)
    if "@DRIVERS@\n" in text:
        text = text.replace("@DRIVERS@\n", run(tool, "--help-drivers").stdout)
    return text


def names_in_help(tool):
    text = run(tool, "-h").stdout
    commands = re.search(r"^Commands:\n((?:  .*\n)*)", text, re.M)
    for command in re.findall(r"^  ([a-z]\S*)", commands[1], re.M) if commands else []:
        text += run(tool, command, "-h").stdout
    return {name for line in re.findall(r"^  (-\S.*)$", text, re.M) for name in re.findall(r"(?:^|, )-([A-Za-z0-9][\w-]*)", line)}


def lint(out):
    if shutil.which("mandoc"):
        result = run("mandoc", "-Tlint", "-Wwarning", out)
        return [line for line in result.stdout.splitlines() if line.strip()]
    print("mandoc is not installed: not linted")
    return []


def check(source, tool, out):
    offences = []
    text = page(source, tool)
    if open(out, encoding="utf-8").read() != text:
        offences.append(f"{out} is not what {source} makes now")
    if "@OPTIONS@" not in open(source, encoding="utf-8").read():
        return offences + lint(out)
    documented = set(re.findall(r"\\fB-([A-Za-z0-9][\w-]*)\\fR", text.replace("\\-", "-")))
    offences += [f"option -{name} is not in the page" for name in sorted(names_in_help(tool) - documented)]
    offences += [f"the page names -{name}, which the tool does not have" for name in sorted(documented - names_in_help(tool))]
    return offences + lint(out)


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
