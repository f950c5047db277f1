"""How the site is built: ``nox -s docs``. Warnings are errors, nothing is fetched."""

import re
import sys
from pathlib import Path

from docutils import nodes
from sphinx.addnodes import toctree as toctree_node
from sphinx.application import Sphinx

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / package) for package in ("generated", "wrapper", "emulator")]

project = "inworld-embeddings"
author = copyright = "The inworld-embeddings authors"
html_title = "inworld-embeddings"
html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sphinx = False
html_theme_options = {"navigation_with_keys": True}
templates_path: list[str] = []
exclude_patterns = ["_build"]

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "sphinx_markdown_builder",  # a Markdown twin of each page
]
myst_heading_anchors = 4
myst_enable_extensions = ["attrs_block", "attrs_inline"]
copybutton_exclude = ".linenos, .gp, .go"

# The reference is made of docstrings. Their single backticks are Markdown's: code.
default_role = "code"
autodoc_member_order = "bysource"
autodoc_typehints = "none"  # signatures hold them
autodoc_class_signature = "mixed"
autodoc_preserve_defaults = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
napoleon_use_rtype = False

nitpicky = True
nitpick_ignore_regex = [
    # No inventory of another project is fetched, so names of others lead nowhere.
    ("py:.*", r"(httpx|numpy|np|pathlib|collections\.abc|threading|pyarrow|pa|asyncio)\..*"),
]


def setup(app: Sphinx) -> None:
    """Adds what the twins and `llms.txt` need."""
    # Sphinx 9 writes the `*` of keyword-only arguments as an abbreviation, which the twins' builder does not know.
    app.add_node(nodes.abbreviation, override=True, markdown=(_nothing, _nothing))
    app.connect("build-finished", write_llms_txt)


def _nothing(writer: object, node: nodes.Node) -> None:
    """The node's text is all there is."""


def write_llms_txt(app: Sphinx, failure: Exception | None) -> None:
    """Writes the list of pages for programs that read: each with its title and first sentence, by section."""
    if failure or app.builder.format != "html":
        return
    lines = [f"# {project}", "", "> The Python client for Inworld's embeddings API."]
    for toctree in app.env.get_doctree("index").findall(toctree_node):
        lines += ["", f"## {toctree['caption']}", ""]
        for _, page in toctree["entries"]:
            first = next(app.env.get_doctree(page).findall(nodes.paragraph)).astext()
            sentence = re.split(r"(?<=\.) ", " ".join(first.split()))[0]
            lines.append(f"- [{app.env.titles[page].astext()}]({page}.md): {sentence}")
    Path(app.outdir, "llms.txt").write_text("\n".join(lines) + "\n", "utf-8")
