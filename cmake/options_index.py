#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""options_index.py OUT TOOL...    one Markdown table of all programs, one of all their options and environment variables"""
import os
import re
import subprocess
import sys


def plain(text):
    return re.sub(r"\\f[BIR]", "", text).replace("\\-", "-").replace("\\e", "\\").replace("\\&", "").replace("|", "\\|")


def options(tool):
    """(names, help, variable, command) of each option, from the page section that the tool writes."""
    roff = subprocess.run([tool, "--help-man"], capture_output=True, text=True, check=True).stdout
    command, rows = "", []
    for block in re.split(r"^(?=\.(?:TP|SS))", roff, flags=re.M):
        lines = block.rstrip().split("\n")
        if lines[0].startswith(".SS"):
            command = plain(lines[0][4:]).split()[0]
        if lines[0] != ".TP":
            continue
        variable = [re.sub(r"^Environment: |\.$", "", plain(line)) for line in lines if line.startswith("Environment: ")]
        rows.append((plain(lines[1]), plain(lines[2]).rstrip("."), variable[0] if variable else "", command))
    return rows


def main():
    out, tools = sys.argv[1], sys.argv[2:]
    programs, table, variables = [], [], []
    for tool in sorted(tools, key=os.path.basename):
        name = os.path.basename(tool)
        summary = subprocess.run([tool, "-h"], capture_output=True, text=True, check=True).stdout.split("\n")[1]
        programs.append(f"| `{name}` | {summary.rstrip('.')} |")
        for names, text, variable, command in options(tool):
            where = f"{name} {command}".strip()
            table.append((names.lstrip("-").lower(), f"| `{names}` | `{where}` | {text} |"))
            if variable:
                variables.append(f"| `{variable}` | `{where}` | the same as `{names}` |")
    with open(out, "w", encoding="utf-8") as f:
        f.write("# All programs and options\n\nWritten from the programs themselves.\n\n| program | what it does |\n|---|---|\n")
        f.write("\n".join(programs) + "\n\n## Options\n\n| option | program | meaning |\n|---|---|---|\n")
        f.write("\n".join(row for _, row in sorted(table)) + "\n\n## Environment variables\n\n| variable | program | meaning |\n|---|---|---|\n")
        f.write("\n".join(sorted(variables)) + "\n")


main()
