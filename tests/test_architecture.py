"""The house holds: imports go down, the public names are the only door for those beside it.

`docs/architecture.md` says why. A module that this file does not know fails it: whoever adds a room
says here where it stands.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "saliency_widget"
LONGEST = 400

# Rooms that share a line know each other only if they are one room: `explain.py` and
# `explanation.py` are; `protocol.py` and `runner.py` are not, only the widget knows both.
FLOORS: list[dict[str, set[str]]] = [
    {"ground": {"_version", "errors"}},
    {"model": {"model"}},
    {"compute": {"compute"}},
    {"methods": {"methods"}},
    {"explain": {"explain", "explanation", "heatmaps", "plan", "trial"}},
    {"lab": {"lab"}},
    {"runner": {"runner"}, "protocol": {"protocol", "fields", "channelled", "experimented", "painted", "pictured"}},
    {"widget": {"widget", "answering", "shows", "wire"}},
]
# These use the public names only, and the house calls them only from inside a function.
BESIDE = {"cli", "demo", "render", "__main__"}

FLOOR_OF = {room: n for n, rooms in enumerate(FLOORS) for room in rooms}
ROOM_OF = {module: room for rooms in FLOORS for room, modules in rooms.items() for module in modules}


@dataclass(frozen=True)
class Import:
    """One import statement's claim on the package: `module` is what follows `saliency_widget.`."""

    line: int
    module: str  # "" is the package itself
    name: str | None  # what is taken from it
    lazy: bool  # inside a function, or for the type checker alone


def python_files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*.py") if "__pycache__" not in path.parts)


def module_of(path: Path, package: Path) -> str:
    """`saliency_widget/model/heads.py` is `model.heads`; `__init__.py` is its folder."""
    parts = list(path.relative_to(package).with_suffix("").parts)
    if parts[-1] == "__init__":
        parts.pop()
    return ".".join(parts)


def imports(source: str, module: str, *, is_package: bool) -> list[Import]:
    """Every import of the package itself in `source`, absolute or relative, at any depth."""
    return list(walk(ast.parse(source), module, is_package=is_package, lazy=False))


