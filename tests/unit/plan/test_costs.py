"""The table of costs, and what a machine has measured in its place."""

import json

import pytest

from mimic_core.kit.errors import MimicError
from mimic_core.plan.costs import Cost, read_costs
from mimic_core.plan.measured import measured_costs, receipt_path

HEAD = "name,value,unit,basis,machine,date,how\n"
BENCHMARK = "s\th:m:s\tmax_rss\n{seconds}\t0:00:10\t{memory}\n"


def write(results, stage, name, seconds, receipt, memory="200.5"):
    benchmark = results / "benchmarks" / stage / f"{name}.tsv"
    benchmark.parent.mkdir(parents=True, exist_ok=True)
    benchmark.write_text(BENCHMARK.format(seconds=seconds, memory=memory))
    path = receipt_path(results, stage, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(receipt))


def test_every_shipped_number_says_where_it_comes_from():
    costs = read_costs()
    for cost in costs.values():
        assert cost.value > 0, cost.name
        assert len(cost.source) > 8, cost.name
        if cost.basis == "measured":
            assert "2026-" in cost.source, cost.name


@pytest.mark.parametrize("row", ["a,fast,s,measured,,,x", "a,1,s,guessed,,,x", "a,1,s,paper,,,x\na,2,s,paper,,,x"])
def test_a_row_at_fault_is_named(tmp_path, row):
    path = tmp_path / "costs.csv"
    path.write_text(HEAD + row + "\n")
    with pytest.raises(MimicError, match="cannot be read") as error:
        read_costs(path)
    assert "line" in error.value.where


def test_a_missing_cost_is_named():
    with pytest.raises(MimicError, match=r"'pairs\.nothing'"):
        read_costs().value("pairs.nothing")


def test_twice_as_slow_a_machine_doubles_the_rates_of_its_kind_only(tmp_path):
    costs = read_costs()
    views = {"statistics": {"views": 10_000}}
    seconds = costs.value("start.mining") + 2 * 10_000 * costs.value("frames.scene")
    write(tmp_path, "frames", "hm3d-000", seconds, views)
    found = measured_costs(costs, tmp_path / "benchmarks")
    assert found.value("frames.scene") == pytest.approx(2 * costs.value("frames.scene"), rel=1e-3)
    assert found["frames.scene"].basis == "here" and "1 benchmark files" in found["frames.scene"].source
    for name in ("frames.group", "pairs.view", "pretrain.croco.gpu.vit_base"):
        assert found[name] == costs[name]


def test_speeds_of_pretraining_hold_for_their_size_and_device(tmp_path):
    size = {"width": 768, "depth": 12, "heads": 12, "patch_size": 16, "mlp_ratio": 4}
    receipt = {
        "settings": {
            "model": "croco",
            "image_size": 224,
            "encoder": size,
            "decoder": {"width": 512, "depth": 8, "heads": 16},
            "mask_ratio": 0.9,
            "threads": 8,
        },
        "statistics": {"device": "cuda", "processes": 8, "pairs_per_second": 1600.0},
    }
    write(tmp_path, "pretrain", "croco", 100, receipt)
    found = measured_costs(read_costs(), tmp_path / "benchmarks")
    assert found.value("pretrain.croco.gpu.vit_base") == 200
    assert found["pretrain.croco.cpu.vit_base"] == read_costs()["pretrain.croco.cpu.vit_base"]
    receipt["settings"]["encoder"] = {**size, "width": 192, "heads": 3}
    write(tmp_path, "pretrain", "croco", 100, receipt)
    assert measured_costs(read_costs(), tmp_path / "benchmarks").value("pretrain.croco.gpu.vit_base") == 66


def test_half_written_files_are_passed_over(tmp_path):
    (tmp_path / "benchmarks" / "frames").mkdir(parents=True)
    (tmp_path / "benchmarks" / "frames" / "hm3d-000.tsv").write_text("s\th:m:s\n")
    (tmp_path / "benchmarks" / "frames" / "hm3d-001.tsv").write_text("")
    write(tmp_path, "pairs", "demon-000", "1.0", {"statistics": {"features": 1, "seen": 1, "kept": 0}}, memory="NA")
    costs = read_costs()
    found = measured_costs(costs, tmp_path / "benchmarks")
    assert found["frames.scene"] == costs["frames.scene"]
    assert found["pairs.view"].basis == "here"
    assert measured_costs(costs, tmp_path / "nowhere").costs == costs.costs


def test_a_label_says_what_a_number_rests_on():
    assert Cost("a", 1, "s", "paper", "section 4.1").label == "the paper: section 4.1"
