"""The words of ``pleas``, by topic. Compared by their first letters, so one form stands for its family."""

from __future__ import annotations


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


US = """
vi vårt oss hos nekünk minket noi nostru nám naše náš meille me meidän
we we're we've we'll we'd us our ours my me ourselves
wir uns unser unsere unseren unserer unserem
nous notre nos
nosotros nosotras nuestro nuestra nuestros nuestras
noi nostro nostra nostri nostre
nós nosso nossa nossos nossas
wij ons onze
nas nasz nasze nasza naszej nam nami
мы нас нам наш наша наше наши нашу нашей нами ми нашого
biz bize bizim bizi
vi oss vår våra vårt vores os
εμάς μας
لنا نحن صحافتنا عملنا
"""

READER = """
dej vás vám vaši váš ti neked önök ön dumneavoastră tine vă sinä teidän sinun sizsiz te ty
you your you're yours yourself
du dein deine deinen dir dich ihnen
vous votre vos
tú usted ustedes contigo
tuo tua voi vostro vostra
você vocês teu
jij jouw uw jullie
twój twoja twoje ciebie wasze
вы вас вам ваш ваша ваше ваши вами тебя вашей ви вашу
siz sizin size
dig din ditt du
σας
دعمكم تبرعكم مساهمتكم
"""

MONEY = """
sponsor money budget tax-deductible advertising advertisement
geld werbung spender dinero publicidad donante donantes denaro pubblicità dinheiro publicidade publicité
argent
pieniądze reklam деньги рекламы реклама para reklam pengar annonser dar příspěvek adomány előfizetés donație
abonament lahjoitus tilaa δωρεά συνδρομή
donation donations donate donating donor donors gift gifts give giving contribute contribution contributing
member members membership subscribe subscriber subscription pay pays paid afford dollar dollars euro euros
sponsor patron patreon pledge paywall shareholder shareholders billionaire fundraiser chip backer
spende spenden spendet abo abonnent abonnement mitglied zahlen beitrag
don dons abonnement abonné abonnez membre donateur
donación donativo socio socios suscriptor suscríbete suscripción dona
donazione contributo abbonati abbonamento socio
doação contribuição assinante assine
donatie doneer lid abonnee
darowizna darowizny subskrypcja patronem
пожертвование пожертвования пожертвуйте подписку подписка платёж платеж донат донаты пожертви внесок
bağış abone
gåva donera prenumerera medlem
تبرع تبرعوا التبرع
"""

HELP = """
keep keeps keeping need needs
brauchen braucht ayuda ayúdanos aiuta aiuto ajuda aide aidez besoin necesita necesitamos bisogno
помогите помочь нужна нужны помощь hulp nodig pomoc pomóż potrzebujemy yardım hjälp hjelp behöver
podpora podpořte
pomozte támogatás sprijin tuki tukea στήριξη υποστήριξη ساعدوا
support supporter supporters supported fund funded funding owner owners amount spare free help helps helping
generous generosity double impact cost costs expensive month monthly hope
unterstützen unterstützung unterstütze monat kostet frei fördern förderer helfen hilfe hoffnung
soutenir soutien soutenez mois gratuit espoir
apoyo apoya mes dueño dueños aportación colabora cuota esperanza
sostenere sostieni sostegno mese gratuito speranza
apoio apoie apoiador mês
steun steunen maand gratis hoop
wesprzyj wsparcie wspieraj miesięcznie nadzieję
поддержите поддержка поддержку поддержке месяц ежемесячный надежду підтримайте підтримка надію помощь
допомога
destek aylık umut
stöd stöda stötta bidrag månad hopp
دعم دعمكم
"""

CRAFT_WHOLE = """
reporting reporter reporters reporterin investigative newsrooms reportero reporteros reporteras
repórteres reportrar
reporterzy reporterek reportages correspondents investigations journal
"""

