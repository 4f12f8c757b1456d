"""The gallery, and a walk through it in a browser."""

import html
import json
import re
import shutil
import subprocess

import cv2
import pandas as pd
import pytest

from mimic_core.kit.errors import MimicError
from mimic_core.pairs.folder import FolderSettings, mine_folder
from mimic_core.report.gallery import choose, write_gallery

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
OPTIONS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--virtual-time-budget=5000"),
)

WALK = """
<script>
setTimeout(() => {
  const seen = {}, rows = () => [...document.querySelectorAll("#rows tr")], text = id => $(id).textContent;
  const column = number => rows().map(row => row.children[number].textContent);
  const choose = (id, value) => { $(id).value = value; $(id).dispatchEvent(new Event("change")); };
  const press = key => document.dispatchEvent(new KeyboardEvent("keydown", { key }));
  seen.first = text("why");
  press("ArrowRight"); press("ArrowLeft"); seen.scrolled = document.scrollingElement.scrollTop;
  seen.all = rows().length;
  document.querySelector("[data-column=overlap]").click(); seen.up = column(2);
  document.querySelector("[data-column=overlap]").click(); seen.down = column(2);
  document.querySelector("[data-column=inliers]").click(); seen.inliers = column(3).map(Number);
  choose("verdict", "kept"); seen.kept = column(1);
  rows()[0].click(); press("ArrowRight"); press("ArrowRight"); press("ArrowLeft"); seen.place = text("place");
  choose("verdict", ""); choose("clip", "<b>walk & 'talk'.mp4"); seen.clip = new Set(column(0)).size;
  seen.title = text("title"); seen.bold = document.querySelectorAll("#title b").length;
  choose("clip", "broken.mp4"); seen.broken = text("why");
  choose("clip", ""); choose("verdict", "kept");
  setTimeout(() => {
    const pixels = () => [...$("view2").getContext("2d").getImageData(0, 0, 448, 448).data];
    const painted = pixels(); $("patches").click();
    setTimeout(() => {
      const plain = pixels();
      seen.changed = plain.filter((value, index) => value !== painted[index]).length;
      seen.blank = plain.every(value => value === 0);
      document.title = JSON.stringify(seen);
    }, 500);
  }, 500);
}, 100);
</script>
"""


@pytest.fixture(scope="module")
def mined(tmp_path_factory, make_video, textured):
    folder = tmp_path_factory.mktemp("gallery")
    videos = folder / "in"
    make_video(videos / "<b>walk & 'talk'.mp4", step=10, seconds=6)
    make_video(videos / "slow.mp4", step=2)
    (videos / "broken.mp4").write_bytes(b"no video")
    (videos / "photos").mkdir()
    for number in range(3):
        cv2.imwrite(str(videos / "photos" / f"{number}.png"), textured[:224, 200 * number :][:, :224, ::-1])
    mine_folder(videos, folder / "out", FolderSettings())
    return folder / "out"


def content_of(page) -> dict:
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', page.read_text())[1])


def test_the_page_holds_every_candidate_and_loads_nothing(mined):
    page = write_gallery(mined)
    content = content_of(page)
    candidates = pd.read_parquet(mined / "candidates.parquet")
    assert len(content["pairs"]) == len(candidates)
    assert content["counts"][0] == ["seen", len(candidates)]
    kept = [pair for pair in content["pairs"] if pair["verdict"] == "kept"]
    assert all(len(pair["patches"]) == 196 for pair in kept)
    broken = next(pair for pair in content["pairs"] if pair["verdict"] == "unreadable")
    assert broken["reason"].startswith("a video that")
    text = page.read_text()
    assert not re.search(r"(src|href)=[\"']?(http|//)", text)
    assert "<b>walk" not in text


def test_a_large_result_is_thinned_out_evenly():
    verdicts = ["kept"] * 100 + ["few_matches"] * 300 + ["blurred"] * 2
    chosen = choose(pd.DataFrame({"verdict": verdicts, "view1": range(402)}), 20)
    assert chosen["verdict"].value_counts().to_dict() == {"kept": 20, "few_matches": 10, "blurred": 2}
    kept = chosen[chosen["verdict"] == "kept"]["view1"]
    assert (kept.min(), kept.max()) == (0, 99)


def test_a_folder_without_a_result_is_named(tmp_path):
    with pytest.raises(MimicError, match="contains no mining result"):
        write_gallery(tmp_path)


@pytest.mark.integration
@pytest.mark.skipif(BROWSER is None, reason="no chromium on this machine")
@pytest.mark.parametrize("size", ["1280,860", "600,700"])
def test_a_walk_through_the_page(mined, tmp_path, size):
    page = write_gallery(mined)
    walked = tmp_path / "walk.html"
    walked.write_text(page.read_text().replace("</body>", WALK + "</body>"))
    command = [BROWSER, *OPTIONS, f"--user-data-dir={tmp_path / 'profile'}", f"--window-size={size}", "--dump-dom"]
    done = subprocess.run([*command, walked.as_uri()], capture_output=True, text=True, timeout=120, check=False)
    title = re.search(r"<title>(.*?)</title>", done.stdout, re.DOTALL)
    assert title and title[1].startswith("{"), done.stderr[-2000:]
    seen = json.loads(html.unescape(title[1]))

    pairs = content_of(page)["pairs"]
    kept = sum(pair["verdict"] == "kept" for pair in pairs)
    assert seen["first"].startswith("kept: ")
    assert seen["scrolled"] == 0, "choosing a pair scrolls the list, never the page"
    assert seen["all"] == len(pairs)
    measured = [float(value) for value in seen["up"] if value != "–"]
    assert measured == sorted(measured)
    assert [value for value in seen["down"] if value != "–"] == [f"{value:.3f}" for value in measured[::-1]]
    assert seen["inliers"] == sorted(seen["inliers"])
    assert seen["kept"] == ["kept"] * kept
    assert seen["place"] == f"2 / {kept}"
    assert (seen["clip"], seen["title"], seen["bold"]) == (1, "<b>walk & 'talk'.mp4", 0)
    assert "unreadable: this file cannot be read (a video that" in seen["broken"]
    assert seen["changed"] > 10_000
    assert not seen["blank"]
