"""The rooms and what may import what, read from the source with `ast`, function bodies included."""

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "src" / "unmask"

ROOMS = (
    "doors",
    "client",  # a front of its own, so that programs import unmask.client and nothing of a room
    "service",
    "scan",
    "training",
    "evaluation",
    "inspection",
    "detection",
    "reporting",
    "data",
    "models",
    "media",
    "records",
    "errors",
    "files",
    "config",
)
"""From the street to the cellar: a room imports only itself and what stands after it."""
VOCABULARY = {"records", "errors", "files", "config"}
"""They stand side by side on the ground and may know each other."""

TORCH = {"lightning", "safetensors", "timm", "torch", "torchmetrics", "torchvision"}
TORCH_MAY = ("training", "models.zoo", "models.nets", "models.export", "models.keras_import")
HEAVY = {*TORCH, "PIL", "av", "cv2", "matplotlib", "onnxruntime", "openvino", "pandas", "sklearn"}
LAB = {"imagehash", "scipy", "sklearn"}
LAB_MAY = ("training", "evaluation", "data.duplicates", "data.split")
"""What needs the extra `lab`; everything else runs on the core installation."""
WEB = {
    "fastapi": "doors.api",
    "fastapi_offline": "doors.api",
    "starlette": "doors",
    "uvicorn": "doors",
    "streamlit": "doors.app",
}
LIGHT = ("", "__main__", "errors", "doors.cli", "doors.commands")
"""Modules that `import unmask` and `unmask --help` load."""


def module_name(path):
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


SOURCES = {module_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def lies_in(module, places):
    return any(module == place or (place and module.startswith(place + ".")) for place in places)


def imported_by(tree):
    """Full names of all modules that a piece of source imports."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            assert all(alias.name != "*" for alias in node.names), "star import"
            yield node.module
            if node.module.split(".")[0] == "unmask":  # `from unmask.media import images`
                yield from (f"{node.module}.{alias.name}" for alias in node.names)


def parse(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def own_imports(module):
    """Our modules that a module imports, without the package's name."""
    names = {name.removeprefix("unmask.") for name in imported_by(parse(SOURCES[module]))}
    return {name for name in names if name in SOURCES and name != module}


def at_module_level(tree):
    """The source without function bodies and without what only type checkers read."""
    kept = []
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            continue
        if isinstance(node, ast.ClassDef):
            node.body = [part for part in node.body if not isinstance(part, ast.FunctionDef)]
        kept.append(node)
    return ast.Module(body=kept, type_ignores=[])


def room_of(module):
    return module.split(".")[0]


def test_every_module_lies_in_a_room():
    strangers = {room_of(module) for module in SOURCES} - {*ROOMS, "", "__main__"}
    assert not strangers


@pytest.mark.parametrize("module", [name for name in SOURCES if name not in {"", "__main__"}])
def test_imports_run_downwards(module):
    own = room_of(module)
    for imported in own_imports(module):
        other = room_of(imported)
        if other in VOCABULARY and own in VOCABULARY:
            continue
        assert imported != "", f"{module} imports the package's front, not the room"
        assert ROOMS.index(other) >= ROOMS.index(own), f"{module} imports {imported} from above"


def test_no_circle_of_imports():
    graph = {}
    for module, path in SOURCES.items():
        names = {name.removeprefix("unmask.") for name in imported_by(at_module_level(parse(path)))}
        graph[module] = {name for name in names if name in SOURCES and name not in {module, ""}}
    TopologicalSorter(graph).prepare()  # raises CycleError with the circle in it


@pytest.mark.parametrize("module", SOURCES)
def test_only_the_training_side_imports_torch(module):
    roots = {name.split(".")[0] for name in imported_by(parse(SOURCES[module]))}
    assert not roots & TORCH or lies_in(module, TORCH_MAY)


@pytest.mark.parametrize("module", SOURCES)
def test_detecting_needs_no_extra(module):
    roots = {name.split(".")[0] for name in imported_by(parse(SOURCES[module]))}
    assert not roots & LAB or lies_in(module, LAB_MAY)


def test_the_client_needs_no_extra():
    code = "import sys, unmask.client; print(*sys.modules, sep='\\n')"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.split(".")[0] for name in run.stdout.split()}
    assert not loaded & {*HEAVY, *LAB, *WEB, "prometheus_client", "python_multipart", "typer"}


@pytest.mark.parametrize("module", SOURCES)
def test_web_libraries_stay_at_their_door(module):
    roots = {name.split(".")[0] for name in imported_by(parse(SOURCES[module]))}
    for library, door in WEB.items():
        assert library not in roots or lies_in(module, (door,))


@pytest.mark.parametrize("module", [name for name in SOURCES if lies_in(name, LIGHT)])
def test_light_modules_import_nothing_heavy_at_the_top(module):
    tree = at_module_level(parse(SOURCES[module]))
    names = set(imported_by(tree))
    assert not {name.split(".")[0] for name in names} & {*HEAVY, "numpy", "pydantic"}
    ours = {name.removeprefix("unmask.") for name in names if name.startswith("unmask.")}
    assert all(lies_in(name, LIGHT) for name in ours if name in SOURCES)


@pytest.mark.parametrize("module", SOURCES)
def test_files_stay_readable(module):
    lines = SOURCES[module].read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 450, "split it by noun"
