"""Config files that are none, or too much: one message each, and soon."""

import os
import time

import pytest

from mimic_core.config.checking import read_config
from mimic_core.foreign.yaml_files import CONFIG_BYTES, NODES, load_yaml, parse_yaml
from mimic_core.kit.errors import MimicError


def nested(start: str, of: str, end: str, times: int = 8) -> str:
    """Each anchor names the one before it ten times over."""
    blocks = [f"k0: &b0 {start}{of.format(alias='x')}{end}"]
    blocks += [f"k{i}: &b{i} {start}{of.format(alias=f'*b{i - 1}')}{end}" for i in range(1, times + 1)]
    return "\n".join(blocks) + f"\nvideos: *b{times}\n"


LAUGHS = {
    "lists": nested("[", ",".join(["{alias}"] * 10), "]"),
    "blocks": nested("{{".replace("{{", "{"), ", ".join(f"a{n}: {{alias}}" for n in range(10)), "}"),
    "merged": "k0: &b0 {a: 1}\n"
    + "".join(f"k{i}: &b{i} {{<<: [{','.join([f'*b{i - 1}'] * 10)}]}}\n" for i in range(1, 9)),
    "a chain": "k0: &b0 [x]\n" + "".join(f"k{i}: &b{i} [*b{i - 1}]\n" for i in range(1, 900)),
    "many": "seed: [" + "1," * (NODES + 1) + "]",
}


@pytest.mark.parametrize("name", LAUGHS)
def test_what_grows_by_its_aliases_is_refused(name):
    start = time.monotonic()
    with pytest.raises(
        MimicError, match=r"this cannot be a config: (more than 20,000 values|nested more than 50 deep)"
    ):
        parse_yaml(LAUGHS[name], name)
    assert time.monotonic() - start < 10  # seconds on a busy machine; it would not end


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"[1, 2]", "a config file must be a mapping of keys to values, not a value of type list"),
        (b"3", "not a value of type int"),
        (b"text", "not a value of type str"),
        ("seed: 3".encode("utf-16"), "not UTF-8 text: byte 0"),
        (bytes(range(256)), "not UTF-8 text: byte 128"),
        (b"a: " + b"[" * 3000 + b"]" * 3000, "nested more than 50 deep"),
        (b"a: " + b"[" * 100_000, "nested more than 50 deep"),
        (b'{"a": ' + b"[" * 100_000, "nested more than 50 deep"),
        ("".join(" " * depth + "a:\n" for depth in range(200)).encode(), "nested more than 50 deep"),
        (b"? [1, 2]\n: 3", "a list or block is used as a key"),
        (b"? {a: 1}\n: 3", "a list or block is used as a key"),
        (b"pairs: {1: 2}", "'1' is used as a key, but keys must be text\n.*line 1\n.*write it in quotes: \"1\""),
        (b"2024-08-01: 2", "'2024-08-01' is used as a key"),
        (b"yes: 2", "'yes' is used as a key"),
        (b"a: &a [*a]", "a block refers to itself"),
        (b"a: &a {b: {c: *a}}", "a block refers to itself"),
        (b"a: &a {<<: *a}", "a block refers to itself"),
        (b"seed: 3\0", "not valid YAML: ReaderError: unacceptable character"),
        (b"pairs:\n\tratio: 1", "not valid YAML: .*cannot start any token"),
        (b"seed: " + b"9" * 5000, "not valid YAML: Exceeds the limit"),
        (b"videos: 2024-13-45", "not valid YAML: month must be in 1..12"),
        (b"pairs: {<<: 3}", "not valid YAML: .*merging"),
        (b"seed: 1\n---\nseed: 2", "not valid YAML: expected a single document"),
        (b"seed: !!python/name:os.system", "not valid YAML: could not determine a constructor"),
        (b"a: *b", "not valid YAML: found undefined alias"),
        (b"#" * (CONFIG_BYTES + 1), "at most 262,144 are read"),
    ],
)
def test_an_overlay_that_is_none_gives_one_message(tmp_path, content, message):
    base, path = tmp_path / "config.yaml", tmp_path / "overlay.yaml"
    base.write_text("seed: 1\n")
    path.write_bytes(content)
    with pytest.raises(MimicError, match=f"(?s){message}") as caught:
        read_config(base, [path])
    assert str(path) in str(caught.value) and caught.value.remedy


def test_what_is_no_file_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "zero").symlink_to("/dev/zero")
    (tmp_path / "loop").symlink_to("loop")
    for name in ("pipe", "zero", "loop", ".", "gone", "a" * 300):
        with pytest.raises(MimicError, match="cannot read a config file"):
            load_yaml(tmp_path / name)


def test_what_is_right_is_read(tmp_path):
    base, path = tmp_path / "config.yaml", tmp_path / "overlay.yaml"
    base.write_text("\ufeffa: {b: 1, c: 2}\r\n", encoding="utf-8")
    path.write_text("")
    assert read_config(base, [path]) == {"a": {"b": 1, "c": 2}}
    shared = "a: &a {x: 1}\n" + "".join(f"k{number}: {{<<: *a, y: [*a, *a]}}\n" for number in range(200))
    assert parse_yaml(shared, "")["k7"] == {"x": 1, "y": [{"x": 1}, {"x": 1}]}
    deep = "[" * 48 + "1" + "]" * 48
    assert parse_yaml(f"a: {deep}", "")
