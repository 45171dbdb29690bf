"""Writes results into a file, one a line, beside those that are there."""
import json
import pathlib


def write(path, results, order, key):
    """Replaces the results of the same key. `order` are all keys there may be; results with others are dropped."""
    file = pathlib.Path(path)
    old = json.loads(file.read_text()) if file.is_file() else []
    entries = {key(result): result for result in [*old, *results]}
    lines = ",\n".join(" " + json.dumps(entries[place]) for place in dict.fromkeys(order) if place in entries)
    file.write_text(f"[\n{lines}\n]\n", encoding="utf-8")
