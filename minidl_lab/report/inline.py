"""Makes matplotlib's SVG files parts of a page.

Within a page they share its names, styles and colours. So names become unique, style sheets are
removed, and the colours that stand for the page's CSS variables become these.
"""

import re
from xml.etree import ElementTree

LINK = "{http://www.w3.org/1999/xlink}href"


def inline(file: str, name: str, variables: dict[str, str], label: str = "") -> str:
    """The file as an <svg> element, as wide as its place. All ids begin with `name`; `variables`
    maps colours to the CSS variables that they stand for; `label` is the text for screen readers,
    which skip a picture without one."""
    root = ElementTree.fromstring(file)
    for element in list(root.iter()):
        for child in list(element):
            if child.tag.endswith(("}metadata", "}style")):
                element.remove(child)
    used = dict.fromkeys(re.findall(r'"#(\w+)"|url\(#(\w+)\)', file))
    names = {a or b: f"{name}-{number}" for number, (a, b) in enumerate(used)}
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
        element.text, element.tail = (element.text or "").strip(), ""
        element.attrib = {
            key.rpartition("}")[2]: attribute(value, names, variables)
            for key, value in element.attrib.items()
            if key != "id" or value in names
        }
    role = {"role": "img", "aria-label": label} if label else {"aria-hidden": "true"}
    root.attrib = role | {"viewBox": root.attrib["viewBox"]}
    return ElementTree.tostring(root, encoding="unicode")


def attribute(value: str, names: dict[str, str], variables: dict[str, str]) -> str:
    """An attribute with the page's names and colours, and coordinates rounded to 0.01."""
    if value.lstrip("#") in names:
        return value.replace(value.lstrip("#"), names[value.lstrip("#")])
    value = re.sub(r"url\(#(\w+)\)", lambda found: f"url(#{names[found[1]]})", value)
    value = re.sub(r"#[0-9a-f]{6}", lambda found: variables.get(found[0], found[0]), value)
    value = re.sub(r"font-family: [^;]*; ?", "", value)
    value = re.sub(
        r"-?\d+\.\d+", lambda found: f"{float(found[0]):.2f}".rstrip("0").rstrip("."), value
    )
    return " ".join(value.split())
