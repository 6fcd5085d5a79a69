"""The words of ``pleas``, by topic. Compared by their first letters, so one form stands for its family."""

from __future__ import annotations

US = """
we we're we've we'll us our ours my me ourselves
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
donation donations donate donating donor donors gift gifts give giving contribute contribution contributing
member members membership subscribe subscriber subscription pay pays paid afford dollar dollars euro euros
sponsor patron patreon pledge paywall shareholder shareholders billionaire fundraiser chip backer reader-funded
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
support supporter supporters supported fund funded funding owner owners amount spare free help helps helping
generous generosity double impact cost costs expensive month monthly hope
unterstützen unterstützung unterstütze monat kostet frei fördern förderer helfen hilfe hoffnung
soutenir soutien soutenez mois gratuit espoir
apoyo apoya mes dueño dueños aportación colabora cuota esperanza
sostenere sostieni sostegno mese gratuito speranza
apoio apoie apoiador mês
steun steunen maand gratis hoop
wesprzyj wsparcie wspieraj miesięcznie nadzieję
поддержите поддержка поддержку поддержке месяц ежемесячный надежду підтримайте підтримка надію помощь допомога
destek aylık umut
stöd stöda stötta bidrag månad hopp
دعم دعمكم
"""

CRAFT = """
journalism journalist journalists reporting reporter reporters correspondent correspondents newsroom newspaper
editor editors editorial press independent independence paywall fearless rumours investigations
journalismus journalisten journalistinnen reporter redaktion berichterstattung recherchieren falschmeldungen
unabhängig unabhängigen presse zeitung
journalisme journalistes presse rédaction reporters enquêtes indépendant journal
periodismo periodistas prensa redacción independiente bulos reportajes
giornalismo giornalisti giornale stampa redazione inchieste indipendente
jornalismo jornalistas jornal imprensa redação independente
journalistiek journalisten redactie onafhankelijk krant
dziennikarstwo dziennikarzy dziennikarze redakcja niezależne
журналистика журналистики журналистов журналистам редакция редакции редакцию независимая независимые
журналістика журналістів незалежна
gazetecilik gazeteci bağımsız
journalistik journalister oberoende tidning
صحافتنا الصحافة مستقلة صحفيين
"""

WORK = """
news story stories truth truthful fact facts media democracy read reads readers reader article articles podcast
site website magazine publish publication investigate investigation fake coverage writers writing report
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
newsletter newsletters inbox subscribe unsubscribe signup mailing
infolettre postfach boletín boletin correo nieuwsbrief рассылка рассылку newslettera bülten
"""

TOLD = """
said says say told asked asks announced according wrote writes urged urges shouted chanted declared added
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
he she his her him hers they their was were had did
ihm hatte waren wurde wurden
elle ils elles était avait ont
era fue había habían eran ella ellos
lei loro erano aveva
ele ela eles foi tinha
hij zij werd waren
był była było byli miał
он она они его её их был была были было
"""

ASKS = frozenset(
    "donate subscribe contribute consider protect defend sustain participate".split(" ")
)
"""English words that ask at the start of a sentence; other words with the same ending do not."""

ASKS_YOU = frozenset(
    (
        "unterstütze spende rette werde abonniere fördere schenke hilf "
        "únete súmate hazte haz dona apoya colabora salva defiende suscríbete ayuda ayúdanos regala "
        "sostieni unisciti abbonati aiutaci difendi diventa apoie assine ajude defenda salve "
        "steun doneer geef wesprzyj wspieraj dołącz ocal podaruj zostań wpłać pomóż przekaż "
        "stöd stötta rädda prenumerera donera bidra "
        "تبرع تبرعوا ادعم ادعموا ادعمونا انضم اشترك"
    ).split(" ")
)
"""The same in languages whose imperative is a form of its own: it addresses the reader."""

ASK_PAIRS: dict[str, frozenset[str]] = {
    first: frozenset(seconds.split())
    for first, seconds in {
        "back": "us our the independent this",
        "be": "part the a",
        "become": "a an part our",
        "buy": "me us",
        "chip": "in",
        "click": "here",
        "doe": "mee agora hoje já",
        "don't": "miss",
        "enter": "your",
        "fund": "the our us this independent",
        "get": "the our",
        "ge": "hopp en",
        "help": "us keep fund support our make save ons mee",
        "invest": "in",
        "join": "us the our them today now",
        "junte": "se",
        "torne": "se",
        "keep": "us our independent this journalism news it the",
        "mach": "mit",
        "make": "a your an it",
        "pitch": "in",
        "pledge": "your a",
        "red": "de het",
        "sei": "dabei",
        "sign": "up me",
        "spare": "a us",
        "stand": "with",
        "stay": "informed connected",
        "take": "part",
        "var": "med",
        "word": "lid donateur vriend abonnee",
        "your": "email",
        "yes": "i",
    }.items()
}
"""First words that ask with one of these after them."""

ASK_BUT: dict[str, frozenset[str]] = {
    first: frozenset(seconds.split())
    for first, seconds in {
        "give": "or and way",
        "join": "in forces",
        "save": "for that",
        "support": "for from among is was has staff services group groups in and",
    }.items()
}
"""First words that ask unless one of these is after them."""

ASKS_SIE = frozenset(
    (
        "unterstützen spenden machen helfen fördern retten schützen seien werden schenken geben sichern "
        "abonnieren stärken verteidigen"
    ).split(" ")
)
"""German words that ask when "Sie" is after them."""

LAST_ASKS = "olun|edin|katılın|kurtarın|destekleyin|yapın"
"""Turkish asks at the end of the sentence."""

NEEDS = (
    r"we need your (?:help|support)|brauchen wir (?:ihre|deine|eure|dich|sie)|besoin de (?:vous|votre)|"
    r"necesitamos (?:tu|su)\b|abbiamo bisogno (?:di|del)|precisamos (?:de você|do seu)|"
    r"нужна ваша (?:помощь|поддержка)|потрібна ваша|potrzebujemy (?:twoje|twoj|wasze)"
)
"""Requests that are no imperative."""

NO_ASKS = frozenset({"chez", "assez", "nez", "rez"})
"""Words with the ending of an imperative that are none."""
