"""What the documentation shows is what there is."""

import re
import shlex
from pathlib import Path

import pytest

from carps_lite import spec
from carps_lite.cli import COMMANDS, HELP
from carps_lite.commands import run
from carps_lite.commands.arguments import as_lists, check_overrides, defaults

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks(path, language):
    return re.findall(rf"^```{language}\n(.*?)^```", path.read_text(), re.S | re.M)


def code_of(path):
    """An example without its header: the lines from its first import on."""
    lines = path.read_text().splitlines()
    first = next(i for i, line in enumerate(lines) if line.startswith(("import", "from")))
    return "\n".join(lines[first:]).strip()


@pytest.mark.parametrize(
    ("page", "example", "most"), [("add-an-optimizer", "my_optimizer", 15), ("add-a-task", "my_task", 10)]
)
def test_the_guides_show_the_examples_that_ci_runs(page, example, most):
    code = code_of(ROOT / "examples" / f"{example}.py")
    assert code in blocks(ROOT / "docs" / f"{page}.md", "python")[0]
    assert len([line for line in code.splitlines() if line.strip()]) <= most


def test_the_readme_has_two_commands():
    commands = blocks(ROOT / "README.md", "bash")
    assert len(commands) == 2
    assert all(len(c.strip().splitlines()) == 1 for c in commands)
    assert "carps-lite run" in commands[0]
    assert "pytest" in commands[1]


def shown_commands():
    texts = {p.name: p.read_text() for p in PAGES} | {"carps-lite --help": HELP, "run --help": run.HELP}
    for where, text in texts.items():
        for line in re.findall(r"^(?:\$ |  |    )(?:\.venv/bin/)?(carps-lite [a-z]+ .*)$", text, re.M):
            yield pytest.param(shlex.split(line.split("   ")[0].split("#")[0]), id=f"{where}: {line[:60]}")


@pytest.mark.parametrize("words", list(shown_commands()))
def test_every_command_that_is_shown_exists(words):
    _, command, *args = words
    assert command in COMMANDS
    if command != "run" or "COMMAND" in args:
        return
    sweep = "-m" in args
    listed = [a for a in args if a.startswith(("task=", "optimizer="))]
    check_overrides("run", args if sweep else as_lists(args), defaults("run"))
    for argument in listed:
        key, _, value = argument.partition("=")
        for one in value.strip("[]").split(","):
            if "." not in one.split("/")[0]:  # somebody's own class
                assert spec.resolve_all(f"{key}s", one)


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_within_the_repository_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)", page.read_text()):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), target


def test_the_readme_python_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code = blocks(ROOT / "README.md", "python")[0].replace('cl.Store("results").table()', "")
    namespace = {}
    exec(code, namespace)
    assert abs(namespace["run"].best.config["x"] - 2) < 1
