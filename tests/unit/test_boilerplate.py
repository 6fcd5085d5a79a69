"""Boilerplate: what is recognised alone, what repetition tells, what is learned, and what must stay."""

from __future__ import annotations

import pytest

from workers.articles.boilerplate import recognise, strip
from workers.articles.repetition import (
    ARTICLES_TO_LEARN,
    MAX_LEARNED,
    Shown,
    fingerprint,
    learn,
    prints_of,
    repeated_in,
    shown,
)
from workers.articles.text import Block, read, render, to_blocks, to_html

PROSE = (
    "The council voted nine to four on Tuesday to reopen the bridge, ending a dispute that had kept "
    "the crossing closed for eleven months and cost traders on both banks their winter season."
)
END = "The mayor said that work would begin in March and that the first cars would cross in June."


def kind_of(line: str, **told: object) -> str:
    """The kind that a line between two paragraphs of an article is given; ``keep`` when it stays."""
    blocks = to_blocks(f"<p>{PROSE}</p>{line}<p>{END}</p>", "html")
    return recognise(blocks, **told).get(1, "keep")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "line"),
    [
        ("appeal", "Donate now"),
        ("appeal", "Support our journalism. Become a member today."),
        ("appeal", "If you value our reporting, please consider making a donation."),
        ("appeal", "Your support makes our work possible."),
        ("appeal", "We rely on your donations from readers to keep going."),
        (
            "appeal",
            "The Lens is a reader-supported publication. Consider becoming a paid subscriber.",
        ),
        ("appeal", "Unterstützen Sie unseren Journalismus mit einem Abo."),
        ("appeal", "Faites un don pour soutenir la rédaction."),
        ("appeal", "Haz una donación y apoya a esta redacción."),
        ("appeal", "Sostieni il nostro lavoro con una donazione."),
        ("appeal", "Apoie o nosso trabalho."),
        ("appeal", "Steun ons met een bijdrage."),
        ("appeal", "Wesprzyj nas już dziś."),
        ("appeal", "Поддержите нашу редакцию."),
        ("appeal", "Bize destek olun."),
        ("appeal", "Got a tip? Email us at tips@example.com."),
        ("appeal", "Do you have any information? Please contact our newsroom in confidence."),
        ("newsletter", "Sign up for our free newsletter"),
        ("newsletter", "Get the day's top stories delivered straight to your inbox."),
        ("newsletter", "Subscribe to our newsletter and never miss a story."),
        ("newsletter", "Newsletter abonnieren"),
        ("newsletter", "Inscrivez-vous à notre newsletter quotidienne."),
        ("newsletter", "Suscríbete a nuestro boletín."),
        ("newsletter", "Iscriviti alla nostra newsletter."),
        ("newsletter", "Подпишитесь на нашу рассылку новостей."),
        ("newsletter", "订阅我们的新闻"),
        ("app", "Download our free app"),
        ("app", "Follow us on Facebook, X and Instagram."),
        ("app", "Suivez-nous sur WhatsApp."),
        ("app", "Подписывайтесь на наш Telegram-канал"),
        ("read_more", "Continue reading"),
        ("read_more", "Read more »"),
        ("read_more", "Weiterlesen …"),
        ("read_more", "Lire la suite"),
        ("read_more", "Leer más"),
        ("read_more", "続きを読む"),
        ("read_more", "<a href='/x'>Read more: Bridge to reopen in June</a>"),
        ("related", "<a href='/x'>Also read: How the bridge was closed</a>"),
        ("related", "<a href='/x'>Lesen Sie auch: Die Brücke</a>"),
        ("syndication", "The post Bridge reopens appeared first on The Daily Bank."),
        ("syndication", "Der Beitrag Brücke offen erschien zuerst auf Tagblatt."),
        ("syndication", "L’article Le pont est apparu en premier sur Le Jour."),
        ("syndication", "La entrada El puente se publicó primero en El Diario."),
        ("syndication", "This article was originally published on The Conversation."),
        ("syndication", "Originally published in The Daily Bank, 4 May 2026"),
        ("syndication", "submitted by /u/someone [link] [comments]"),
        ("share", "Share this:"),
        ("share", "Click to share on Facebook (Opens in new window)"),
        ("share", "Share on X Share on Facebook Email"),
        ("share", "Teilen"),
        ("share", "<a href='https://www.facebook.com/sharer/sharer.php?u=x'>Facebook</a>"),
        ("comments", "Leave a comment"),
        ("counter", "12 comments"),
        ("counter", "5 min read"),
        ("counter", "1,204 views"),
        ("ad", "Advertisement"),
        ("ad", "Story continues below advertisement"),
        ("ad", "Werbung"),
        ("rights", "© 2026 The Daily Bank. All rights reserved."),
        ("tags", "Tags: <a href='/b'>bridges</a>, <a href='/t'>traffic</a>"),
        ("appeal", "<div class='donation-box'><p>Good things need friends.</p></div>"),
        ("ad", "<div class='advert'><p>Fly to Rome from 29 crowns.</p></div>"),
        ("share", "<div class='sharedaddy'><p>On other sites</p></div>"),
    ],
)
def test_a_line_is_recognised_alone(kind: str, line: str) -> None:
    """Wording or structure gives the line away, in several languages, with nothing to compare."""
    assert kind_of(line) == kind


