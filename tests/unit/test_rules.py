"""What the rules hand to a shell, read without running them."""

import ast
import re
from string import Formatter

import pytest
from support import REPOSITORY

RULES = [REPOSITORY / "Snakefile", *sorted((REPOSITORY / "rules").glob("*.smk"))]
QUOTED_BY_HAND = re.compile(r"""["']\{|\}["']""")  # "{x}" keeps neither a quote nor $() from the shell


def commands(text: str) -> list[str]:
    """The texts behind ``shell:``."""
    found, lines = [], text.splitlines()
    for number, line in enumerate(lines):
        if re.match(r"\s*shell\s*:", line):
            indent = len(line) - len(line.lstrip())
            block = [line.split(":", 1)[1]]
            for below in lines[number + 1 :]:
                if below.strip() and len(below) - len(below.lstrip()) <= indent:
                    break
                block.append(below)
            found.append(ast.literal_eval("(" + "\n".join(block) + ")"))
    return found


def faults(command: str) -> list[str]:
    """Fields of a command that reach the shell as they are, or with quotes put around them by hand."""
    fields = [(name, spec) for _, name, spec, _ in Formatter().parse(command) if name is not None]
    return [name for name, spec in fields if not spec.endswith("q")] + [
        match[0] for match in QUOTED_BY_HAND.finditer(command)
    ]


@pytest.mark.parametrize("path", RULES, ids=lambda path: path.name)
def test_every_value_in_a_shell_command_is_quoted(path):
    for command in commands(path.read_text()):
        assert not faults(command), command


def test_commands_are_found():
    assert sum(len(commands(path.read_text())) for path in RULES) >= 18
    for path in RULES:  # no other way to a shell
        assert not re.search(r"\bshell\(|^\s*(run|script|wrapper|notebook|cwl)\s*:", path.read_text(), re.MULTILINE)


@pytest.mark.parametrize(
    ("command", "at_fault"),
    [
        ("a {x:q} > {log:q}", []),
        ("a {x}", ["x"]),
        ("a {input.files} {wildcards.y:q}", ["input.files"]),
        ("a {x!r}", ["x"]),
        ("a {x:u}", ["x"]),
        ("a '{x:q}'", ["'{", "}'"]),
        ("a {{x}}", []),
        ("{x} a", ["x"]),
    ],
)
def test_a_value_that_is_not_quoted_is_found(command, at_fault):
    assert faults(command) == at_fault


def test_a_command_in_one_line_is_found():
    assert commands('rule a:\n    shell: "echo {x}"\n    input:\n        "y"\n') == ["echo {x}"]


def rules_with_a_command() -> list[tuple[str, str]]:
    """Names and texts of the rules that have a command of their own."""
    found = []
    for path in RULES:
        for block in re.split(r"(?m)^(?=\S)", path.read_text()):
            if (match := re.match(r"rule (\w+):", block)) and "    shell:" in block:
                found.append((match[1], block))
    return found


@pytest.mark.parametrize(("name", "text"), rules_with_a_command())
def test_every_rule_says_what_it_does_leaves_a_log_and_asks_for_what_it_needs(name, text):
    parts = re.findall(r"(?m)^    (\w+):", text)
    assert {"log", "benchmark", "resources", "params", "message", "conda"} <= set(parts)
    resources = text.split("    resources:")[1].split("\n    params:")[0]
    assert "mem_mb" in resources and "runtime" in resources and "#" in resources, "the reason is in a comment"
    script = re.findall(r'script=untracked\(SCRIPTS / "(\w+)\.py"\)', text)
    assert script == [name]
