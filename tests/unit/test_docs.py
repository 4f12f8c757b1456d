"""README is short, and every link of every page leads somewhere."""

import re
from pathlib import Path

import pytest
from support import REPOSITORY

PAGES = [REPOSITORY / "README.md", REPOSITORY / "CONTRIBUTING.md", *sorted((REPOSITORY / "docs").glob("*.md"))]
LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)")


def links(page: Path) -> list[Path]:
    """Files of the repository that a page leads to."""
    found = LINK.findall(page.read_text(encoding="utf-8"))
    return [(page.parent / link).resolve() for link in found if "://" not in link]


def test_readme_takes_a_few_minutes_to_read():
    assert len((REPOSITORY / "README.md").read_text(encoding="utf-8").split()) <= 1500


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page):
    assert not [link for link in links(page) if not link.exists()]


def test_every_page_is_within_two_clicks_of_readme():
    first = links(REPOSITORY / "README.md")
    second = {link for page in first if page.suffix == ".md" for link in links(page)}
    assert not [page.name for page in PAGES[1:] if page not in {*first, *second}]