@pytest.mark.parametrize(
    "line",
    [
        "He asked supporters to donate to the campaign before the end of the month.",
        "This story was first published on Monday and has been corrected: the mayor is 54, not 45.",
        "This article was originally published with a graph that misstated the rate of 2019.",
        "Originally published in the Monday edition, the letter was signed by 40 doctors.",
        "Got a story to tell? The museum collects them on Sundays, and reads each of them aloud.",
        "“Support us now or there will be no newspaper left,” the editor told readers.",
        '"Join us," she said. "We can\'t do it alone."',
        "The charity urged people to give blood and to donate tents, blankets and food.",
        "Readers can donate to the Red Cross, which has opened an account for the victims.",
        "The newspaper's subscribers rose by 12 percent after it began a daily newsletter.",
        "The company will continue to support our customers, its spokesman said in a note.",
        "The party wants to save democracy from its enemies, whoever those may be.",
        "Facebook and Twitter were blocked for three hours on Sunday.",
        "The minister refused to comment.",
        "The bill drew 12 comments from the public.",
        "The report was published on Tuesday and found that half of the money was missing.",
        "The story first appeared in 1984, when the archive was opened.",
        "Follow the money, prosecutors said, and the case explains itself.",
        "The app was downloaded a million times in its first week.",
        "Members of the union voted to become a party of their own.",
        "We need your vote more than your money, the candidate said at the end.",
        "Continue reading tests were given to 400 pupils in nine schools.",
        "Related charges against two other officials were dropped in May.",
        "By then the water had reached the second floor.",
        "Advertising revenue fell by a third.",
        "Share prices fell.",
        "The gift of a painting to the museum was announced on Friday.",
        "Give them time, the coach said, and they will win.",
        "Our reporters were not allowed to enter the building.",
        "Spenden in Höhe von drei Millionen Euro sind verschwunden.",
        "Les dons ont atteint trois millions d'euros cette année.",
        "<h2>Comments</h2>",
        "<h2>Donations</h2>",
        "<li>Join us</li>",
        "<figcaption>Members of the crew share a meal. Photo: Follow us</figcaption>",
        "<pre>subscribe(to our newsletter)</pre>",
    ],
)
def test_a_sentence_of_journalism_stays(line: str) -> None:
    """Words of appeals in the mouth of others, in reports about them or in quotes are no appeal."""
    assert kind_of(line) == "keep"


def test_a_paragraph_with_one_asking_sentence_stays() -> None:
    """A long paragraph that asks only at its end is prose of the author's."""
    line = f"<p>{PROSE} Subscribe to our newsletter to hear more.</p>"
    assert kind_of(line) == "keep"


def test_an_article_about_its_own_appeal_stays() -> None:
    """What consists of an appeal is not emptied."""
    blocks = to_blocks("<p>Donate now</p><p>Support our journalism.</p>", "html")
    assert strip(blocks).dropped == frozenset()


def test_an_appeal_of_many_short_lines_goes_whole() -> None:
    """Lines that say little alone are an appeal together, the list between them included."""
    lines = [
        "Help us tell the truth",
        "Journalism like this costs money.",
        "- More than forty countries covered",
        "- Ten reporters under fire",
        "- More than forty countries covered",
        "Donate today.",
        "Support The Harbour Post. Save the truth.",
    ]
    blocks = to_blocks("\n".join([PROSE, *lines, END]), "text")
    result = strip(blocks)
    assert render(result.blocks, result.dropped)[0] == f"{PROSE}\n\n{END}"
    assert result.kinds == ("appeal",)


