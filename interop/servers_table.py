"""Writes docs/servers.md of the reports that interop/servers.sh made."""
import json
import pathlib
import sys

folder = pathlib.Path(sys.argv[1])
COLUMNS = [
    ("measured", "idle timeout"),
    ("announced", "idle timeout announced"),
    ("ends by", "end of an idle connection"),
    ("requests", "requests per connection"),
    ("HTTP/1.0 keep-alive", "HTTP/1.0 with keep-alive"),
    ("pipelined", "pipelined requests answered"),
    ("unwanted content", "content that is not wanted"),
]


def words(value):
    seconds = lambda number: f"{number:.3f}".rstrip("0").rstrip(".") + " s"
    return {
        "time": lambda: seconds(value["seconds"]),
        "longer_than": lambda: "> " + seconds(value["seconds"]),
        "between": lambda: seconds(value["from_seconds"]) + " to " + seconds(value["to_seconds"]),
        "count": lambda: str(value["count"]),
        "more_than": lambda: f"> {value['count']}",
        "text": lambda: value["text"],
    }[value["kind"]]()


rows, details = [], []
for line in (folder / "rows").read_text().splitlines():
    name, configured, version = line.split("\t")
    report = json.loads((folder / f"{name}.json").read_text())
    if "error" in report:
        rows.append(f"| {name} {version} | not measured: {report['error']['text']} |")
        continue
    found = {finding["subject"]: finding for finding in report["findings"]}
    cells = [words(found[subject]["value"]) if subject in found else "" for _, subject in COLUMNS]
    rows.append("| " + " | ".join([f"{name} {version}", configured if configured == "none" else f"{configured} s", *cells]) + " |")
    for finding in report["findings"]:
        if finding["verdict"] in ("warning", "problem"):
            what = f"{finding['subject']}: {words(finding['value'])}"
            details.append(f"- {name}, {finding['verdict']}: {what} ({finding['section']}): {finding['advice']}.")
    measured = found.get("idle timeout", {}).get("value", {})
    if configured != "none" and measured.get("kind") == "time" and abs(measured["seconds"] - float(configured)) > 0.05:
        details.append(f"- {name}: configured {configured} s, measured {words(measured)}.")
    for unmeasured in report["unmeasured"]:
        if unmeasured["experiment"] != "not-modified":
            details.append(f"- {name}, not measured: {unmeasured['experiment']}, {unmeasured['why']}.")

head = ["server", "idle, configured", *[title for title, _ in COLUMNS]]
print(f"""# How servers treat persistent connections

Written by `interop/servers.sh > docs/servers.md`: `tenure probe --intrusive --max-wait 9` against each server on loopback, as it comes but for the
idle timeout in the second column. Times are from the last byte of a response to the close, of four connections.

| {" | ".join(head)} |
|{"---|" * len(head)}
{chr(10).join(rows)}

What `tenure probe` warns of, and where a time differs from the one configured by more than 50 ms:

{chr(10).join(details)}""")
