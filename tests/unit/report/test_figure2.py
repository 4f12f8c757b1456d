import matplotlib.image

from mimic_core.report.figure2 import PAPER, composition, draw_figure2

RECEIPT = {"statistics": {"dataset": "mimic-3m", "sources": {"hm3d": {"taken": 60}, "arkitscenes": {"taken": 20}}}}


def test_the_papers_counts_are_the_sum_of_its_sources():
    assert sum(entry.pairs_in("mimic-1m") for entry in PAPER) == 1_316_202  # the printed total is 1,316,199
    assert sum(entry.pairs_in("mimic-3m") for entry in PAPER) == 3_161_333  # the printed total is 3,163,333


def test_ours_and_the_papers_stand_together():
    other = {"statistics": {"dataset": "ours", "sources": {"videos": {"taken": 3}}}}
    bars = composition([RECEIPT, other], "sample")
    assert list(bars) == ["mimic-3m\nsample scale", "mimic-3m\npaper", "ours\nsample scale"]
    assert bars["mimic-3m\nsample scale"] == {"hm3d": 60, "arkitscenes": 20}


def test_both_files_are_drawn_at_the_dpi_asked_for(tmp_path):
    bars = composition([RECEIPT], "sample")
    widths = []
    for dpi in (60, 120):
        draw_figure2(bars, tmp_path / f"{dpi}.png", tmp_path / f"{dpi}.pdf", dpi)
        widths.append(matplotlib.image.imread(tmp_path / f"{dpi}.png").shape[1])
        assert (tmp_path / f"{dpi}.pdf").read_bytes().startswith(b"%PDF")
    assert widths[1] == 2 * widths[0]