def test_two_signs_far_apart_are_no_box() -> None:
    """Prose between two signs of an appeal keeps them apart."""
    blocks = to_blocks("\n\n".join(["Join us.", PROSE, PROSE, "Join the movement", END]), "text")
    assert strip(blocks).dropped == frozenset()


def test_a_byline_is_recognised_by_the_entrys_author() -> None:
    """Only a name that the entry gives as its author makes a line a byline."""
    assert kind_of("<p>By Maria Gomez</p>", authors=["Maria Gomez"]) == "byline"
    assert kind_of("<p>Maria Gomez</p>", authors=["Maria Gomez"]) == "byline"
    assert kind_of("<p>By Land and Sea</p>", authors=["Maria Gomez"]) == "keep"


def test_a_list_of_links_below_related_goes() -> None:
    """The heading "Related" goes with its links, and stays where prose follows."""
    links = "<h3>Related stories</h3><ul><li><a href='/1'>One</a></li><li><a href='/2'>Two</a></li></ul>"
    blocks = to_blocks(f"<p>{PROSE}</p>{links}", "html")
    assert strip(blocks).dropped == {1, 2, 3}
    blocks = to_blocks(f"<p>{PROSE}</p><h3>Related stories</h3><p>{END}</p>", "html")
    assert strip(blocks).dropped == frozenset()


@pytest.mark.parametrize(
    ("text", "left", "kind"),
    [
        ("The river rose […] Read more", "The river rose…", "read_more"),
        ("The river rose. Continue reading →", "The river rose.", "read_more"),
        (
            "The river rose. The post River appeared first on Bank.",
            "The river rose.",
            "syndication",
        ),
        ("He said: read more", "He said: read more", ""),
    ],
)
def test_a_tail_is_cut_off_the_last_paragraph(text: str, left: str, kind: str) -> None:
    """Boilerplate at the end of the last paragraph goes, the paragraph stays."""
    result = strip([Block(PROSE), Block(text)])
    assert result.blocks[1].text == left
    assert result.kinds == ((kind,) if kind else ())


def article(number: int, *extra: str) -> list[Block]:
    """An article of its own with ``extra`` lines at its end."""
    own = f"Story {'abcdefghijklmnopqrstuvwxyz'[number]} tells what only it can tell, at some length. "
    return to_blocks("\n\n".join([own * 2, own.upper(), *extra]), "text")


def as_shown(*articles: list[Block]) -> list:  # type: ignore[type-arg]
    """The articles as one document shows them."""
    return [named(blocks, str(i), f"Headline {i}") for i, blocks in enumerate(articles)]


def named(blocks: list[Block], key: str, headline: str = "") -> Shown:
    """One article as its document shows it."""
    return shown(blocks, prints_of(blocks, headline), key)


BOX = "Our house stands on the hill since 1881 and everybody in town knows the way to it."


def test_a_block_that_many_articles_repeat_goes() -> None:
    """What most articles of a document carry is part of none of them, whatever it says."""
    repeated = repeated_in(as_shown(*(article(i, BOX) for i in range(10))))
    result = strip(article(3, BOX), repeated=repeated)
    assert result.dropped == {2}
    assert result.kinds == ("repeated",)
    assert result.recognised == frozenset()


def test_numbers_and_the_headline_do_not_hide_a_repetition() -> None:
    """A line that differs in numbers or in its own headline is the same line."""
    assert fingerprint("Story 12 of 40") == fingerprint("story 7 of 9")
    a = fingerprint("You have read Bridge reopens, thanks", "Bridge reopens")
    assert a == fingerprint("You have read Mayor resigns, thanks", "Mayor resigns")
    assert a != fingerprint("You have read Bridge reopens, thanks")


def test_a_background_paragraph_of_a_few_articles_stays() -> None:
    """Three follow-ups in twenty articles may share a paragraph of background."""
    repeated = repeated_in(
        as_shown(*(article(i, PROSE) for i in range(3)), *(article(i) for i in range(3, 20)))
    )
    assert strip(article(1, PROSE), repeated=repeated).dropped == frozenset()


