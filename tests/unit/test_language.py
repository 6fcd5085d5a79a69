"""Languages: tags and texts."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workers.articles.language import detect, normalise_tag, plausible

TAGS = [
    ("en", "en"),
    ("EN", "en"),
    (" en ", "en"),
    ("en-us", "en-US"),
    ("en_GB", "en-GB"),
    ("en_GB.UTF-8", "en-GB"),
    ("de-DE", "de-DE"),
    ("pt_br", "pt-BR"),
    ("es-419", "es-419"),
    ("zh-hans", "zh-Hans"),
    ("zh-hant-tw", "zh-Hant-TW"),
    ("ZH_CN", "zh-CN"),
    ("sr-latn-RS", "sr-Latn-RS"),
    ("ca-ES-valencia", "ca-ES"),
    ("de-1996", "de"),
    ("en-US-x-private", "en-US"),
    ("nb-NO", "nb-NO"),
    ("no", "no"),
    ("yue", "yue"),
    ("eng", "en"),
    ("ger", "de"),
    ("deu", "de"),
    ("fre-CA", "fr-CA"),
    ("iw", "he"),
    ("in", "id"),
    ("jp", "ja"),
    ("jp-JP", "ja-JP"),
    ("cn", "zh"),
    ("cz", "cs"),
    ("gr", "el"),
    ("ua", "uk"),
    ("us", "en-US"),
    ("uk", "uk"),
    ("br", "br"),
    ("Deutsch", "de"),
    ("English", "en"),
    ("English (US)", "en"),
    ("français", "fr"),
    ("Русский", "ru"),
    ("日本語", "ja"),
    ("en-US, fr", "en-US"),
    ("en;q=0.8", "en"),
    ("", ""),
    ("und", ""),
    ("mul", ""),
    ("zxx", ""),
    ("x-klingon", ""),
    ("i-klingon", ""),
    ("xx", ""),
    ("qqq", ""),
    ("e", ""),
    ("junk!", ""),
    ("<en>", ""),
    ("default", ""),
    ("none", ""),
    ("null", ""),
    ("en\x00us", ""),
    ("a" * 10_000, ""),
]

TEXTS = [
    ("en", "The government announced a new budget for the coming year on Tuesday."),
    ("en", "BREAKING NEWS FROM THE WHITE HOUSE: THE PRESIDENT HAS SIGNED THE BILL"),
    ("de", "Der Bundestag hat am Montag ein neues Klimagesetz beschlossen."),
    ("fr", "Le gouvernement annonce une réforme des retraites pour l'année prochaine."),
    ("es", "El presidente del Gobierno visitará Argentina la próxima semana."),
    ("it", "Il governo ha approvato la nuova legge di bilancio nella notte."),
    ("pt", "O presidente do Brasil anunciou um novo ministro da Fazenda."),
    ("nl", "Het kabinet is gevallen over het nieuwe asielbeleid van de regering."),
    ("pl", "Rząd przyjął w środę nową ustawę budżetową na przyszły rok."),
    ("tr", "Cumhurbaşkanı yeni ekonomi paketini açıkladı ve soruları yanıtladı."),
    ("sv", "Regeringen presenterar en ny budget för skolan och sjukvården."),
    ("fi", "Hallitus esitteli uuden talousarvion ensi vuodelle keskiviikkona."),
    ("cs", "Vláda schválila nový rozpočet na příští rok a zvýšila platy učitelů."),
    ("ro", "Guvernul a adoptat noul buget pentru anul viitor în ședința de azi."),
    ("hu", "A kormány elfogadta a jövő évi költségvetést a mai ülésén."),
    ("el", "Η κυβέρνηση ανακοίνωσε νέα μέτρα για την οικονομία."),
    ("ru", "Правительство утвердило новый бюджет на следующий год."),
    ("uk", "Уряд затвердив новий бюджет на наступний рік і підвищив зарплати."),
    ("ar", "أعلنت الحكومة عن ميزانية جديدة للعام المقبل."),
    ("fa", "دولت بودجه جدید سال آینده را اعلام کرد."),
    ("he", "הממשלה אישרה את התקציב החדש לשנה הבאה."),
    ("hi", "सरकार ने आज सुबह नया बजट पेश किया।"),
    ("ja", "政府は来年度の新しい予算案を発表した。"),
    ("zh", "国务院发布新的经济政策和预算方案"),
    ("zh", "國務院發布新政策"),
    ("ko", "정부는 내년도 새 예산안을 발표했다."),
    ("vi", "Chính phủ công bố ngân sách mới cho năm tới vào sáng nay."),
    ("th", "รัฐบาลประกาศงบประมาณใหม่สำหรับปีหน้า"),
]

SILENT = [
    "",
    " ",
    "12345 67890 2026",
    "Trump",
    "ok",
    "...",
    "https://example.org/a/very/long/path/here",
    "東京",
    "\ud800" * 40,
]


@pytest.mark.parametrize(("raw", "tag"), TAGS)
def test_tags_take_their_form_or_none(raw: str, tag: str) -> None:
    """Known mistakes are understood, the right form is BCP 47, junk is nothing."""
    assert normalise_tag(raw) == tag


@given(st.text(max_size=30))
def test_a_tag_in_form_stays(raw: str) -> None:
    """Normalising twice is normalising once."""
    tag = normalise_tag(raw)
    assert normalise_tag(tag) == tag


@pytest.mark.parametrize(("language", "text"), TEXTS)
def test_a_sentence_tells_its_language(language: str, text: str) -> None:
    """One sentence of news is enough, and the confidence is a probability."""
    found, confidence = detect(text)
    assert found == language
    assert 0.4 <= confidence <= 1


@pytest.mark.parametrize("text", SILENT)
def test_too_little_text_tells_nothing(text: str) -> None:
    """Numbers, links and single names have no language."""
    assert detect(text) == ("", 0.0)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=700), st.text(max_size=12))
def test_any_text_is_judged(text: str, tag: str) -> None:
    """No text raises; what is found is a tag in form."""
    language, confidence = detect(text)
    assert normalise_tag(language) == language
    assert 0 <= confidence <= 1
    assert plausible(tag, text) in (True, False)


@pytest.mark.parametrize(("language", "text"), TEXTS)
def test_a_text_is_plausible_in_its_own_language(language: str, text: str) -> None:
    """The script of a language never speaks against it."""
    assert plausible(language, text)


@pytest.mark.parametrize(
    ("declared", "text"),
    [
        ("en", "Правительство утвердило новый бюджет на следующий год."),
        ("en-US", "政府は来年度の新しい予算案を発表した。"),
        ("ru", "The government announced a new budget for the coming year."),
        ("hi", "The government announced a new budget for the coming year."),
        ("ar", "הממשלה אישרה את התקציב החדש לשנה הבאה."),
        ("el", "Правительство утвердило новый бюджет на следующий год."),
        ("zh", "정부는 내년도 새 예산안을 발표했다고 밝혔다."),
        ("sr-Latn", "Влада је јуче усвојила нови буџет за следећу годину."),
        ("xx", "The government announced a new budget."),
        ("", "The government announced a new budget."),
    ],
)
def test_the_wrong_script_is_implausible(declared: str, text: str) -> None:
    """A template's language on a text in another script is found, and so is no language."""
    assert not plausible(declared, text)


@pytest.mark.parametrize(
    ("declared", "text"),
    [
        ("ru", "Компания OpenAI выпустила GPT-5 и Codex для macOS и Windows"),
        ("ja", "iPhone 18 Pro Maxの価格が発表された、Apple Storeで予約開始"),
        ("sr", "Влада је јуче усвојила нови буџет за следећу годину."),
        ("sr", "Vlada je juče usvojila novi budžet za sledeću godinu."),
        ("en", "OK"),
        ("ru", "iPhone 18"),
    ],
)
def test_foreign_names_and_short_texts_do_not_speak_against_a_language(
    declared: str, text: str
) -> None:
    """A third of the letters is enough, and two words say nothing."""
    assert plausible(declared, text)
