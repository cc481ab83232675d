"""The table of a file of safetensors: one reader, for whoever asks what is in it and whoever asks what is wrong."""

import json
from pathlib import Path

import pytest

from auditor.classifiers import without_network
from auditor.classifiers.tensor_tables import tensor_table
from auditor.loading.scanning import scan

FIRST = {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}
SECOND = {"dtype": "F32", "shape": [], "data_offsets": [24, 28]}
TABLE = {"__metadata__": {"format": "pt"}, "first": FIRST, "second": SECOND}


def written(folder: Path, table: object, numbers: int = 28) -> Path:
    text = table if isinstance(table, bytes) else json.dumps(table).encode()
    path = folder / "m.safetensors"
    path.write_bytes(len(text).to_bytes(8, "little") + text + bytes(numbers))
    return path


def test_names_shapes_and_places_are_read_and_nothing_is_found_in_an_honest_one(tmp_path):
    path = written(tmp_path, TABLE)
    table, begin = tensor_table(path)
    assert {name: (entry.shape, entry.start, entry.end) for name, entry in table.items()} == {
        "first": ((2, 3), 0, 24),
        "second": ((), 24, 28),
    }
    assert begin == path.stat().st_size - 28
    assert scan({path.name: path}) == ()


@pytest.mark.parametrize(
    "change",
    [
        {"numbers": 29},  # behind the last
        {"numbers": 27},  # cut off
        {"table": {"second": SECOND}},  # before the first
        {"table": {**TABLE, "third": {**SECOND, "data_offsets": [20, 28]}}},  # of two tensors
    ],
)
def test_bytes_beside_those_of_tensors_are_told(tmp_path, change):
    path = written(tmp_path, **{"table": TABLE, **change})
    assert [(threat.severity, threat.kind) for threat in scan({path.name: path})] == [("warning", "hidden bytes")]


@pytest.mark.parametrize(
    ("table", "told"),
    [
        (b"{" + b" " * (17 << 20) + b"}", "takes 17825794 bytes, of which at most 16777216 are read"),
        (b'{"a":' * 100_000, "is damaged"),
        (b"{]", "is damaged"),
        ({"a": {"shape": [1], "data_offsets": [0]}}, "is damaged"),
        ({"a": {"shape": [1.5], "data_offsets": [0, 28]}}, "is damaged"),
        ({"a": {"shape": [1], "data_offsets": ["0", "28"]}}, "is damaged"),
        ({"a": {"data_offsets": [0, 28]}}, "is damaged"),
        ({"a": 1}, "is damaged"),
    ],
)
def test_a_hostile_table_is_no_pass_and_costs_nobody_their_memory(tmp_path, table, told):
    path = written(tmp_path, table)
    with pytest.raises(ValueError, match=told):
        tensor_table(path)
    [threat] = scan({path.name: path})
    assert (threat.severity, threat.kind) == ("critical", "unreadable")
    assert told in threat.message
    assert "from my_network import Network" in without_network(path)
