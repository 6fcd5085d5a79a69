"""First inputs for the fuzzer, of each format: ``python -m tests.fuzz.seeds <folder>``."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.corpus.wordings_eval import ARTICLE, as_html, wordings

RSS = (
    '<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/" '
    'xmlns:media="http://search.yahoo.com/mrss/"><channel><title>T</title><ttl>5</ttl><item>'
    "<title>A &amp;amp; B</title><link>/a?utm_source=x</link><guid>1</guid>"
    "<pubDate>Mon, 16 Feb 2026 08:00:00 EST</pubDate>"
    "<author>a@b.example (By Jo Roe and Al Bo)</author><content:encoded><![CDATA[{html}"
    "<table><tr><td>x</td></tr>"
    "</table><pre>a\n b</pre><img src='/i.png' width=9>]]></content:encoded><media:content url='v.mp4'/>"
    "</item></channel></rss>"
)
ATOM = (
    '<feed xmlns="http://www.w3.org/2005/Atom" xml:base="http://e.example/"><entry><id>x</id>'
    "<title type='html'>&lt;b&gt;T&lt;/b&gt;</title><link href='a'/>"
    "<updated>2026-02-16T08:00:00Z</updated><content type='xhtml'>"
    "<div xmlns='http://www.w3.org/1999/xhtml'><p>One</p></div></content></entry></feed>"
)
JSON = (
    '{"version":"https://jsonfeed.org/version/1.1","items":[{"id":1,"content_html":"<p>\\u0041 \\ud800</p>",'
    '"date_published":"2026-02-16","authors":[{"name":"x"}],"tags":["a"]}]}'
)
SITEMAP = (
    '<urlset xmlns:news="http://www.google.com/schemas/sitemap-news/0.9"><url><loc>http://e.example/a</loc>'
    "<news:news><news:title>T</news:title>"
    "<news:publication_date>1 مارس 2026</news:publication_date></news:news>"
    "</url></urlset>"
)


def main() -> None:
    """Write the seeds."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    boxes = [as_html([*ARTICLE[:1], *box]) for box in wordings("appeals_train")[::4]]
    documents = [
        *(RSS.replace("{html}", box) for box in boxes),
        ATOM,
        JSON,
        SITEMAP,
        RSS[:-40],
        ATOM[:-30],
    ]
    for number, text in enumerate(documents):
        (folder / str(number)).write_bytes(b"\0" + text.encode())


if __name__ == "__main__":
    main()
