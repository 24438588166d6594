"""The templates of all pages, and how they are read."""

from __future__ import annotations

from pathlib import Path

import jinja2

TEMPLATES = Path(__file__).parent / "templates"


def environment(escape: bool, keep_trailing_newline: bool = False) -> jinja2.Environment:
    """Read templates strictly: what a page lacks is an error. `escape`: for HTML; not for Markdown."""
    return jinja2.Environment(
        autoescape=escape,
        keep_trailing_newline=keep_trailing_newline,
        loader=jinja2.FileSystemLoader(TEMPLATES),
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