CRAFT = """
verslaggevers verslaggeving onafhankelijke oberoende журналистских расследования репортёры репортёров
dziennikarska muhabirler muhabir gazetesi inviati uafhængig uavhengig
novinářů novináři žurnalistika nezávislá nezávislé újságírás újságíró független jurnalism jurnaliști
journalismi toimittajat riippumaton δημοσιογραφία ανεξάρτητη الصحافة صحافة صحيفة ومستقلة صحفيون تقاريرنا
journalism journalist journalists newsroom newspaper fearless
journalismus journalisten journalistinnen redaktion berichterstattung recherchieren falschmeldungen
unabhängig unabhängigen zeitung
journalisme journalistes rédaction
periodismo periodistas redacción bulos
giornalismo giornalisti giornale redazione inchieste
jornalismo jornalistas jornal redação
journalistiek journalisten redactie onafhankelijk krant
dziennikarstwo dziennikarzy dziennikarze redakcja niezależne
журналистика журналистики журналистов журналистам независимая независимые
журналістика журналістів незалежна
gazetecilik gazeteci bağımsız
journalistik journalister oberoende tidning
صحافتنا الصحافة مستقلة صحفيين
"""

WORK = """
press independent independence editor editors editorial rumours bureaus publisher presse prensa stampa
imprensa
indépendant indipendente independiente редакция
freedom evidence lies
freiheit enquêtes liberté libertad libertà liberdade свободу vrijheid wolność özgürlük frihet
pravda pravdu demokracie igazság demokrácia adevăr democrația totuus demokratia αλήθεια δημοκρατία
الحقيقة الديمقراطية القراء
news story stories truth truthful fact facts media democracy read reads readers reader article articles
podcast
site website magazine publish publication fake coverage writers writing report
reports work
recherche recherchen artikel text leser leserinnen wahrheit fakten demokratie nachrichten
reportage enquête lecteurs lectrices vérité démocratie nouvelles info informer média médias article
lectores lectoras verdad democracia información noticias medio
lettori verità democrazia notizie informazione
leitores verdade democracia notícias
lezers waarheid democratie nieuws
czytelnicy czytelników prawda demokrację demokracja
читатели читателям читателей читателями правда демократию демократия новости статья
читачі демократію новини
haber okurlar demokrasi demokrasiyi
läsare sanning demokratin demokrati nyheter
"""

MAIL = """
newsletter newsletters inbox unsubscribe signup mailing
infolettre postfach boletín boletin correo nieuwsbrief рассылка рассылку newslettera bülten
"""

TOLD = """
said says told asked asks announced according wrote writes urged urges shouted chanted declared added
replied explained claimed insisted appealed testified sang reported reportedly quoted whispered cried
sagt sagte sagten teilte erklärte laut hieß stellt
dit disait disent déclaré selon lançait affirme affirmé raconte expliqué refusé
dijo decía dijeron según afirmó declaró explicó
detto disse secondo dichiarato spiegato
disse diz segundo afirmou declarou
zei zegt aldus volgens vertelde
powiedział powiedziała mówi według twierdzi
сказал сказала сказали заявил заявила заявили сообщил сообщила сообщили рассказал словам сказав заявив
dedi söyledi göre açıkladı
sade säger enligt berättade
"""

DISTANT = """
he she his her him hers they their was were had did went kept became came took
ihm hatte waren wurde wurden
elle ils elles était avait ont
era fue había habían eran ella ellos
lei loro erano aveva
ele ela eles foi tinha
hij zij werd waren
był była było byli miał
он она они его её их был была были было
"""

ASKS = _set(
    "donate subscribe contribute consider protect defend sustain participate sponsor rescue pledge"
)
"""English words that ask at the start of a sentence; other words with the same ending do not."""

