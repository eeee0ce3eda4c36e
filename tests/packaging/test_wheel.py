"""The wheel has what it needs and nothing else, and works where there is nothing but the wheel."""

from __future__ import annotations

import os
import shutil
import site
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

# What a copy of the tree leaves behind: big, made here, or not ours.
NOT_COPIED = shutil.ignore_patterns(
    ".*_cache", ".cache", ".git", ".venv", "__pycache__", "artifacts", "dist", "node_modules"
)

EXPLAIN_ONE_SCENE = """
import sys
from pathlib import Path
import saliency_widget as sw

home = Path(sw.__file__).resolve()
assert Path(sys.prefix).resolve() in home.parents, f"not the wheel's package: {home}"

scene = sw.demo.buildings(1, 0)[0]
model = sw.load("demo/vgg")
explanation = sw.explain(model, scene.image, target="style")
height, width = explanation.heatmap().shape
assert explanation.attribution.shape[-2:] == (height, width)
assert abs(explanation.attribution).max() > 0, "the map is empty"
widget = sw.SaliencyWidget(model, [scene.image])
widget.wait()
assert widget.explanation is not None
widget.close()
print("explained", explanation.target)
"""


def copy_tree(root: Path, to: Path) -> Path:
    """A copy of the sources without the built page, and with the page's tools linked in."""
    shutil.copytree(root, to, ignore=NOT_COPIED)
    shutil.rmtree(to / "saliency_widget" / "static", ignore_errors=True)
    (to / "js" / "node_modules").symlink_to(root / "js" / "node_modules")
    return to


def build_wheel(tree: Path, out: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Build without isolation: offline, with the hatchling of this environment."""
    return subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), "."],
        cwd=tree,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def tree(root, tmp_path_factory):
    """A checkout in which the page was never built."""
    return copy_tree(root, tmp_path_factory.mktemp("checkout") / "tree")


@pytest.fixture(scope="module")
def wheel(tree, tmp_path_factory):
    """The wheel of that checkout."""
    out = tmp_path_factory.mktemp("dist")
    done = build_wheel(tree, out)
    assert done.returncode == 0, done.stdout + done.stderr
    (path,) = out.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def clean_python(wheel, tmp_path_factory):
    """A Python that has the package from the wheel alone, and its dependencies from here.

    An environment cannot inherit from another one, so a `.pth` file lends it this one's
    packages; the editable install among them comes by a `.pth` file too, which is not followed.
    """
    home = tmp_path_factory.mktemp("clean") / "env"
    venv.create(home, with_pip=False, symlinks=True)
    python = home / "bin" / "python"
    scheme = sysconfig.get_paths(vars={"base": str(home), "platbase": str(home)})
    packages = Path(scheme["purelib"])
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(packages)
    lent = [path for path in site.getsitepackages() if Path(path).is_dir()]
    (packages / "lent.pth").write_text("\n".join(lent) + "\n", encoding="utf-8")
    return python


def test_a_missing_page_is_built_with_the_wheel(tree, wheel):
    assert wheel.is_file()
    assert (tree / "saliency_widget" / "static" / "widget.js").stat().st_size > 0


def test_the_wheel_has_the_page_the_types_and_the_weights(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert "saliency_widget/static/widget.js" in names
    assert "saliency_widget/static/widget.css" in names
    assert "saliency_widget/static/studio.js" in names
    assert "saliency_widget/py.typed" in names
    assert any(name.endswith("LICENSE") for name in names)
    assert any(name.startswith("saliency_widget/demo/") and name.endswith(".safetensors") for name in names)


def test_the_wheel_has_every_module_and_data_file_of_the_package(root, wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    package = root / "saliency_widget"
    sources = {
        path.relative_to(root).as_posix()
        for path in package.rglob("*")
        if path.is_file() and not {"__pycache__", "static"} & set(path.parts)
    }
    assert sources - names == set()


def test_the_wheel_has_nothing_else(wheel):
    tops = {name.split("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    others = {top for top in tops if not top.endswith(".dist-info")}
    assert others == {"saliency_widget"}
    page = {name for name in zipfile.ZipFile(wheel).namelist() if "/static/" in name}
    assert page == {f"saliency_widget/static/{name}" for name in ("widget.js", "widget.css", "studio.js")}


def test_the_wheel_says_what_it_needs(wheel):
    archive = zipfile.ZipFile(wheel)
    (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
    lines = archive.read(name).decode().splitlines()
    needs = {
        line.removeprefix("Requires-Dist: ").split(">=")[0]
        for line in lines
        if line.startswith("Requires-Dist: ") and "extra ==" not in line
    }
    assert needs == {
        "anywidget", "ipywidgets", "matplotlib", "numpy", "pillow", "safetensors", "scikit-image", "torch",
        "torchvision",
    }  # fmt: skip
    assert "License-Expression: BSD-3-Clause" in lines
    assert "Requires-Python: >=3.10" in lines


def test_the_wheel_explains_a_scene_in_a_clean_environment(clean_python, tmp_path):
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    done = subprocess.run(
        [clean_python, "-c", EXPLAIN_ONE_SCENE],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("explained style:")


def test_the_page_of_a_checkout_is_taken_as_it_is(root, tmp_path):
    copy = copy_tree(root, tmp_path / "tree")
    static = copy / "saliency_widget" / "static"
    static.mkdir()
    (static / "widget.js").write_text("export default {};", encoding="utf-8")
    (static / "widget.css").write_text("", encoding="utf-8")
    (static / "studio.js").write_text("", encoding="utf-8")
    done = build_wheel(copy, tmp_path, PATH="")  # no npm, and none needed
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    assert zipfile.ZipFile(wheel).read("saliency_widget/static/widget.js") == b"export default {};"


def test_without_node_the_build_says_what_to_install(root, tmp_path):
    done = build_wheel(copy_tree(root, tmp_path / "tree"), tmp_path, PATH="")
    assert done.returncode != 0
    assert "install Node.js 20 or newer" in done.stdout + done.stderr
