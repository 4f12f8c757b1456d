"""The paper's scale: a plan on a tree of empty raw data with the real numbers of scenes and videos."""

import importlib.util

import pytest
from support import REPOSITORY

from mimic_core.plan import TARGETS
from mimic_core.sources import open_source
from mimic_core.sources.registry import read_registry

pytestmark = pytest.mark.integration
REGISTRY = read_registry()


@pytest.fixture(scope="module")
def benchmark():
    """The benchmark's module: it makes the tree, and measures a dry-run."""
    spec = importlib.util.spec_from_file_location("benchmark_plan", REPOSITORY / "benchmarks" / "plan.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def tree(tmp_path_factory, benchmark):
    """Folder with the paper's raw data, empty files."""
    folder = tmp_path_factory.mktemp("paper")
    assert benchmark.write_paper_tree(folder / "raw") > 50_000
    return folder


def test_the_tree_has_as_many_units_as_the_owners_give(tree):
    counted = {name: entry for name, entry in REGISTRY.items() if entry.units}
    assert len(counted) > 5
    for name, entry in counted.items():
        assert len(open_source(entry.adapter).units(tree / "raw" / name)) == entry.units, name


def test_the_papers_scale_is_planned_in_few_jobs_and_little_memory(tree, benchmark):
    found = benchmark.dry_run(tree, *TARGETS, "--configfile", str(REPOSITORY / "configs" / "paper.yaml"))
    print(f"planned {found.jobs} jobs in {found.seconds:.1f} s and {found.peak_mib:.0f} MiB")
    assert 1000 < found.jobs < 2000
    assert 20 < found.peak_mib < 1024  # below 20 it would not be Snakemake that was measured
