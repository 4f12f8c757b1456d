"""The losses in a figure, and the cost computed from what was measured."""

import matplotlib.image
import pandas as pd
import pytest

from mimic_core.report.pretraining import PAPER_DAYS, PAPER_RATE, cost_rows, draw_losses, to_markdown

TABLE = pd.DataFrame(
    {
        "epoch": [0, 1, 2],
        "loss": [None, 1.0, 0.9],
        "val_loss": [1.1, None, 0.95],
        "val_loss_shuffled": [1.1, None, 1.0],
    }
)


def receipt(rate: float, processes: int) -> dict:
    return {
        "statistics": {"pairs_per_second": rate, "processes": processes, "device": "cuda"},
        "settings": {"encoder": {"width": 768, "depth": 12}, "image_size": 224},
    }


def test_days_at_the_papers_rate_are_the_papers():
    (row,) = cost_rows({"croco": receipt(8 * PAPER_RATE, 8)})
    assert row["pairs_per_s"] == PAPER_RATE
    assert row["days"] == pytest.approx(PAPER_DAYS, rel=0.01)


def test_the_page_marks_what_is_measured_and_what_is_computed():
    page = to_markdown(cost_rows({"croco": receipt(200.0, 1)}), "paper")
    assert "pairs/s (measured) | days (computed)" in page
    assert "| croco | 768x12 | 224 | cuda | 200.0 | 37 |" in page
    assert "| the paper's CroCo | 768x12 | 224 | RTX A6000 | 66 | 111 |" in page


def test_a_panel_a_run_is_drawn(tmp_path):
    sizes = []
    for count in (1, 2):
        path = tmp_path / f"{count}.png"
        runs = {f"run{number}": TABLE for number in range(count)}
        draw_losses(runs, path, 60, "sample")
        image = matplotlib.image.imread(path)
        assert image.std() > 0
        sizes.append(image.shape[1])
    assert sizes[1] > sizes[0]
