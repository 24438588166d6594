"""The import rules: arrows point at carps_lite, never away from it; nothing generic is importable."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PARTS = ("tasks", "optimizers", "analysis")
CORE_ORDER = (
    "errors",
    "space",
    "core",
    "evaluation",
    "charging",
    "loop",
    "rows",
    "keys",
    "store",
    "jobs",
    "plan",
    "grid",
)
MAY_START_FRONTENDS = ("commands", "cli")


def modules(folder):
    return sorted(
        p for p in (ROOT / folder).rglob("*.py") if not any(part in PARTS for part in p.relative_to(ROOT).parts[1:])
    )


def imports(path):
    """All modules that a file names in import statements, those inside functions included."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", modules("carps_lite"), ids=lambda p: str(p.relative_to(ROOT)))
def test_the_core_imports_no_task_no_optimizer_and_no_analysis(path):
    found = {name for name in imports(path) for part in PARTS if name.startswith(f"carps_lite.{part}")}
    assert not found, f"{path.name} imports {sorted(found)}"


@pytest.mark.parametrize("part", PARTS)
def test_tasks_optimizers_and_analysis_never_meet(part):
    for path in modules(part):
        for name in imports(path):
            assert name.split(".")[0] not in (*PARTS, "configs"), f"{path} imports {name}: it must be carps_lite.{name}"
            for other in set(PARTS) - {part}:
                assert not name.startswith(f"carps_lite.{other}"), f"{path} imports {name}"


def test_the_core_has_an_order():
    for i, name in enumerate(CORE_ORDER):
        for imported in imports(ROOT / "carps_lite" / f"{name}.py"):
            later = [f"carps_lite.{n}" for n in (*CORE_ORDER[i + 1 :], *MAY_START_FRONTENDS)]
            assert imported not in later, f"{name}.py imports {imported}, which stands above it"


def test_nothing_generic_is_imported():
    """A `tasks` beside `carps_lite.tasks` would be a module that exists twice."""
    code = (
        "import sys, carps_lite.spec as s\n"
        "[s.locate(s.resolve(k, n).target) for k in ('tasks', 'optimizers') for n in s.names(k)]\n"
        "print([m for m in sys.modules if m.split('.')[0] in ('tasks', 'optimizers', 'analysis', 'configs')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "[]"


def test_the_command_line_answers_before_heavy_imports():
    code = (
        "import sys, carps_lite.cli as c\n"
        "c.main(['--help']); c.main(['list', 'tasks']); c.main(['run', '--help'])\n"
        "heavy = ('torch', 'optuna', 'cma', 'pandas', 'scipy', 'sklearn', 'matplotlib', 'ioh', 'pyarrow')\n"
        "print([m for m in heavy if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
