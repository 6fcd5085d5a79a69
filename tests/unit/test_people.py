"""Authors as feeds write them."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workers.articles.people import MAX_NAME, MAX_PEOPLE, split_authors

ONE = [
    # raw, name
    ("Jane Doe", "Jane Doe"),
    ("  Jane \n  Doe ", "Jane Doe"),
    ("Jane&nbsp;Doe", "Jane Doe"),
    ("Jane O&#039;Neil", "Jane O'Neil"),
    ("<a href='https://x.org/jane'>Jane Doe</a>", "Jane Doe"),
    ("\u202aJane Doe\u202c", "Jane Doe"),
    ("alex@blackie.ca (Alex Blackie)", "Alex Blackie"),
    ("none@none.com (AFP)", "AFP"),
    ("Jane Doe <jane@example.org>", "Jane Doe"),
    ("Jane Doe (noreply@blogger.com)", "Jane Doe"),
    ('"Jane Doe" <jane@example.org>', "Jane Doe"),
    ("Jane Doe, jane@example.org", "Jane Doe"),
    ("mailto:jane@example.org Jane Doe", "Jane Doe"),
    ("killjoy (hidden)", "killjoy"),
    ("hidden (killjoy)", "killjoy"),
    ("Jane Doe https://example.org/jane", "Jane Doe"),
    ("By Jane Doe", "Jane Doe"),
    ("BY JANE DOE", "JANE DOE"),
    ("by: Jane Doe", "Jane Doe"),
    ("Written by Jane Doe", "Jane Doe"),
    ("Von Anna Müller", "Anna Müller"),
    ("VON ANNA MÜLLER", "ANNA MÜLLER"),
    ("Par Jean Dupont", "Jean Dupont"),
    ("Por María López", "María López"),
    ("Di Mario Rossi", "Mario Rossi"),
    ("Door Jan Jansen", "Jan Jansen"),
    ("Autor: Hans Meier", "Hans Meier"),
    ("Text: Hans Meier", "Hans Meier"),
    ("Автор: Иван Иванов", "Иван Иванов"),
    ("記者：王小明", "王小明"),
    ("Editor John Smith", "John Smith"),
    ("Staff Writer Jane Doe", "Jane Doe"),
    ("Jane Doe Jane Doe", "Jane Doe"),
    ("Jane Doe, Editor", "Jane Doe"),
    ("Jane Doe, Senior Correspondent", "Jane Doe"),
    ("Jane Doe, Professor of Law, University of Sydney", "Jane Doe"),
    ("Jane Doe, PhD Candidate, School of Physics", "Jane Doe"),
    ("Billy Perrigo / London", "Billy Perrigo"),
    ("Andrew R. Chow / Abilene, Tex.", "Andrew R. Chow"),
    # names that look like lists, prefixes or roles
    ("Müller, Hans", "Müller, Hans"),
    ("Doe, Jane A.", "Doe, Jane A."),
    ("Martin Luther King, Jr.", "Martin Luther King, Jr."),
    ("Von Miller", "Von Miller"),
    ("Von der Leyen", "Von der Leyen"),
    ("Ursula von der Leyen", "Ursula von der Leyen"),
    ("Alfredo Di Stefano", "Alfredo Di Stefano"),
    ("Di Stefano", "Di Stefano"),
    ("Byron Smith", "Byron Smith"),
    ("Authority Team", "Authority Team"),
    ("Jean-François Gagné", "Jean-François Gagné"),
    ("D.W. Pine", "D.W. Pine"),
    ("Daniel Kahn Gillmor (dkg)", "Daniel Kahn Gillmor (dkg)"),
    ("José Bautista y Rodríguez", "José Bautista y Rodríguez"),
    ("Department of Trade and Industry", "Department of Trade and Industry"),
    ("Marks & Spencer", "Marks & Spencer"),
    ("Johnson and Johnson", "Johnson and Johnson"),
    ("Tuesdays with Stories!", "Tuesdays with Stories!"),
    ("AC/DC", "AC/DC"),
    ("The Associated Press", "The Associated Press"),
    ("Special to The New York Times", "Special to The New York Times"),
    ("Peter Beaumont in Jerusalem", "Peter Beaumont in Jerusalem"),
    ("Our Correspondent", "Our Correspondent"),
    ("telescoper", "telescoper"),
    ("dpa", "dpa"),
    ("Editor", "Editor"),
    ("村上春樹", "村上春樹"),
]

SEVERAL = [
    ("Victor Mather and Doug Mills", ("Victor Mather", "Doug Mills")),
    ("Adam Taylor, Cate Cadell", ("Adam Taylor", "Cate Cadell")),
    ("Tara  Copp, Alex Horton", ("Tara Copp", "Alex Horton")),
    (
        "Heather Knight, Kim Severson and Bedel Saget",
        ("Heather Knight", "Kim Severson", "Bedel Saget"),
    ),
    (
        "Heather Knight, Kim Severson, and Bedel Saget",
        ("Heather Knight", "Kim Severson", "Bedel Saget"),
    ),
    ("By Jane Doe and John Roe", ("Jane Doe", "John Roe")),
    ("Von Anna Müller und Hans Meier", ("Anna Müller", "Hans Meier")),
    ("Jean Dupont et Marie Martin", ("Jean Dupont", "Marie Martin")),
    ("María López y Juan Pérez", ("María López", "Juan Pérez")),
    ("Mario Rossi e Anna Bianchi", ("Mario Rossi", "Anna Bianchi")),
    ("Jan Jansen en Piet Pietersen", ("Jan Jansen", "Piet Pietersen")),
    ("Ola Nordmann og Kari Nordmann", ("Ola Nordmann", "Kari Nordmann")),
    ("Иван Иванов и Пётр Петров", ("Иван Иванов", "Пётр Петров")),
    ("Jane Doe & John Roe", ("Jane Doe", "John Roe")),
    ("Jane Doe; John Roe", ("Jane Doe", "John Roe")),
    ("Doe, Jane; Roe, John", ("Doe, Jane", "Roe, John")),
    ("Jane Doe | John Roe", ("Jane Doe", "John Roe")),
    ("Jane Doe / John Roe", ("Jane Doe", "John Roe")),
    ("王小明、李大華", ("王小明", "李大華")),
    ("Reuters | AFP", ("Reuters", "AFP")),
    ("Anne-Marie O'Neil, Special to The Paper", ("Anne-Marie O'Neil",)),
    ("Jane Doe (@jane)", ("Jane Doe",)),
    ("none@none.com (Agencies | Monitoring Desk)", ("Agencies", "Monitoring Desk")),
    ("dpa/AP", ("dpa", "AP")),
    ("dpa, AFP, Reuters", ("dpa", "AFP", "Reuters")),
    ("AFP und dpa", ("AFP", "dpa")),
    ("By Jane Doe, Reuters", ("Jane Doe", "Reuters")),
    ("Jane Doe (AP)", ("Jane Doe", "AP")),
    ("Jane Doe/dpa", ("Jane Doe", "dpa")),
    ("Par Jean Dupont avec AFP", ("Jean Dupont", "AFP")),
    ("Justin Klawans, The Week US", ("Justin Klawans", "The Week US")),
    ("John Smith, Jr., Jane Doe", ("John Smith, Jr.", "Jane Doe")),
    (
        "Written by A. Bee and B. Cee; Animation by C. Dee; Photography by D. Eff",
        ("A. Bee", "B. Cee", "C. Dee", "D. Eff"),
    ),
    (
        "Emily Mazo,&nbsp;JS Tan,&nbsp;Clarissa Redwine&nbsp;and&nbsp;Kristen Sheets",
        ("Emily Mazo", "JS Tan", "Clarissa Redwine", "Kristen Sheets"),
    ),
    (
        "Collective Action in Tech, DAIR Institute, Data &amp; Society",
        ("Collective Action in Tech", "DAIR Institute", "Data & Society"),
    ),
    (
        "Jane Doe, Lecturer in Law, University of Sydney, John Roe",
        ("Jane Doe", "John Roe"),
    ),
]

NOBODY = [
    "",
    " ",
    "-",
    "admin",
    "Admin",
    "administrator",
    "noreply@example.org",
    "jane@example.org",
    "<jane@example.org>",
    "(hidden)",
    "hidden",
    "unknown",
    "Anonymous",
    "null",
    "undefined",
    "N/A",
    "webmaster",
    "[object Object]",
    "https://example.org/authors/jane",
    "www.example.org",
    "By",
    "()",
    "&nbsp;",
    "\ud800",
    "***",
]


@pytest.mark.parametrize(("raw", "name"), ONE)
def test_one_author_stays_one(raw: str, name: str) -> None:
    """Addresses, roles and markup go; a name that only looks like a list is kept whole."""
    assert split_authors([raw]) == (name,)


@pytest.mark.parametrize(("raw", "names"), SEVERAL)
def test_a_list_is_split(raw: str, names: tuple[str, ...]) -> None:
    """People and agencies come out one by one, in their order."""
    assert split_authors([raw]) == names


@pytest.mark.parametrize("raw", NOBODY)
def test_default_accounts_and_addresses_are_nobody(raw: str) -> None:
    """What names no author gives none."""
    assert split_authors([raw]) == ()


def test_each_author_is_told_once() -> None:
    """Several elements, their joined form and another case are one list."""
    raw = [
        "Jane Doe",
        "John Roe",
        "Jane Doe and John Roe",
        "JANE DOE",
        "jane@example.org (Jane Doe)",
    ]
    assert split_authors(raw) == ("Jane Doe", "John Roe")


def test_crowds_and_long_names_are_bounded() -> None:
    """At most 64 names come out, none longer than 200 characters."""
    crowd = split_authors(
        [", ".join(f"Jane Doe{chr(97 + n % 26) * (n // 26 + 1)}" for n in range(100))]
    )
    assert len(crowd) == MAX_PEOPLE
    (long,) = split_authors(["Word " * 300])
    assert 0 < len(long) <= MAX_NAME


PIECES = "Jane|Doe| |,|;|/|and| & |(|)|<|>|@|x.org|By |von |:|AFP|AP|Jr.|&amp;"


@settings(max_examples=500, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.text(max_size=80),
            st.lists(
                st.sampled_from(PIECES.split("|")),
                max_size=30,
            ).map("".join),
        ),
        max_size=5,
    )
)
def test_any_string_gives_clean_names(raw: list[str]) -> None:
    """No string raises; no name is blank, doubled, too long or holds a control character."""
    names = split_authors(raw)
    assert len({name.casefold() for name in names}) == len(names) <= MAX_PEOPLE
    for name in names:
        assert name == name.strip()
        assert 0 < len(name) <= MAX_NAME
        assert not {unicodedata.category(char) for char in name} & {"Cc", "Cs", "Zl", "Zp"}
