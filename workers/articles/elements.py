"""What the reader of HTML knows of the elements."""

from __future__ import annotations


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


VOID = _names("area base br col embed hr img input link meta param source track wbr")
"""Elements without an end tag."""
RAW = _names("iframe noembed noframes plaintext script style textarea title xmp")
"""Elements whose content is no markup; none of it is text of an article."""
UNSEEN = _names(
    "annotation annotation-xml applet audio button canvas datalist dialog head map math-alt "
    "noscript object picture rp select svg template video"
)
"""Elements whose content is not read as text."""
SHOWS_MEDIA = _names("audio noscript object picture video")
"""Unseen elements whose images, audio and video count all the same."""
FORMATTING = _names(
    "a abbr b bdi bdo big cite code del em font i ins kbd mark nobr q s samp small span "
    "strike strong sub sup time tt u var"
)
"""Elements within a line."""
KINDS = {
    tag: kind
    for kind, tags in {
        "li": "li dt dd",
        "cell": "td th",
        "caption": "figcaption caption",
        "quote": "blockquote",
        "pre": "pre listing",
        "h": "h1 h2 h3 h4 h5 h6 summary",
    }.items()
    for tag in tags.split()
}
"""The kind of block that an element makes of its text."""
BLOCK = _names(
    "address article aside body center details dir div dl fieldset figure footer form "
    "header hgroup hr html legend main menu nav ol optgroup option p section table tbody "
    "tfoot thead tr ul"
) | frozenset(KINDS)
"""Elements that begin and end a line."""
CLOSED_BY = {
    "li": frozenset({"li"}),
    "dt": frozenset({"dd", "dt"}),
    "dd": frozenset({"dd", "dt"}),
    "td": frozenset({"td", "th"}),
    "th": frozenset({"td", "th"}),
    "tr": frozenset({"td", "th", "tr"}),
    "option": frozenset({"option"}),
}
"""Elements that an opening one ends by itself."""
SCOPES = _names("blockquote dl ol table ul")
"""Where the search for an element to end stops."""
TABLE = _names("table tbody td tfoot th thead tr")
"""Elements whose end tag reaches out of a cell."""
CELLS = _names("caption tbody td tfoot th thead tr")
"""Elements that only a table gives a meaning."""
TAGS = _names(
    "a abbr b blockquote br caption cite code dd del div dl dt em figcaption figure h1 h2 "
    "h3 h4 h5 h6 hr i img ins kbd li mark ol p pre q rp rt ruby s samp small strong sub sup "
    "table tbody td tfoot th thead time tr u ul var wbr"
)
"""Elements of the sanitised HTML."""
ATTRIBUTES = {
    "a": {"href", "title"},
    "img": {"alt", "height", "src", "title", "width"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan"},
    "ol": {"start"},
    "time": {"datetime"},
    "abbr": {"title"},
    "blockquote": {"cite"},
}
"""Attributes of the sanitised HTML."""
