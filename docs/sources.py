"""What pages link to beside pages: the source, and the laboratory's report."""

import inspect
import re
import shutil
from pathlib import Path
from pkgutil import resolve_name

import minidl
from minidl.layers.activations import REGISTRY

DOCS = Path(__file__).parent
ROOT = DOCS.parent
LANGUAGES = {".py": "python", ".pyi": "python", ".pyx": "cython", ".pxd": "cython", ".in": "cython"}
SOURCE = re.compile(r"\]\(((?:\.\./)+)((?:\w+/)+[\w.-]+\.(?:pyi?|pyx|pxd|in))\)")
PAGE = re.compile(r"\]\(((?:\.\./)+)(README|CHANGELOG|CONTRIBUTING)\.md\)")
PAGES = {"README": "index", "CHANGELOG": "changelog", "CONTRIBUTING": "contributing"}


def linkcode_resolve(domain, info):
    """Where the source of an entry of the reference stands: its page and line."""
    name = f"{info['module']}.{info['fullname']}"
    try:
        # An activation's function is made from its class.
        thing = REGISTRY.get(name.removeprefix("minidl.functional.")) or resolve_name(name)
        thing = inspect.unwrap(getattr(thing, "fget", thing))  # of a property: its function
        file = Path(inspect.getsourcefile(thing))
        line = max(1, inspect.getsourcelines(thing)[1])
    except (AttributeError, OSError, TypeError):  # a constant, or made when it is wanted
        return None
    path = file.relative_to(Path(minidl.__file__).parents[1]).as_posix()
    return f"../source/{path}.html#line-{line}"


def linked(app, docname, source):
    """Turns links to files into links to their places on the site; MyST leaves `site:` alone."""
    text = SOURCE.sub(lambda m: f"](site:{m[1][3:]}source/{m[2]}.html)", source[0])
    text = PAGE.sub(lambda m: f"]({m[1][3:]}{PAGES[m[2]]}.md)", text)
    source[0] = text.replace("](lab/", "](site:lab/")


def source_pages(app):
    """A page for each file of minidl/, and for others that a page links to."""
    files = {file for file in (ROOT / "minidl").rglob("*") if file.suffix in LANGUAGES}
    for page in DOCS.rglob("*.md"):
        files |= {ROOT / match[2] for match in SOURCE.finditer(page.read_text())}
    for file in sorted(files):
        path = file.relative_to(ROOT).as_posix()
        language = LANGUAGES[file.suffix]
        code = app.builder.highlighter.highlight_block(file.read_text(), language, linespans="line")
        context = {
            "title": path,
            "body": f"<h1>{path}</h1>\n{code}",
            "toctree": lambda **_: "",  # the list of all pages would take half of the whole build
        }
        yield f"source/{path}", context, "page.html"


def copy_report(app, exception):
    """Copies the laboratory's page and numbers as they are."""
    if exception is None:
        shutil.copytree(DOCS / "lab", Path(app.outdir) / "lab", dirs_exist_ok=True)


def setup(app):
    """What Sphinx calls."""
    app.connect("source-read", linked)
    app.connect("html-collect-pages", source_pages)
    app.connect("build-finished", copy_report)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
