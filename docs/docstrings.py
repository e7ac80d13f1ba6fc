"""Docstrings in the reference: they are Markdown, and a page lists the names of a module."""

import re
import sys
from inspect import isfunction, isroutine
from pkgutil import resolve_name

from docutils import nodes
from docutils.utils import new_document
from myst_parser.parsers.sphinx_ import MystParser
from sphinx.addnodes import pending_xref
from sphinx.util.docutils import SphinxDirective

import minidl

# What a docstring calls by its short name: `nn.Dense`, `TrainingStep`.
PARTS = {*minidl.__all__, "diagnostics", "losses", "sklearn"}


class Markdown(SphinxDirective):
    """Its content is Markdown; a name in `code` leads to its entry in the reference."""

    has_content = True

    def run(self):
        """The nodes."""
        document = new_document(self.get_source_info()[0], self.state.document.settings)
        MystParser().parse("\n".join(self.content), document)
        for code in list(document.findall(nodes.literal)):
            code.replace_self(self.link(code))
        return document.children

    def link(self, code):
        """Code as a link, where there is such an entry in this module or, by `nn.Dense` or the name
        of a class, in minidl. (`grad` and `var` may be an attribute, too.)"""
        name = code.astext().removesuffix("()")
        module = self.env.ref_context.get("py:module")
        if name.split(".")[0] in PARTS and ("." in name or name[0].isupper()):
            name = f"minidl.{name}"
        elif module == "minidl":
            module = None
        options = {"refdomain": "py", "reftype": "obj", "reftarget": name, "py:module": module}
        return pending_xref("", code.deepcopy(), refdoc=self.env.docname, **options)


class Names(SphinxDirective):
    """An entry for each public name of a module, or for those that are made in some files: the
    module, then how the files' modules begin."""

    required_arguments = 1
    optional_arguments = 1
    final_argument_whitespace = True

    def run(self):
        """The entries."""
        public, *homes = " ".join(self.arguments).split()
        module = resolve_name(public)
        entries = []
        for name in sorted(module.__all__, key=str.lower):
            thing = getattr(module, name)
            home = getattr(thing, "__module__", "")
            members = "\n   :members:" if isinstance(thing, type) else ""
            if not homes or home.startswith(tuple(homes)):
                entries.append(f".. auto{kind(thing)}:: {public}.{name}{members}\n")
        return self.parse_text_to_nodes("\n".join(["```{eval-rst}", *entries, "```"]))


def kind(thing):
    """What autodoc calls it."""
    return "class" if isinstance(thing, type) else "function" if isroutine(thing) else "data"


def as_markdown(app, what, name, obj, options, lines):
    """Wraps a docstring as Markdown, with its examples as code."""
    text = re.sub(r"^( *)>>> (?:.+\n?)+", fenced, "\n".join(lines), flags=re.MULTILINE)
    lines[:] = [".. markdown::", "", *(f"   {line}" for line in text.splitlines()), ""]


def fenced(example):
    """An example as a block of code."""
    margin = example[1]
    return f"{margin}```pycon\n{example[0].rstrip()}\n{margin}```\n"


def is_a_bases(app, what, name, obj, skip, options):
    """Whether to leave out a method: a class above describes it, or another library."""
    if what != "class" or not isfunction(obj):
        return None
    if not obj.__module__.startswith("minidl"):
        return True
    owner = getattr(sys.modules.get(obj.__module__), obj.__qualname__.split(".")[0], object)
    is_known = isinstance(owner, type) and any(hasattr(base, name) for base in owner.__mro__[1:])
    return is_known or None


def setup(app):
    """What Sphinx calls."""
    app.add_directive("markdown", Markdown)
    app.add_directive("names", Names)
    app.connect("autodoc-process-docstring", as_markdown)
    app.connect("autodoc-skip-member", is_a_bases)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
