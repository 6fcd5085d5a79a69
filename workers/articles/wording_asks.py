"""How publishers ask something of their readers: to give, to subscribe, to follow.

In English an imperative looks like any other verb, so a rule needs the publisher or the reader in it as
well ("support *our journalism*", "*your* donation helps"). Where a language marks the polite imperative
("Abonnez-vous"), the form itself tells, at the start of a line.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple


class Ask(NamedTuple):
    """One wording: ``begins`` is matched at the start of a line, ``holds`` searched in it."""

    kind: str
    begins: re.Pattern[str] | None
    holds: re.Pattern[str] | None
    first: frozenset[str]  # stems of words that a line may begin with for ``begins``
    within: frozenset[str]  # stems of which one stands in a line for ``holds``

    def found_in(self, low: str) -> bool:
        """True when the line (lower case, straight apostrophes) is worded so."""
        return bool(
            (self.begins and self.begins.match(low)) or (self.holds and self.holds.search(low))
        )


STEM = 6
"""Characters of a word that wordings are looked up by."""

_REST = r".{0,240}$"
_LIST = (
    r"(?:newsletters?|mailing[- ]list|e-?mail[- ](?:list|updates|alerts|newsletter)|inbox|"
    r"daily (?:brief(?:ing)?|digest)|weekly (?:digest|email|roundup)|rss feed|"
    r"push notifications)"
)
_OWN = (
    r"(?:work|journalism|newsroom|reporting|mission|site|website|blog|podcast|channel|"
    r"show|coverage|"
    r"publication|magazine|writers|reporters|journalists|writing|efforts|investigations)"
)
_MEMBER = r"(?:member|supporter|patron|subscriber|sustainer|donor|backer)"
_BEGIN = r"(?:^\W*|[.!?:;] |please |consider )"
_NETWORK = (
    r"(?:x|twitter|facebook|instagram|telegram|whatsapp|google news|youtube|linkedin|"
    r"tiktok|threads|"
    r"bluesky|mastodon|discord|vk|viber)"
)


def _ask(kind: str, *alternatives: str, first: str = "", within: str = "") -> Ask:
    begins = [a for a in alternatives if a[0] == "^"]
    holds = [a for a in alternatives if a[0] != "^"]
    return Ask(kind, _either(begins), _either(holds), _stems(first), _stems(within))


def _either(alternatives: list[str]) -> re.Pattern[str] | None:
    return re.compile("|".join(alternatives)) if alternatives else None


def _stems(words: str) -> frozenset[str]:
    return frozenset(word[:STEM] for word in words.split())


ASKS: tuple[Ask, ...] = (
    _ask(
        "newsletter",
        r"^\W*(?:(?:please|to|you can|want to|don't forget to|and|or|make sure to) )*"
        rf"(?:subscribe|sign up|signup|register|opt in|join)\b.{{0,140}}\b{_LIST}",
        r"(?:^\W*|[.!?:;,] |please |consider |you can (?:also )?|and |or )subscrib(?:e|ing) to "
        r"(?:my|our|this)\b.{0,60}"
        r"\b(?:newsletter|list|blog|feed|channel|podcast|updates|posts|site|publication)\b",
        r"\b(?:sign(?:ing)?[- ]up|register) (?:for|to) (?:my|our)\b.{0,60}"
        r"\b(?:newsletters?|list|updates|alerts)\b",
        r"^\W*(?:subscribe|sign up)(?: (?:now|today|here|below|for free|via (?:e-?mail|rss)|"
        r"by e-?mail|to (?:[\w'-]+ ?){1,5}))?\W*$",
        r"\bthanks for reading\b.{0,80}\bsubscribe\b",
        first="please to you want don't and or make subscribe sign signup register opt join",
        within="subscribe subscribing sign signing signup register thanks",
    ),
    _ask(
        "newsletter",
        r"^\W*(?:get|receive|have) .{1,120}\b(?:in|to|into|straight to|delivered to|via|by) your "
        rf"(?:free |daily |weekly )*(?:{_LIST}|e-?mail)",
        r"\bdelivered (?:straight |directly |right )?(?:to|into) your (?:e-?mail )?inbox",
        r"^\W*(?:enter|type) your e-?mail(?: address)?\b.{0,80}$",
        r"^\W*e-?mail address\W*(?:required)?\W*$|^\W*indicates required\W*$",
        rf"\bcheck out (?:my|our) (?:[\w-]+ ){{0,3}}{_LIST}\b",
        r"^\W*(?:there's also|and don't forget about|"
        r"don't forget about) the .{1,40} newsletter\b.{0,80}$",
        first="get receive have enter type email e-mail indicates there's and don't",
        within="delivered check",
    ),
    _ask(
        "newsletter",
        r"\bnewsletter (?:abonnieren|anmelden|bestellen)\b",
        r"\bunseren? (?:kostenlosen? |täglichen? )?newsletter\b.{0,60}\b(?:abonnieren|an)\b",
        r"\b(?:melden sie sich|abonnieren sie)\b.{0,60}newsletter",
        r"\b(?:inscrivez-vous|abonnez-vous|s'inscrire|s'abonner)\b.{0,60}"
        r"\b(?:newsletter|infolettre|lettre d'information)\b",
        r"^\W*recevez .{0,60}(?:newsletter|infolettre|boîte mail)",
        first="recevez",
        within="newsletter abonnieren melden inscrivez abonnez s'inscrire s'abonner",
    ),
    _ask(
        "newsletter",
        r"\b(?:suscr[íi]b(?:ete|ase|irse)|reg[íi]str(?:ate|ese)|apúntate|recib[ea]) .{0,60}"
        r"\b(?:newsletter|boletín|boletines|correo)\b",
        r"\b(?:iscriviti|iscrivetevi|ricevi)\b.{0,60}\b(?:newsletter|mail)\b",
        r"\b(?:assine|inscreva-se|cadastre-se|receba|subscreva)\b.{0,60}"
        r"\b(?:newsletter|boletim|e-mail)\b",
        within=(
            "suscríbete suscríbase suscribirse regístrate regístrese registrate apúntate recibe "
            "reciba iscriviti iscrivetevi ricevi assine inscreva cadastre receba subscreva"
        ),
    ),
    _ask(
        "newsletter",
        r"\b(?:schrijf je|meld je|abonneer|schrijf u|meld u)\b.{0,60}\b(?:nieuwsbrief|"
        r"newsletter)\b",
        r"\bzapisz się\b.{0,40}\b(?:newsletter|newslettera)\b",
        r"\bподпи(?:шитесь|сывайтесь|саться)\b.{0,40}\b(?:рассылк\w+|новост\w+)\b",
        r"\bbülten(?:imize|e)\b.{0,40}\b(?:abone|kayıt|kaydol)",
        r"اشترك في (?:نشرتنا|النشرة)",
        within=(
            "schrijf meld abonneer zapisz подпишитесь подписывайтесь подписаться bültenimize "
            "bültene اشترك"
        ),
    ),
    _ask(
        "appeal",
        r"(?:^\W*|[.!?:;] |please |consider |considering |by |can (?:also )?|help )(?:please )?"
        r"(?:support|supporting|fund|funding|sustain|donate to|donating to|contribute to|"
        r"contributing to|back|backing|help fund) (?:us\b|"
        rf"(?:our|my) (?:[\w-]+ ){{0,3}}{_OWN}\b|this (?:{_OWN}|newsletter)\b|"
        r"independent (?:journalism|media|news))",
        within=(
            "support supporting fund funding sustain donate donating contribute contributing "
            "back backing"
        ),
    ),
    _ask(
        "appeal",
        rf"(?:{_BEGIN}|to |and |or |today )(?:become|becoming|sign up as) (?:an? )?"
        rf"(?:[\w-]+ ){{0,4}}{_MEMBER}s?\b(?=.{{0,80}}\b(?:today|now|our|us|you|my)\b|[.!»→]?$)",
        within="become becoming members member",
    ),
    _ask(
        "appeal",
        r"\breader[- ](?:supported|funded) (?:publication|newsletter)\b",
        r"\b(?:listener|viewer|reader)-supported\b.{0,160}\b(?:donat|your gift|your support)",
        r"\bmade possible by .{0,60}\b(?:readers?|listeners?|donors?|supporters|members|viewers) "
        r"like you\b",
        r"\b(?:donations|contributions|support|generosity) (?:from|of) (?:our|its|my) "
        r"(?:readers|listeners|donors|members|supporters|viewers)\b"
        r"(?=.{0,200}\b(?:your|please|gladly accept|donate)\b)",
        within=(
            "reader-supported reader-funded reader listener-supported viewer-supported "
            "donations contributions generosity possible"
        ),
    ),
    _ask(
        "appeal",
        rf"{_BEGIN}(?:make|making|give|giving) (?:an? |your )?(?:[\w-]+ ){{0,3}}"
        r"(?:donation|contribution|gift)\b(?=(?: \w+){0,3} (?:today|now|here|to us|to our)\b|[.!]?$)",
        rf"{_BEGIN}(?:donate|donating|chip in|chipping in|pitch in|contribute)"
        r"(?: (?:now|today|here|online|what you can|via paypal|a few dollars|any amount))+",
        within="donation contribution gift donate donating chip chipping pitch contribute",
    ),
    _ask(
        "appeal",
        r"^\W*(?:please )?(?:donate|donate to us|join us today|support us|give now|give today|"
        r"chip in|become a (?:\w+ )?(?:member|supporter)|subscribe (?:now|today|for more))(?: \w+)?\W*$",
        r"^\W*thanks for watching\b.{0,20}\bsubscribe\b.{0,80}$",
        first="please donate support contribute give chip become subscribe join thanks",
    ),
    _ask(
        "appeal",
        r"\byour (?:[\w-]+ )?(?:support|donation|contribution|gift|membership|subscription) "
        r"(?:will |can |directly |also )?(?:helps?|makes?|allows?|enables?|funds?|ensures?|"
        r"keeps?|"
        r"goes|means|powers?) (?:us|our|keep|make|ensure|fund|this|it possible|directly|"
        r"a long|me)\b",
        within="support donation contribution gift membership subscription",
    ),
    _ask(
        "appeal",
        r"\bif you (?:\w+ ){0,2}(?:enjoy|enjoyed|like|liked|love|value|appreciate|found|find|"
        r"believe in|rely on|read)\b.{0,120}\b(?:consider|please|subscribe|donat\w+|buy me|"
        r"feel free to share|tip jar)\b(?=.{0,140}\b(?:us|our|my|me|subscrib\w+|share|it)\b)",
        r"\bif you'd like to (?:help )?(?:support|help) (?:us|me|my|our|the|this)\b"
        r".{0,140}\b(?:patreon|ko-fi|paypal|donat\w+)",
        within="if",
    ),
    _ask(
        "appeal",
        r"(?:^\W*|[.!?:;] |please |consider |can |could |to )buy(?:ing)? (?:me|"
        r"us) a (?:coffee|beer)\b",
        r"^\W*https?://\S*(?:ko-fi|buymeacoffee|"
        r"patreon)\.com/\S*$",
        r"(?:^\W*|[.!?] |please |can |also )(?:support|join|become|back|find) "
        r"(?:me|us|this \w+|the \w+|my \w+)\b.{0,60}"
        r"\b(?:patreon|ko-fi|paypal|liberapay|github sponsors|open collective)\b",
        first="https http",
        within="coffee beer patreon ko-fi paypal liberapay sponsors collective",
    ),
    _ask(
        "appeal",
        r"\bwe (?:rely|depend) (?:entirely |solely |heavily )?on (?:your|our readers|readers|"
        r"donations from|contributions from|the (?:support|generosity))",
        r"\b(?:we (?:can't|cannot|can not|couldn't) do (?:it|this) (?:alone|without you)|"
        r"we need your (?:help|support))\b(?=.{0,160}\b(?:journalis|donat|support|report|"
        r"newsroom))",
        within="rely depend can't cannot need couldn't",
    ),
    _ask(
        "appeal",
        r"^\W*(?:unterstützen sie (?:uns|unsere(?:n)? (?:arbeit|journalismus))|unterstütze uns|"
        r"jetzt (?:spenden|abonnieren|abonnent werden|mitglied werden|unterstützen)|spenden sie|"
        rf"werden sie (?:mitglied|unterstützer|abonnent)|mit (?:ihrer|deiner) spende)\b{_REST}",
        first="unterstützen unterstütze jetzt spenden werden mit",
    ),
    _ask(
        "appeal",
        r"^\W*(?:faites un don|soutenez(?:-nous| notre| la presse| le journalisme|-le)|"
        r"abonnez-vous|"
        r"devenez (?:membre|abonné|donateur)|je (?:fais un don|m'abonne|soutiens)|"
        rf"votre (?:don|soutien))\b{_REST}",
        first="faites soutenez abonnez devenez je votre",
    ),
    _ask(
        "appeal",
        r"^\W*(?:haz(?:te)? (?:una donación|un donativo|soci[oa]|tu aporte)|"
        r"don[ae] (?:ahora|hoy|aquí)|apoya (?:nuestro|el periodismo|a nuestro|nuestra)|"
        rf"suscríb(?:ete|ase)|tu (?:donación|apoyo|aporte))\b{_REST}",
        first="haz hazte dona done apoya suscríbete suscríbase tu",
    ),
    _ask(
        "appeal",
        r"^\W*(?:fai una donazione|sostieni(?:ci| il nostro| il giornalismo| l'informazione)|"
        r"abbonati|dona (?:ora|adesso)|diventa (?:socio|sostenitore|abbonato)|"
        rf"il tuo (?:contributo|sostegno))\b{_REST}",
        r"^\W*(?:faça uma doação|apoie (?:o nosso|nosso|o jornalismo|a nossa|nossa)|"
        r"doe (?:agora|hoje|já)|assine (?:já|agora|o jornal|a revista)|"
        rf"(?:torne-se|seja) (?:assinante|membro|apoiador))\b{_REST}",
        first="fai sostieni sostienici abbonati dona diventa il faça apoie doe assine torne-se seja",
    ),
    _ask(
        "appeal",
        r"^\W*(?:steun (?:ons|onze)|doneer (?:nu|vandaag|aan)|"
        rf"word (?:lid|donateur|abonnee|vriend)|abonneer je)\b{_REST}",
        r"^\W*(?:wesprzyj (?:nas|nasze|naszą)|wspieraj (?:nas|nasze)|przekaż (?:darowiznę|nam)|"
        rf"zostań (?:patronem|subskrybentem))\b{_REST}",
        first="steun doneer word abonneer wesprzyj wspieraj przekaż zostań",
    ),
    _ask(
        "appeal",
        r"^\W*(?:поддержите (?:нас|наш\w*|редакцию|независим\w+)|сделайте пожертвование|"
        rf"оформите (?:подписку|пожертвование)|ваше пожертвование|підтримайте (?:нас|"
        rf"наш\w*))\b{_REST}",
        r"^\W*(?:bize destek ol\w*|bağış yap\w*|gazeteciliğimizi destekle\w*|abone ol(?:un)?)\b"
        rf"{_REST}|^\W*(?:تبرع الآن|ادعم (?:صحافتنا|عملنا|الصحافة)|ادعمونا){_REST}",
        first=(
            "поддержите сделайте оформите ваше підтримайте bize bağış gazeteciliğimizi abone "
            "تبرع ادعم ادعمونا"
        ),
    ),
    _ask(
        "appeal",
        r"^\W*(?:(?:have you|do you have|have|got) (?:an?|any|some) (?:[\w-]+ )?(?:tips?|stor(?:y|ies)|"
        r"leads?|scoops?|photos?|information)|know (?:something|more)|do you know more)\b.{0,60}\?.{0,40}"
        r"\b(?:e-?mail|contact|write|send|text|call|reach|message|tell|let) (?:us|our|me|it|them)\b.{0,160}$",
        first="have do got know",
    ),
    _ask(
        "ad",
        r"\b\d+% off\b.{0,120}\b(?:promo )?code\b|\bfree shipping\b.{0,120}\bgo to https?://",
        within="code shipping",
    ),
    _ask(
        "app",
        r"^\W*(?:you can )?(?:download|get|install|try) (?:our (?:[\w'-]+ ){0,3}apps?\b|"
        r"(?:the|[\w-]+'s) (?:[\w'-]+ ){0,3}apps?\b(?=\W*$|.*\b(?:free|today|now|here|ios|"
        r"android|"
        r"google play|app store|phone|news)\b)).{0,120}(?<!:)$",
        r"^.{0,80}\bavailable (?:now )?(?:on|in|from) (?:the )?(?:app store|google play|"
        r"apple app)"
        r".{0,80}$",
        first="you download get install try",
        within="available",
    ),
    _ask(
        "app",
        r"^\W*(?:you can (?:also )?)?(?:follow|find|join|like|connect with|add) "
        r"(?:us|me|our (?:page|channel|group|community)|@\w+) (?:on|at|over on|in) "
        rf"{_NETWORK}\b.{{0,120}}$",
        rf"^\W*follow [\w'& ]{{2,40}} on {_NETWORK}(?:(?:,| and| &) {_NETWORK})*\W*$",
        r"^\W*(?:follow|join) (?:us|me) (?:on|for)\b.{0,60}$",
        rf"^\W*(?:join|follow) (?:our|the) {_NETWORK} (?:channel|group|community|"
        rf"server).{{0,100}}$",
        first="you follow find join like connect add",
    ),
    _ask(
        "app",
        r"^\W*(?:folgen sie uns|folge uns|suivez-nous|síguenos|síganos|seguici|siga-nos|volg ons|"
        r"obserwuj nas|śledź nas|bizi takip edin|följ oss)\b.{0,120}$",
        r"^\W*(?:laden sie (?:sich )?unsere|téléchargez (?:notre|l')|"
        r"descarga(?:te)? (?:nuestra|la)|descargue (?:nuestra|la)|scarica (?:la nostra|l')|"
        r"baixe (?:nosso|o)|download onze|pobierz nasz\w*).{0,30}"
        r"\b(?:app|aplicaci[óo]n|application|aplikacj\w+|applicazione|aplicativo)\b.{0,80}$",
        r"^\W*uygulamamızı indir.{0,60}$|^\W*(?:подписывайтесь|подпишитесь|читайте нас) "
        r"(?:на наш|в|на)\W?.{0,60}(?:telegram|телеграм|канал|viber|вконтакте|дзен|max).{0,60}$",
        first=(
            "folgen folge suivez síguenos síganos seguici siga-nos volg obserwuj śledź bizi "
            "följ laden téléchargez descarga descárgate descargue scarica baixe pobierz "
            "uygulamamızı подписывайтесь подпишитесь читайте download"
        ),
    ),
)

UNSPACED = re.compile(
    r"(?P<newsletter>メルマガ(?:登録|を購読)|ニュースレター(?:に登録|を購読)|订阅我们的|訂閱(?:我們|電子報)|"
    r"뉴스레터 구독)|(?P<appeal>(?:ご支援|ご寄付|寄付)を?(?:お願い|ください)|今すぐ寄付|"
    r"(?:私たち|当社|編集部|本紙).{0,16}(?:ご支援|ご寄付|寄付)|(?:ご支援|ご寄付|寄付).{0,6}(?:私たち|編集部)の|"
    r"(?:请|請).{0,4}(?:捐款|赞助|贊助|捐助|订阅|訂閱)|捐款支持|支持我们的(?:工作|报道)|"
    r"(?:我们|我們).{0,12}(?:读者|讀者).{0,6}(?:支持|捐)|"
    r"支持我們的|加入(?:我们的)?会员|저희.{0,16}후원|후원(?:하기|해 주세요))|"
    r"(?P<app>アプリをダウンロード|下载(?:我们的)?(?:app|客户端)|"
    r"앱 다운로드)"
)
"""Wordings in scripts without spaces; the group names the kind."""
NEEDS_UNSPACED = re.compile("[\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7af]")


def _lookup(stems_of: Callable[[Ask], frozenset[str]]) -> dict[str, tuple[int, ...]]:
    stems = {stem for ask in ASKS for stem in stems_of(ask)}
    return {s: tuple(n for n, ask in enumerate(ASKS) if s in stems_of(ask)) for s in stems}


BY_FIRST = _lookup(lambda ask: ask.first)
"""Stem of a line's first word to the indices in ``ASKS`` that may begin so."""
BY_WORD = _lookup(lambda ask: ask.within)
"""Stem of a word to the indices in ``ASKS`` that may hold it."""