def walk(node: ast.AST, module: str, *, is_package: bool, lazy: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        inside = lazy or isinstance(child, LAZY) or is_for_the_type_checker(child)
        for target, name in claims(child, module, is_package=is_package):
            if target is not None:
                yield Import(child.lineno, target, name, inside)
        yield from walk(child, module, is_package=is_package, lazy=inside)


LAZY = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


def is_for_the_type_checker(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


def claims(node: ast.AST, module: str, *, is_package: bool) -> list[tuple[str | None, str | None]]:
    """What one node imports: (module below the package or None, name taken from it or None)."""
    if isinstance(node, ast.Import):
        return [(below(alias.name), None) for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        target = source_of(node, module, is_package=is_package)
        return [(target, alias.name) for alias in node.names]
    if isinstance(node, ast.Call) and called(node) in {"import_module", "__import__"}:
        return [(below(name.value), None) for name in node.args[:1] if is_text(name)]
    return []


def is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def called(call: ast.Call) -> str:
    return ast.unparse(call.func).rpartition(".")[2]


def below(dotted: str) -> str | None:
    """`saliency_widget.model.heads` is `model.heads`; None for other people's packages."""
    head, _, rest = dotted.partition(".")
    return rest if head == PACKAGE else None


def source_of(statement: ast.ImportFrom, module: str, *, is_package: bool) -> str | None:
    if not statement.level:
        return below(statement.module or "")
    here = module.split(".") if module else []
    up = statement.level - (1 if is_package else 0)
    base = here[: len(here) - up] if up else here
    return ".".join([*base, *([statement.module] if statement.module else [])])


def public_names(package: Path) -> set[str]:
    """What `__all__` of the package says."""
    for node in ast.parse((package / "__init__.py").read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return set(ast.literal_eval(node.value))
    return set()


def first(module: str) -> str:
    return module.partition(".")[0]


def complaints(source: str, module: str, *, is_package: bool, public: set[str]) -> list[str]:
    """What is wrong with the imports of one module; empty when nothing is."""
    me = first(module)
    if me and me not in BESIDE and me not in ROOM_OF:
        return [f"{me} is no room of the house: say in tests/test_architecture.py where it stands"]
    found = []
    for claim in imports(source, module, is_package=is_package):
        target = first(claim.module)
        if not target and claim.name in ROOM_OF.keys() | BESIDE and not (me in BESIDE and claim.name in public):
            target = claim.name or ""  # `from saliency_widget import model` is about that room
        wrong = judge(me, target, claim, public)
        if wrong:
            found.append(f"line {claim.line}: {wrong}")
    return found


def judge(me: str, target: str, claim: Import, public: set[str]) -> str | None:
    """Why module `me` may not make this import, or None if it may."""
    if target and target not in BESIDE and target not in ROOM_OF:
        return f"{target} is no room of the house"
    if me in BESIDE:
        return judge_beside(me, target, claim, public)
    if target in BESIDE:
        return None if claim.lazy else f"{target} is loaded on first use: import it in a function"
    return judge_inside(me, target) if me else None  # __init__ is the door: it knows every room


def judge_beside(me: str, target: str, claim: Import, public: set[str]) -> str | None:
    if target in {me, *FLOORS[0]["ground"]}:
        return None
    if target:
        return f"{me} stands beside the house: use its public names, not {claim.module}"
    if claim.name and claim.name not in public:
        return f"{me} stands beside the house, and {claim.name} is no public name"
    return None


def judge_inside(me: str, target: str) -> str | None:
    if not target:
        return f"{me} is part of the house and may not use its roof"
    mine, other = ROOM_OF[me], ROOM_OF[target]
    if mine != other and FLOOR_OF[other] >= FLOOR_OF[mine]:
        return f"{mine} may not know {other}, which is not below it"
    return None


FILES = python_files(ROOT / PACKAGE)
SCRIPTS = [path for folder in ("benchmarks", "tests", "tools") for path in python_files(ROOT / folder)]
PAGE_FILES = sorted(path for path in (ROOT / "js" / "src").rglob("*") if path.suffix in {".ts", ".css"})


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_a_module_imports_only_what_stands_below_it(path):
    source = path.read_text(encoding="utf-8")
    is_package = path.name == "__init__.py"
    module = module_of(path, ROOT / PACKAGE)
    public = public_names(ROOT / PACKAGE)
    assert complaints(source, module, is_package=is_package, public=public) == []


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_a_module_says_first_what_it_is_for(path):
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    assert docstring, "begin the file with a docstring of one sentence: what it is for"


@pytest.mark.parametrize("path", FILES + SCRIPTS + PAGE_FILES, ids=name_of)
def test_no_file_grows_past_its_limit(path):
    lines = len(path.read_text(encoding="utf-8").splitlines())
    advice = "a file that long is more than one file: split it, one reason to change for each part"
    assert lines <= LONGEST, f"{name_of(path)} has {lines} lines, the limit is {LONGEST}; {advice}"


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_only_commands_print(path):
    if module_of(path, ROOT / PACKAGE) in {"cli", "__main__", "demo.train"}:
        pytest.skip("a command prints")
    calls = [
        node.lineno
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "print"
    ]
    assert calls == [], "use logging: a worker's print lands in somebody's cell"


PUBLIC = {"explain", "demo", "load", "SaliencyWidget"}


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("model.heads", "from .targets import Target"),
        ("model.heads", "from saliency_widget.errors import SaliencyError"),
        ("methods.paths", "from ..compute import ScoreFunction"),
        ("explain", "from . import explanation"),
        ("widget", "from . import protocol, runner"),
        ("model.loading", "def load():\n    from saliency_widget import demo"),
        ("model.loading", "import_module('torchvision')"),
        ("explanation", "if TYPE_CHECKING:\n    from .render import figures"),
        ("render.figures", "import saliency_widget as sw"),
        ("render.figures", "from saliency_widget import explain, demo"),
        ("render.figures", "from .curves import curve"),
        ("lab.taylor", "from .curves import curve"),
        ("lab.taylor", "from saliency_widget.plan import Plan"),
        ("runner.job", "def run():\n    from saliency_widget import lab"),
        ("lab.taylor", "import torch.nn"),
    ],
)
def test_a_good_import_is_let_through(module, source):
    assert complaints(source, module, is_package=False, public=PUBLIC) == []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("model.heads", "from saliency_widget.compute import ScoreFunction"),
        ("model.heads", "from ..compute.score_function import ScoreFunction"),
        ("model.heads", "import saliency_widget.explain"),
        ("model.heads", "def f():\n    from ..methods import gradient"),
        ("model.heads", "class A:\n    if TYPE_CHECKING:\n        from ..widget import W"),
        ("compute.chunks", "import saliency_widget as sw"),
        ("compute.chunks", "importlib.import_module('saliency_widget.methods')"),
        ("protocol", "from . import runner"),
        ("runner", "from .protocol import Frame"),
        ("explain", "from saliency_widget import render"),
        ("explain", "from .nowhere import x"),
        ("attic", "import math"),
        ("render.figures", "from saliency_widget.model import ImageModel"),
        ("render.figures", "from ..model.heads import Head"),
        ("render.figures", "from saliency_widget import _secret"),
        ("render.figures", "from ..lab import curves"),
        ("lab.taylor", "from saliency_widget.runner import Session"),
        ("lab.taylor", "import saliency_widget as sw"),
        ("explain", "from saliency_widget.lab import taylor"),
    ],
)
def test_a_bad_import_is_caught(module, source):
    assert complaints(source, module, is_package=False, public=PUBLIC) != []


def test_the_door_loads_what_stands_beside_on_first_use_only():
    def judged(source):
        return complaints(source, "", is_package=True, public=PUBLIC)

    assert judged("from .widget import SaliencyWidget\nfrom .errors import SaliencyError") == []
    assert judged("def __getattr__(name):\n    from . import demo") == []
    assert judged("from . import demo") != []
    assert judged("from .demo import buildings") != []
