import subprocess
from pathlib import Path

import pytest

from mimic_core.config.shells import (
    LONG,
    check_checkout,
    check_long_commands,
    check_quotable,
    check_quoted,
    check_unquoted,
)
from mimic_core.kit.errors import MimicError


@pytest.mark.parametrize("name", ["a b $(touch x) 'c'", "größe", "a\nb", "#", "-x", "~"])
def test_most_names_of_a_checkout_will_do(name):
    assert not refused(check_checkout, Path("/tmp") / name)


def refused(check, *values):
    """Whether a check refuses values."""
    try:
        check(*values)
    except MimicError:
        return True
    return False


@pytest.mark.parametrize("name", ["a{b", "{encoder}", "a}b", "a:b"])
def test_a_checkout_that_cannot_run_is_refused_with_its_sign(name):
    with pytest.raises(MimicError, match="the workflow cannot run from a folder with") as caught:
        check_checkout(Path("/tmp") / name)
    assert caught.value.remedy


@pytest.mark.parametrize("sign", [*"$`\\\n\x1b", "'\"", "\"'"])
def test_what_no_quotes_keep_is_not_handed_to_a_cluster(sign):
    with pytest.raises(MimicError, match="cannot pass safely to a cluster"):
        check_quoted([("--config", "videos=/data"), ("--config", f"videos=/data/{sign}x")], "a cluster")
    with pytest.raises(MimicError, match="the Python executable"):
        check_unquoted("the Python executable", f"/data/{sign}x/python", "a cluster")


def test_spaces_are_handed_on_in_quotes_alone():
    check_quoted([("--config", "videos=/data/My videos (2024) & more; größe")], "a cluster")
    with pytest.raises(MimicError, match="' '"):
        check_unquoted("the Python executable", "/my data/python", "a cluster")


@pytest.mark.parametrize("sign", [*"'\"$`\\\n"])
def test_an_environments_folder_is_put_between_quotes_of_either_kind(sign):
    check_quotable([("the folder it runs in", "/data/My (own) folder; #&")], "conda")
    with pytest.raises(MimicError, match="cannot pass safely to conda"):
        check_quotable([("the folder it runs in", f"/data/{sign}x")], "conda")


@pytest.mark.parametrize("sign", ["'", '"', "x"])
def test_a_name_that_passes_is_one_word(tmp_path, sign):
    """As Snakemake and its SLURM plugin write it: repr, within double quotes, twice through a shell."""
    name = f"videos=/data/My videos (2024) & {sign}; touch pwned größe *?#~|<>[]{{}}!"
    check_quoted([("--config", name)], "a cluster")
    inner = f"printf %s {name!r}".replace('"', '\\"')
    said = subprocess.run(["sh", "-c", f'sh -c "{inner}"'], capture_output=True, text=True, cwd=tmp_path)
    assert said.stdout == name and not list(tmp_path.iterdir())


def test_long_commands_ask_for_a_plain_folder():
    check_long_commands("a $(b)", LONG)
    check_long_commands("a 'b' c", LONG + 1)
    with pytest.raises(MimicError, match="for long commands"):
        check_long_commands("a $(b)", LONG + 1)
