"""The table client x scenario, in Markdown, of the reports that interop/misbehave.sh made: NAMES FOLDER."""

import json
import pathlib
import sys

# How a cell tells of a verdict.
WORDS = {
    "repeated-unsafe": "**POST twice**",
    "sent-after-close": "**sends after close**",
    "took-incomplete": "**takes part for whole**",
    "took-wrong": "**takes stray for answer**",
    "took-interim": "**takes 1xx for answer**",
    "refused-right": "**refuses right answer**",
    "repeated-past-fin": "POST twice, past the FIN",
    "refused-flood": "refuses the flood",
    "reused-after-stray": "goes on after stray bytes",
    "repeated-often": "repeats more than once",
    "hint-ignored": "hint ignored",
    "not-reused": "never reuses",
}

names = [line.rstrip("\n").split("\t") for line in open(sys.argv[1])]
folder = pathlib.Path(sys.argv[2])
reports = {key: json.loads((folder / f"{key}.json").read_text()) for key, _ in names}


def title(case):
    query = f"?{case['query']}" if case["query"] else ""
    return f"`{'TLS ' if case['tls'] else ''}/{case['scenario']}{query}`"


def cell(case):
    """Faults and notes, then what the callers got that was no answer."""
    words = [WORDS[verdict["rule"]] for verdict in case["verdicts"] if verdict["rule"] in WORDS]
    errors = {method: told["errors"] for method, told in sorted(case["told"].items()) if told["errors"]}
    if errors:
        asked = sum(told["answered"] + told["errors"] + told["wrong"] for told in case["told"].values())
        only = "" if len(errors) == len(case["told"]) else " " + ", ".join(errors)
        words.append(f"{sum(errors.values())} of {asked} fail" + (f":{only}" if only else ""))
    return "; ".join(words) or "ok"


titles = []
for report in reports.values():
    for case in report["cases"]:
        if title(case) not in titles:
            titles.append(title(case))
columns = {key: {title(case): case for case in report["cases"]} for key, report in reports.items()}

print("| scenario | " + " | ".join(name for _, name in names) + " |")
print("|---|" + "---|" * len(names))
for row in titles:
    cells = [cell(columns[key][row]) if row in columns[key] else "" for key, _ in names]
    print(f"| {row} | " + " | ".join(cells) + " |")


def total(key, level):
    verdicts = [verdict for case in reports[key]["cases"] for verdict in case["verdicts"]]
    return sum(verdict["count"] for verdict in verdicts if verdict["level"] == level)


for label, value in [
    ("requests with a fault", lambda key: total(key, "fault")),
    ("notes", lambda key: total(key, "note")),
    ("connections", lambda key: sum(case["connections"] for case in reports[key]["cases"])),
]:
    print(f"| *{label}* | " + " | ".join(str(value(key)) for key, _ in names) + " |")
