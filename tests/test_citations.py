"""Every shipped citation can be read, and becomes BibTeX that another parser would take."""

from __future__ import annotations

import re

import pytest

from carps_lite import catalog
from carps_lite.analysis import citations

SHIPPED = [(kind, name) for kind in ("tasks", "optimizers") for name in catalog.names(kind)]


@pytest.mark.parametrize(("kind", "name"), SHIPPED)
def test_shipped_citations_are_well_formed(kind, name):
    for work in citations.parse(catalog.load(kind, name).meta.get("citation", "")):
        assert len(work.title) >= 4
        assert 1940 < work.year < 2030
        assert work.venue or work.doi or work.arxiv or kind == "tasks"
        assert all(author and not author[0].isdigit() for author in work.authors)


def test_one_entry_by_hand():
    (work,) = citations.parse("wine: Müller, O'Neil et al. (2001), On 50% of X & Y, J. Z 3(1), doi:10.1/ab_c")
    assert work.authors == ("Müller", "O'Neil", "others")
    assert (work.about, work.year, work.title, work.venue, work.doi) == (
        "wine",
        2001,
        "On 50% of X & Y",
        "J. Z 3(1)",
        "10.1/ab_c",
    )
    assert work.key == "muller2001on" or work.key.startswith("muller2001")
    text = citations.bibtex([citations.Use("task", "t", (work, work), "", "")])
    assert text.count("@misc{") == 1
    assert "title = {{On 50\\% of X \\& Y}}" in text
    assert "doi = {10.1/ab_c}" in text


def test_bibtex_of_everything_has_balanced_braces_and_unique_keys():
    found = citations.uses(catalog.names("tasks"), catalog.names("optimizers"))
    text = citations.bibtex(found)
    assert text.count("{") == text.count("}")
    keys = re.findall(r"@misc\{([^,]+),", text)
    assert len(keys) == len(set(keys)) > 30
    assert all(re.fullmatch(r"[a-z0-9]+", key) for key in keys)


def test_what_is_unknown_cites_nothing():
    assert citations.uses(["my_file.MyTask/size:3"], ["random"])[0].works == ()


def test_a_malformed_citation_is_refused():
    with pytest.raises(ValueError, match="Authors \\(year\\)"):
        citations.parse("Somebody, something")