ASKS_YOU = _set(
    """
    unterstütze unterstützt spende spendet rette werde werdet abonniere abonniert fördere schenke hilf helft
    únete únase únanse súmate súmese hazte hágase haz haga dona done apoya apoye colabora colabore salva
    defiende protege suscríbete suscríbase ayuda ayúdanos ayude regala regale ven venga participa aporta
    conviértete comparte contribuye inscríbete regístrate apúntate
    sostieni sostienici unisciti abbonati abbonatevi aiuta aiutaci difendi diventa proteggi vieni partecipa
    contribuisci iscriviti fai salva regalaci
    apoie assine ajude defenda salve proteja venha participe contribua colabore faça inscreva cadastre
    torne junte doe
    steun doneer geef sluit bescherm meld abonneer draag
    wesprzyj wspieraj wspomóż dołącz przyłącz ocal podaruj zostań wpłać pomóż przekaż broń dorzuć zapisz
    stöd stötta rädda prenumerera donera bidra hjälp försvara följ bli skänk støtt støt hjelp hjælp giv gi
    podpořte přispějte přidejte pomozte támogasd támogassa csatlakozz segíts sprijină susține donează
    alăturați tue lahjoita liity υποστηρίξτε στηρίξτε γίνετε
    تبرع تبرعوا ادعم ادعموا ادعمونا انضم انضموا اشترك اشتركوا ساعدوا ساعدونا أنقذوا شاركوا ساهموا
    """
)
"""The same in languages whose imperative is a form of its own: it addresses the reader."""

ASK_PAIRS: dict[str, frozenset[str]] = {
    first: _set(seconds)
    for first, seconds in {
        "add": "your",
        "back": "us our the independent this",
        "be": "part the a one",
        "become": "a an part our one",
        "buy": "me us",
        "champion": "independent the our",
        "chip": "in",
        "choose": "an your how",
        "click": "here",
        "come": "aboard join with",
        "count": "me",
        "don't": "miss",
        "enter": "your",
        "fund": "the our us this independent",
        "ge": "hopp en",
        "get": "the our",
        "join": "us the our them today now",
        "mach": "mit",
        "make": "a your an it",
        "pay": "us what it",
        "pitch": "in",
        "power": "our independent the",
        "red": "de het",
        "sei": "dabei",
        "sign": "up me on",
        "spare": "a us",
        "stand": "with up by",
        "stay": "informed connected",
        "step": "up",
        "strengthen": "our independent",
        "take": "part",
        "type": "your",
        "var": "med",
        "word": "lid donateur vriend abonnee",
        "yes": "i",
        "your": "email",
    }.items()
}
"""First words that ask with one of these after them."""

ASK_BUT: dict[str, frozenset[str]] = {
    first: _set(seconds)
    for first, seconds in {
        "give": "or and way him her them",
        "help": "is was came wanted for from with and",
        "join": "in forces",
        "keep": "in the to up that",
        "save": "for that",
        "support": "for from among is was has staff services group groups in and",
    }.items()
}
"""First words that ask unless one of these is after them."""

ASKS_SIE = _set(
    """
    unterstützen spenden machen helfen fördern retten schützen seien werden schenken geben sichern
    abonnieren stärken verteidigen kommen bleiben zahlen tragen
    """
)
"""German words that ask when "Sie" is after them."""

LAST_ASKS = "olun|edin|katılın|kurtarın|destekleyin|yapın|koruyun|savunun|verin|bağışlayın"
"""Turkish asks at the end of the sentence."""

NEEDS = (
    r"we need your (?:help|support)|brauchen wir (?:ihre|deine|eure|dich|sie)|besoin de (?:vous|votre)|"
    r"necesitamos (?:tu|su)\b|abbiamo bisogno (?:di|del)|precisamos (?:de você|do seu)|"
    r"нужна ваша (?:помощь|поддержка)|потрібна ваша|potrzebujemy (?:twoje|twoj|wasze)"
)
"""Requests that are no imperative."""

NO_ASKS = frozenset({"chez", "assez"})
"""Words with the ending of an imperative that are none."""

AFTER_EZ = _set(
    "nous vous le la les l un une notre nos votre vos dès à de en au avec part ce cet cette"
) | {""}
"""What may follow a French imperative: names ("Sánchez") end like it."""