@pytest.mark.parametrize("follow_ups", [3, 5, 8, 10])
@pytest.mark.parametrize("place", [3, 4])
def test_a_sentence_of_background_stays(follow_ups: int, place: int) -> None:
    """Follow-ups share facts, in their middle all of them, and at their end short of all."""
    fact = (
        "The earthquake struck at 4:17 on Monday and killed 312 people, according to the ministry."
    )

    def quake(i: int) -> list[Block]:
        blocks = article(i, *(f"Paragraph {'x' * n}{chr(97 + i)} of its own." for n in range(5)))
        if i < follow_ups:
            blocks.insert(place, Block(fact))
        return blocks

    repeated = repeated_in(as_shown(*map(quake, range(10))))
    assert strip(quake(1), repeated=repeated).dropped == frozenset()


def test_a_feed_of_few_items_does_not_learn_background() -> None:
    """Three follow-ups, one a poll, make no boilerplate of the fact at their end."""
    learned: dict[bytes, bytes] = {}
    for i in range(6):
        blocks = article(i, PROSE)
        learned = dict(learn(as_shown(blocks), frozenset(), learned))
    assert strip(article(9, PROSE), learned=learned).dropped == frozenset()


def test_the_same_article_twice_repeats_nothing() -> None:
    """Copies of one article are one article."""
    assert repeated_in(as_shown(*(article(1, BOX) for _ in range(6)))) == frozenset()


def test_headings_that_articles_share_stay() -> None:
    """ "Conclusion" and "Ingredients" belong to the text below them."""

    def recipe(i: int) -> list[Block]:
        return [
            *article(i),
            Block("Ingredients", "h"),
            Block(f"Eggs and {'flour' * (i + 1)}", "li"),
        ]

    repeated = repeated_in(as_shown(*(recipe(i) for i in range(10))))
    assert strip(recipe(2), repeated=repeated).dropped == frozenset()


def test_an_article_that_only_repeats_stays() -> None:
    """When repetition would leave nothing, it is no evidence."""
    blocks = [Block("The page is under construction, please come back in a few days.")]
    repeated = frozenset({fingerprint(blocks[0].text)})
    assert strip(blocks, repeated=repeated).dropped == frozenset()


def test_a_feed_of_one_item_learns_from_poll_to_poll() -> None:
    """A block at the edge of enough articles is known, also where each document shows one."""
    learned: dict[bytes, bytes] = {}
    for i in range(ARTICLES_TO_LEARN):
        assert strip(article(i, BOX), learned=learned).dropped == frozenset()
        learned = dict(learn([named(article(i, BOX), f"guid {i}")], frozenset(), learned))
    assert strip(article(9, BOX), learned=learned).dropped == {2}


def test_the_same_article_seen_again_teaches_nothing() -> None:
    """An article cannot make itself boilerplate by staying in the feed; nor can two in turn."""
    learned: dict[bytes, bytes] = {}
    both = [named(article(i, BOX), f"guid {i}") for i in range(2)]
    for seen in ([both[0]], both, [both[1]], both, [both[0]], [both[1]]):
        learned = dict(learn(seen, frozenset(), learned))
    assert strip(article(0, BOX), learned=learned).dropped == frozenset()
    assert learn(both, frozenset(), learned) is learned


def test_what_a_document_repeats_is_remembered() -> None:
    """A later document with one entry still knows what an earlier one repeated."""
    many = as_shown(*(article(i, BOX) for i in range(12)))
    learned = learn(many, repeated_in(many), {})
    assert len(learned) == 1
    assert strip(article(20, BOX), learned=learned).dropped == {2}


def test_memory_is_bounded_and_keeps_what_it_knows() -> None:
    """At most MAX_LEARNED blocks are remembered; those that are known for sure stay."""
    known = fingerprint(BOX)
    learned = {known: b"".join(bytes([0, 0, 0, i]) for i in range(ARTICLES_TO_LEARN))}
    for i in range(60):
        blocks = [Block(f"{chr(97 + i % 26)}{'x' * (i // 26)} line {'y' * j}") for j in range(16)]
        learned = dict(learn([named(blocks, str(i))], frozenset(), learned))
    assert len(learned) == MAX_LEARNED
    assert known in learned


def test_what_is_dropped_leaves_the_html_too() -> None:
    """The sanitised HTML loses the same blocks, and the elements that held only them."""
    markup = read(f"<p>{PROSE}</p><ul><li>Donate now</li></ul><p>{END}</p>", "html")
    assert to_html(markup, strip(markup.blocks).dropped) == f"<p>{PROSE}</p><p>{END}</p>"
