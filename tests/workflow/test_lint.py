from workflow.running import snakemake


def test_snakemakes_linter_has_nothing_to_say(tmp_path):
    ended = snakemake(tmp_path, "--lint", configfile=None)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "your workflow is in a good condition" in ended.stdout + ended.stderr
