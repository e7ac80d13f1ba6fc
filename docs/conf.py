"""How Sphinx builds the site: `make docs`."""

import sys
from importlib.machinery import (
    EXTENSION_SUFFIXES,
    SOURCE_SUFFIXES,
    ExtensionFileLoader,
    FileFinder,
    SourceFileLoader,
)
from pathlib import Path

# The core is read as Python, also where it is compiled: the site shows the source.
loaders = (SourceFileLoader, SOURCE_SUFFIXES), (ExtensionFileLoader, EXTENSION_SUFFIXES)
sys.path_hooks.insert(0, FileFinder.path_hook(*loaders))
sys.path_importer_cache.clear()
sys.path.insert(0, str(Path(__file__).parent))

import sources  # noqa: E402

import minidl  # noqa: E402

linkcode_resolve = sources.linkcode_resolve

project, author = "minidl", "the authors of minidl"
version = release = minidl.__version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.linkcode", "docstrings", "sources"]
exclude_patterns = ["papers/*", "lab/*"]
nitpicky = True
nitpick_ignore_regex = [("py:.*", ".*")]  # most types in signatures are Python's and NumPy's
smartquotes = False

myst_heading_anchors = 4
myst_url_schemes = {"http": None, "https": None, "site": "{{path}}#{{fragment}}"}
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
python_use_unqualified_type_names = True
maximum_signature_line_length = 70

html_theme = "furo"
html_title = "minidl"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_copy_source = False
html_use_index = False
html_domain_indices = False
html_show_search_summary = False  # a browser fetches nothing from file://
