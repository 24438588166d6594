"""Whom to cite for a comparison, and under which licences its tasks and optimizers stand; as BibTeX and as rows.

A `citation` in the `meta` of a YAML is a list of entries parted by `; `, each `Authors (year), Title, Venue,
identifier`: the authors are surnames parted by `, `, a few words and a colon may stand before them (`wine: Aeberhard,
...`), and the identifier is `doi:...`, `arXiv:...` or nothing.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from carps_lite import catalog
from carps_lite.errors import InputError

_ENTRY = re.compile(r"(?:(?P<about>[^,:()]+): )?(?P<authors>[^()]+) \((?P<year>\d{4})\), (?P<rest>.+)", re.S)
_IDENTIFIER = re.compile(r",? *(?P<kind>doi|arXiv):(?P<value>[^\s,;]+)")
_SPECIAL = re.compile(r"([&%$#_{}])")


@dataclass(frozen=True)
class Work:
    """One publication."""

    authors: tuple[str, ...]
    year: int
    title: str
    venue: str
    doi: str
    arxiv: str
    about: str = ""  # which part of what cites it, such as a data set

    @property
    def key(self) -> str:
        """A BibTeX key: first author, year, first long word of the title."""
        words = re.findall(r"[a-z0-9]+", _ascii(self.title).lower())
        word = next((w for w in words if len(w) > 3), words[0] if words else "")
        return f"{re.sub(r'[^a-z]', '', _ascii(self.authors[0]).lower())}{self.year}{word}"


@dataclass(frozen=True)
class Use:
    """A family of tasks or an optimizer: what is cited for it, its licence and where its values are from."""

    kind: str  # task or optimizer
    name: str
    works: tuple[Work, ...]
    licence: str
    source: str


def uses(tasks: Iterable[str], optimizers: Iterable[str]) -> list[Use]:
    """What takes part in a comparison, by the ids of its tasks and optimizers; what is unknown here cites nothing."""
    found = []
    for kind, ids in (("task", tasks), ("optimizer", optimizers)):
        for name in dict.fromkeys(one.partition("/")[0].partition(" ")[0] for one in ids):
            meta = _meta(f"{kind}s", name)
            found.append(
                Use(kind, name, parse(meta.get("citation", "")), meta.get("licence", ""), meta.get("source", ""))
            )
    return found


def parse(text: str) -> tuple[Work, ...]:
    """Read a citation. Raises ValueError where an entry is not of the form that the module's head names."""
    entries = [" ".join(entry.split()) for entry in re.split(r";\s", text) if entry.strip()]
    return tuple(_work(entry) for entry in entries)


def bibtex(found: Iterable[Use]) -> str:
    """All works once, sorted by key; two of the same key get letters."""
    works = {(w.title, w.year): w for use in found for w in use.works}
    ordered = sorted(works.values(), key=lambda w: (w.key, w.title))
    times: dict[str, int] = {}
    entries = []
    for work in ordered:
        times[work.key] = times.get(work.key, 0) + 1
        entries.append(_entry(work, work.key + ("" if times[work.key] == 1 else chr(95 + times[work.key]))))
    return "\n".join(entries)


def in_text(work: Work) -> str:
    """`Hansen et al. (2009), Title`."""
    first = work.authors[0] + (" et al." if len(work.authors) > 2 else "")
    named = " and ".join(work.authors) if len(work.authors) == 2 and work.authors[1] != "others" else first
    return f"{named} ({work.year}), {work.title}" + (f", {work.venue}" if work.venue else "")


def link(work: Work) -> str:
    """The address of a work, empty where it has no identifier."""
    return f"https://doi.org/{work.doi}" if work.doi else f"https://arxiv.org/abs/{work.arxiv}" if work.arxiv else ""


def _work(entry: str) -> Work:
    match = _ENTRY.fullmatch(entry)
    if match is None:
        raise ValueError(f"a citation reads `Authors (year), Title, Venue, identifier`, got {entry!r}")
    identifiers = {m["kind"]: m["value"] for m in _IDENTIFIER.finditer(match["rest"])}
    title, _, venue = _IDENTIFIER.sub("", match["rest"]).strip(" ,.").partition(", ")
    authors = match["authors"].strip().removesuffix(" et al.")
    names = tuple(authors.split(", ")) + (("others",) if authors != match["authors"].strip() else ())
    return Work(
        names, int(match["year"]), title, venue, identifiers.get("doi", ""), identifiers.get("arXiv", ""),
        match["about"] or "",
    )  # fmt: skip


def _entry(work: Work, key: str) -> str:
    fields = {
        "author": " and ".join(work.authors),
        "title": f"{{{work.title}}}",
        "year": str(work.year),
        "howpublished": work.venue,
        "doi": work.doi,
        "eprint": work.arxiv,
        "archiveprefix": "arXiv" if work.arxiv else "",
    }
    lines = [f"  {name} = {{{_tex(name, value)}}}," for name, value in fields.items() if value]
    return "\n".join([f"@misc{{{key},", *lines, "}"]) + "\n"


def _tex(field: str, value: str) -> str:
    if field in ("doi", "eprint"):
        return value
    inner = value.removeprefix("{").removesuffix("}") if field == "title" else value
    escaped = _SPECIAL.sub(r"\\\1", inner)
    return f"{{{escaped}}}" if field == "title" else escaped


def _ascii(text: str) -> str:
    return unicodedata.normalize("NFKD", text.replace("ß", "ss").replace("ø", "o")).encode("ascii", "ignore").decode()


def _meta(kind: str, name: str) -> Mapping[str, str]:
    try:
        return catalog.load(kind, name).meta
    except InputError:
        return {}
