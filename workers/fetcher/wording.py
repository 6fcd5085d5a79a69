"""How boilerplate is worded, in the languages that news feeds use most.

Every pattern is for one line of lower-case text with straight apostrophes. Precision goes first: in English,
where an imperative looks like any other verb, a pattern needs the reader or the publisher in it as well.
"""

from __future__ import annotations

import re

MAX_LINE = 500
"""Longer blocks are prose; no wording alone makes them boilerplate."""


def _whole(*alternatives: str) -> re.Pattern[str]:
    return re.compile(rf"^\W*(?:{'|'.join(alternatives)})\W*$")


def _start(*alternatives: str) -> re.Pattern[str]:
    return re.compile(rf"^\W*(?:{'|'.join(alternatives)})")


def _any(*alternatives: str) -> re.Pattern[str]:
    return re.compile("|".join(alternatives))


_COMMENT = (
    r"(?:comments?|repl(?:y|ies)|responses?|kommentare?|commentaires?|comentarios?|comentários?|commenti?|"
    r"reacties?|komentarz[ey]?|комментари\w+|коментар\w+|yorum(?:lar)?|コメント|评论|評論|댓글)"
)
_COUNTED = (
    r"(?:views?|shares?|likes?|reads?|tweets?|points?|votes?|words?|aufrufe|vues|visitas|vistas|visualizzazioni|"
    r"visualizações|weergaven|wyświetle\w+|просмотр\w*|görüntülenme|閲覧|浏览|阅读)"
)
_MINUTES = (
    r"(?:min(?:ute)?s?\.?[- ]read(?:ing)?(?: time)?|min(?:ute)?s?\.? to read|min(?:uten?)? (?:lesezeit|leestijd)|"
    r"min(?:utes?)? de lecture|min(?:utos?)? de (?:lectura|leitura)|min(?:uti)? di lettura|dk\.? okuma|"
    r"мин\w* чтения|min\w* czytania|分で読めます|分钟阅读|분 읽기)"
)
_AGO = (
    r"(?:\d+|an?|one) ?(?:s|m|h|d|sec(?:ond)?s?|min(?:ute)?s?|hours?|hrs?|days?|weeks?) ago|"
    r"vor (?:\d+|einer?m?) (?:sekunden?|minuten?|stunden?|tag(?:en)?|wochen?)|"
    r"il y a (?:\d+|une?) (?:secondes?|minutes?|heures?|jours?|semaines?)|"
    r"h(?:ace|á) (?:\d+|una?|uma?) (?:segundos?|minutos?|horas?|d[ií]as?|semanas?)|"
    r"\d+ (?:second[io]|minut[io]|or[ae]|giorn[io]|settiman[ae]) fa|\d+ (?:minuten|uur|uren|dagen) geleden|"
    r"\d+ (?:minut\w*|godzin\w*|dni) temu|\d+ (?:минут\w*|час\w*|дн\w+|день) назад|\d+ (?:dakika|saat|gün) önce|"
    r"\d+ ?(?:分|時間|日)前|\d+ ?(?:分钟|小时|天)前|\d+ ?(?:분|시간|일) 전|قبل \d+ (?:دقيقة|ساعة|ساعات)"
)
_NUMBER = r"\d[\d.,]*\s?[kmк]?"
_STAMP = r"(?:last )?(?:updated|published|posted|modified|aktualisiert|mis à jour|actualizado|aggiornato|güncellendi)"

COUNTER = _whole(
    rf"{_NUMBER} ?{_COMMENT}(?: on .{{1,120}})?", rf"{_COMMENT}:? ?\(?{_NUMBER}\)?", rf"{_NUMBER} ?{_COUNTED}",
    rf"{_COUNTED}:? ?\(?{_NUMBER}\)?", rf"(?:~?{_NUMBER}|one) ?{_MINUTES}(?:\W+~?{_NUMBER} words)?",
    r"(?:reading time|lesezeit|temps de lecture|tiempo de lectura|tempo di lettura|leestijd|время чтения)\W+"
    r"(?:about |ca\.? )?\d+ ?min\w*\.?", rf"(?:{_STAMP}:? )?(?:{_AGO})",
    rf"(?:{_NUMBER} ?(?:{_COUNTED}|{_COMMENT})\W*){{2,6}}", r"(?:article|comments) url: https?://\S+",
)  # fmt: skip
"""A line that only counts: comments, views, minutes, hours ago."""

TRAILING_COUNTER = re.compile(
    rf"(?:(?<=[.!?…»\"'”)])|[|·•(\[–—-])\s*(?:{_NUMBER} ?(?:{_COMMENT}|{_COUNTED})|\d+ ?{_MINUTES}|"
    rf"(?:{_STAMP}:? )?(?:{_AGO}))\s*[)\]]?$",
    re.IGNORECASE,
)
STAMPED_AGO = re.compile(rf"\b{_STAMP}:? (?:{_AGO})|\d+ ?{_MINUTES}", re.IGNORECASE)

COMMENTS = _whole(
    r"(?:no|leave an?|add(?: an?| your)?|post an?|view(?: all)?|show(?: all)?|read(?: all)?|see(?: all)?|write an?|"
    rf"join the) (?:comments?|repl(?:y|ies)|conversation|discussion){r'(?: on .{1,120})?'}",
    r"comments", r"comments (?:are )?(?:closed|off|disabled)(?: (?:on|for) .{1,120})?", r"\[?link\]?\W+\[?comments\]?",
    r"(?:kommentar schreiben|kommentieren|laisser un commentaire|deja un comentario|dejar un comentario|"
    r"lascia un commento|deixe um comentário|plaats een reactie|dodaj komentarz|оставить комментарий|yorum yap)",
)  # fmt: skip

_MORE_EXACT = (
    r"(?:\[?(?:…|\.\.\.)\]?\s*)?(?:\(more(?:…|\.\.\.)?\)|(?:click here to )?(?:continue|keep) reading|"
    r"(?:click here to )?read (?:more|on|it here|(?:the )?(?:rest|full|whole|entire|complete|original)"
    r"(?: of (?:this|the))?(?: (?:article|story|post|entry|report|review|interview|text|here))*)(?: here)?|"
    r"(?:view|see|visit) (?:the )?(?:full|original|whole|complete) (?:article|story|post|entry|report)|"
    r"(?:see|view|show|learn|find out) more|full (?:story|article)|more details|more(?: here)?|click here|"
    r"(?:hier |jetzt )?weiterlesen|mehr lesen|(?:den )?(?:ganzen|vollständigen) artikel lesen|zum artikel|"
    r"lire (?:la suite|plus|l'article)|en savoir plus|lisez la suite|"
    r"(?:leer|ver|lee|saber) más|(?:seguir|sigue|continuar) leyendo|leer la nota completa|leer noticia completa|"
    r"leggi (?:tutto|l'articolo|di più|ancora)|continua a leggere|continua|scopri di più|"
    r"(?:leia|ler|saiba|veja) mais|continue (?:a ler|lendo)|continuar (?:a ler|lendo)|"
    r"(?:lees|lezen?) (?:meer|verder)|(?:czytaj|zobacz) (?:więcej|dalej)|więcej|(?:читать|читайте) (?:далее|полностью|дальше)|"
    r"подробнее|читати далі|devamını oku|devamı|haberin devamı|läs (?:mer|hela artikeln)|læs mere|les mer|lue lisää|číst (?:dále|dál|více)|"
    r"tovább(?: olvasom)?|citește (?:mai mult|mai departe|continuarea)|διαβάστε περισσότερα|اقرأ المزيد|المزيد|ادامه مطلب|"
    r"קרא עוד|המשך לקרוא|और पढ़ें|続きを読む|もっと読む|全文を読む|阅读更多|继续阅读|阅读全文|閱讀更多|繼續閱讀|閱讀全文|"
    r"더 ?보기|계속 읽기|baca selengkapnya|xem thêm|đọc tiếp)"
)
READ_MORE = _whole(_MORE_EXACT)
READ_MORE_START = _start(
    r"(?:continue reading|read (?:more|the (?:full|rest|original|whole))|keep reading|weiterlesen|lire la suite|"
    r"(?:seguir|sigue|continuar) leyendo|leer más|continua a leggere|leggi tutto|leia mais|lees (?:meer|verder)|"
    r"czytaj (?:więcej|dalej)|читать далее|devamını oku|続きを読む)(?=\W|$)"
)
READ_MORE_TAIL = re.compile(
    rf"(?:\s*(?:\[(?:…|\.\.\.)\]|…|\.\.\.)|(?<=[.!?:\]”\"'»]))\s*[\[(]?(?:{_MORE_EXACT})\s*(?:»|›|→|>{{1,3}}|…|\.{{1,3}})?[\])]?$",
    re.IGNORECASE,
)
CUT_OFF = re.compile(r"(?:\[\s*(?:…|\.{3}|&hellip;)\s*\]|…|(?<!\.)\.{3}|\(more(?:…|\.{3})?\))\W*$")
"""How a text ends that was cut off."""

ALSO_START = _start(
    r"(?:(?:also|must|further) read|read (?:also|next)|related(?: (?:article|story|post|news))?|see also|more on this|"
    r"watch (?:also|now)|recommended|lesen sie (?:auch|mehr)|mehr zum thema|lire aussi|à lire aussi|lea (?:también|más)|"
    r"te puede interesar|lee también|leggi anche|leia (?:também|ainda)|veja também|lees ook|czytaj (?:też|także|również)|"
    r"zobacz (?:też|także)|читайте також|читайте также|смотрите также|ayrıca oku\w*|citește și|läs också|baca juga|"
    r"اقرأ أيضا|关联阅读|相关阅读|相關新聞|関連記事)\s*[:：|–—-]"
)
RELATED_HEAD = _whole(
    r"related(?: (?:articles?|posts?|stories|news|content|links|reading|coverage|topics))?", r"(?:you (?:may|might) also (?:like|enjoy|be interested in))",
    r"(?:more|also) (?:from|on|in) .{1,40}", r"recommended(?: (?:stories|articles|reading|for you))?", r"trending(?: now)?",
    r"most (?:read|popular|viewed)", r"read (?:also|next)", r"also read", r"see also", r"top stories", r"editor'?s' picks?",
    r"mehr zum thema|das könnte sie (?:auch )?interessieren|ähnliche (?:artikel|beiträge)", r"(?:à )?lire aussi|articles? (?:similaires?|liés?)|sur le même sujet",
    r"(?:noticias|artículos|entradas) relacionad[oa]s|te puede interesar|también te puede interesar|lea también|lee también",
    r"leggi anche|articoli correlati|potrebbe interessarti", r"leia (?:também|mais)|veja também|(?:artigos|posts|notícias) relacionad[oa]s",
    r"lees ook|gerelateerde (?:artikelen|berichten)", r"czytaj (?:też|także|również)|powiązane artykuły|zobacz także",
    r"читайте также|похожие (?:записи|статьи)|ещё по теме|смотрите также", r"ilgili haberler|benzer (?:haberler|yazılar)", r"関連記事|相关阅读|相关文章|相關文章|관련 ?기사",
)  # fmt: skip

SYNDICATION = _any(
    r"^the post .{1,400} (?:appeared first on|first appeared on|was first published on) .{1,160}$", r"^the post .{0,400}appeared first on\b.{0,160}$",
    r"^(?:this|the) (?:article|story|post|piece|essay|interview|column|op-ed|report|content|work)(?:,? .{1,80}?,?)? (?:was |has been |is )?(?:originally |first |also |re)"
    r"(?:published|appeared|posted|ran|printed)\b.{0,240}$", r"^(?:originally|first) (?:published|posted) (?:at|on|by|in) .{1,120}$",
    r"^(?:re)?published (?:with|by) permission\b.{0,160}$", r"^der beitrag .{1,400} erschien zuerst (?:auf|bei) .{1,160}$",
    r"^l'article .{1,400} est apparu en premier sur .{1,160}$", r"^la entrada .{1,400} (?:se publicó primero en|aparece primero en|apareció primero en) .{1,160}$",
    r"^l'articolo .{1,400} (?:proviene da|sembra essere il primo su|è tratto da) .{1,160}$", r"^o post .{1,400} (?:apareceu|aparece) primeiro em .{1,160}$",
    r"^o (?:conteúdo|artigo) .{1,400} (?:aparece|apareceu) primeiro (?:em|no|na) .{1,160}$", r"^het bericht .{1,400} verscheen eerst op .{1,160}$",
    r"^artykuł .{1,400} pochodzi z serwisu .{1,160}$", r"^(?:сообщение|запись|допис) .{1,400} (?:появил\w+ сначала на|впервые появилась|з'явив\w* спочатку на) .{1,160}$",
    r"^inlägget .{1,400} dök först upp på .{1,160}$", r"^articolul .{1,400} apare prima dată (?:în|pe) .{1,160}$", r"^indlægget .{1,400} blev (?:først )?(?:vist|udgivet) .{1,160}$",
    r"^(?:příspěvek|článok) .{1,400} (?:pochází z|zobrazen nejdříve) .{1,160}$", r"^.{1,400} (?:yazısı )?ilk (?:önce|olarak) .{1,120} (?:üzerinde ortaya çıktı|yayınlandı|göründü)\W*$",
    r"^投稿 ?.{1,400} ?は .{1,160} ?に最初に表示されました", r"^.{1,400}最先出现在.{1,160}$", r"^submitted by\s+/?u/\S+.{0,80}$",
    r"^\W*(?:if|view|having|the formatting).{0,120}\b(?:feed|rss|email) (?:reader|client)\b.{0,80}\b(?:original|website|browser)\b.{0,60}$",
)  # fmt: skip
SYNDICATION_TAIL = re.compile(
    r"\s*\bthe post\b.{1,300}?\b(?:appeared first on|first appeared on)\b.{1,120}$", re.IGNORECASE
)

SHARE_WORDS = frozenset(
    "share shares sharing this that these on to via with by and or the a an post article story page link in new window opens open "
    "click tap here like likes liked loading more save copy print pin it tweet tweets retweet now your friends us me follow is caring "
    "facebook twitter x whatsapp telegram linkedin reddit pinterest email e-mail mail tumblr pocket mastodon bluesky threads instagram "
    "youtube messenger line vk flipboard digg stumbleupon google news plus rss sms skype xing tiktok snapchat fb teilen drucken "
    "partager imprimer compartir imprimir en de por auf sur condividi su compartilhar compartilhe partilhar delen paylaş поделиться "
    "udostępnij del dela jaa".split()
)
SHARE_KEYS = frozenset(
    "share sharing tweet retweet pin teilen partager compartir condividi compartilhar compartilhe partilhar delen paylaş "
    "поделиться udostępnij".split()
)
SHARE_LINK = re.compile(
    r"facebook\.com/(?:sharer|share|dialog)|twitter\.com/(?:intent|share|home\?status)|x\.com/intent|linkedin\.com/share|t\.me/share|"
    r"pinterest\.com/pin/create|reddit\.com/submit|(?:api\.)?whatsapp\.com/send|wa\.me/\?|addtoany|feedburner\.com/~f|"
    r"bsky\.app/intent|mailto:\?|[?&]share=(?:facebook|twitter|x|linkedin|reddit|email|jetpack)",
    re.IGNORECASE,
)

ADVERT = _whole(
    r"(?:- )?advertise?ment(?: -)?|advertising|advert|sponsored(?: content)?|paid (?:content|post)|promoted|anzeige|werbung|publicité|"
    r"publicidad|pubblicità|publicidade|advertentie|reklam|reklama|реклама|広告|广告|廣告|광고|إعلان",
    r"(?:story|article|content|text) continues (?:below|after)(?: (?:this )?(?:advertisement|ad|video|newsletter|promotion|the form))?",
    r"scroll (?:down )?(?:to|for) (?:continue|more)(?: .{0,40})?", r"advertisement\W+(?:story|article) continues below.{0,40}", r"skip (?:past )?(?:advertisement|ad|newsletter promotion)",
)  # fmt: skip

RIGHTS = re.compile(
    r"^\W*(?:(?:©|\(c\)|copyright)\W.{0,40}(?:19|20)\d\d.{0,120}|.{0,120}\ball rights reserved\b.{0,60}|alle rechte vorbehalten\W*|"
    r"tous droits réservés\W*|todos los derechos reservados\W*|tutti i diritti riservati\W*|todos os direitos reservados\W*|все права защищены\W*)$"
)

_NETWORK = r"(?:x|twitter|facebook|instagram|telegram|whatsapp|google news|youtube|linkedin|tiktok|threads|bluesky|mastodon|discord|vk|viber)"
APP = _any(
    r"^\W*(?:you can )?(?:download|get|install|try) (?:our|the|[\w ]{1,30}'s) (?:[\w ]{1,30} )?(?:news |mobile |free |new )*apps?\b.{0,120}$",
    r"^.{0,80}\bavailable (?:now )?(?:on|in|from) (?:the )?(?:app store|google play|apple app).{0,80}$",
    rf"^\W*(?:you can (?:also )?)?(?:follow|find|join|like|connect with|add) (?:us|me|our (?:page|channel|group|community)|[\w' ]{{1,30}}) (?:on|at|over on|in) {_NETWORK}\b.{{0,120}}$",
    rf"^\W*(?:follow|join) (?:us|me) (?:on|for)\b.{{0,60}}$|^\W*(?:join|follow) (?:our|the) {_NETWORK} (?:channel|group|community|server).{{0,100}}$",
    rf"^\W*(?:you can also )?join (?:us|me|the community) on {_NETWORK}.{{0,100}}$", rf"^\W*(?:folgen sie uns|folge uns|suivez-nous|síguenos|síganos|seguici|siga-nos|volg ons|obserwuj nas|"
    rf"śledź nas|bizi takip edin|följ oss)\b.{{0,120}}$", r"^\W*(?:laden sie (?:sich )?unsere|téléchargez (?:notre|l')|descarga(?:te)? (?:nuestra|la)|descargue (?:nuestra|la)|scarica (?:la nostra|l')|baixe (?:nosso|o)|"
    r"download onze|pobierz nasz\w*|скачайте наше?|uygulamamızı indir\w*).{0,30}\b(?:app|aplicaci[óo]n|application|aplikacj\w+|приложение|applicazione|aplicativo)\b.{0,80}$|^\W*uygulamamızı indir.{0,60}$",
    r"^\W*(?:подписывайтесь|подпишитесь|читайте нас|мы) (?:на наш|в|на)\W?.{0,60}(?:telegram|телеграм|канал|viber|вконтакте|дзен|max).{0,60}$",
)  # fmt: skip

_LIST = r"(?:newsletters?|mailing[- ]list|e-?mail[- ](?:list|updates|alerts|newsletter)|inbox|daily (?:brief(?:ing)?|digest)|weekly (?:digest|email|roundup)|rss feed|push notifications)"
NEWSLETTER = _any(
    rf"^\W*(?:(?:please|to|you can|want to|don't forget to|and|or|make sure to) )*(?:subscribe|sign up|signup|register|opt in|join)\b.{{0,140}}\b{_LIST}",
    rf"^\W*(?:get|receive|have) .{{1,120}}\b(?:in|to|into|straight to|delivered to|with|via|by) (?:your|our|the|my) ?(?:free |daily |weekly )*(?:{_LIST}|e-?mail)",
    r"\bdelivered (?:straight |directly |right )?(?:to|into) your (?:e-?mail )?inbox", r"\bsubscrib(?:e|ing) to (?:my|our|this)\b.{0,60}\b(?:newsletter|list|blog|feed|channel|podcast|updates|posts|site|publication)\b",
    r"\b(?:sign(?:ing)?[- ]up|register) (?:for|to) (?:my|our)\b.{0,60}\b(?:newsletters?|list|updates|alerts)\b", r"^\W*(?:subscribe|sign up)(?: (?:now|today|here|below|for free|via (?:e-?mail|rss)|by e-?mail|to (?:[\w'’]+ ?){1,5}))?\W*$",
    r"^\W*(?:enter|type) your e-?mail(?: address)?\b.{0,80}$", r"^\W*e-?mail address\W*(?:required)?\W*$", r"^\W*indicates required\W*$", r"\bthanks for (?:reading|subscribing)\b.{0,60}!? subscribe (?:for free )?to\b",
    r"^\W*there's also the .{1,40} newsletter\b.{0,80}$|^\W*(?:and )?don't forget about the .{1,40} newsletter\b.{0,80}$", r"\bnewsletter (?:abonnieren|anmelden|bestellen)\b|\bunseren? (?:kostenlosen? |täglichen? )?newsletter\b.{0,60}\b(?:abonnieren|an)\b|\b(?:melden sie sich|abonnieren sie)\b.{0,60}newsletter",
    r"\b(?:inscrivez-vous|abonnez-vous|s'inscrire|s'abonner)\b.{0,60}\b(?:newsletter|infolettre|lettre d'information)\b|\brecevez .{0,60}(?:newsletter|infolettre|boîte mail)", r"\b(?:suscr[íi]b(?:ete|ase|irse)|reg[íi]str(?:ate|ese)|apúntate|recib[ea]) .{0,60}\b(?:newsletter|boletín|boletines|correo)\b",
    r"\b(?:iscriviti|iscrivetevi|ricevi)\b.{0,60}\b(?:newsletter|mail)\b", r"\b(?:assine|inscreva-se|cadastre-se|receba|subscreva)\b.{0,60}\b(?:newsletter|boletim|e-mail)\b", r"\b(?:schrijf je|meld je|abonneer|schrijf u|meld u)\b.{0,60}\b(?:nieuwsbrief|newsletter)\b",
    r"\bzapisz się\b.{0,40}\b(?:newsletter|newslettera)\b", r"\bподпи(?:шитесь|сывайтесь|саться)\b.{0,40}\b(?:рассылк\w+|новост\w+|канал\w*)\b", r"\bbülten(?:imize|e)\b.{0,40}\b(?:abone|kayıt|kaydol)", r"メルマガ(?:登録|を購読)|ニュースレター(?:に登録|を購読)|订阅我们的|訂閱(?:我們|電子報)|뉴스레터 구독|اشترك في (?:نشرتنا|النشرة)",
)  # fmt: skip

_OWN = r"(?:work|journalism|newsroom|reporting|mission|site|website|blog|podcast|channel|show|coverage|publication|magazine|writers|reporters|journalists|writing|efforts|project|reporting|investigations|campaign|listeners|readers)"
_MEMBER = r"(?:member|supporter|patron|subscriber|sustainer|donor|backer|friend of)"
APPEAL = _any(
    rf"(?:^|[.!?:;] |please |consider |considering |by |can (?:also )?|help )(?:please )?(?:support|supporting|fund|funding|sustain|donate to|donating to|contribute to|contributing to|back|backing|help fund) (?:us\b|(?:our|my) (?:[\w-]+ ){{0,3}}{_OWN}\b|this (?:{_OWN}|newsletter)\b|independent (?:journalism|media|news)|(?:[\w-]+ )?public media)",
    rf"(?:^|[.!?:;] |please |consider |to |and |or |today )(?:become|becoming|be|sign up as) (?:an? )?(?:[\w-]+ ){{0,4}}{_MEMBER}s?\b(?=.{{0,80}}(?:\b(?:today|now|here|our|us|you|my|work|support)\b|[.!»→]?$))", r"\breader[- ](?:supported|funded) (?:publication|news|journalism|site|outlet|newsletter)|\b(?:listener|viewer)-supported\b.{0,120}\b(?:donat|gift|support|contribut)",
    r"\bmade possible by (?:the (?:generous )?(?:support|generosity) of )?(?:our )?(?:readers?|listeners?|donors?|supporters|members|viewers) like you", r"\b(?:donations|contributions|support|generosity) (?:from|of) (?:our|its|my) (?:readers|listeners|donors|members|supporters|viewers)\b(?=.{0,200}\b(?:you|your|please|gladly|donat)|$)",
    r"(?:^|[.!?:;] |please |consider |today\W+)(?:make|making|give|giving) (?:an? |your )?(?:[\w-]+ ){0,3}(?:donation|contribution|gift)\b(?=.{0,40}(?:\b(?:today|now|here|us|our)\b|[.!]?$))", r"(?:^|[.!?:;] |please |consider )(?:donate|donating|chip in|chipping in|pitch in|contribute)(?: (?:now|today|here|online|what you can|via paypal|a few dollars|any amount))+",
    r"^\W*(?:please )?(?:donate|donate to us|join us today|support us|contribute|give now|give today|chip in|become a member|become a supporter|subscribe now|subscribe today)(?: \w+)?\W*$", r"\byour (?:[\w-]+ )?(?:support|donation|contribution|gift|membership|subscription) (?:will |can |directly |also )?(?:helps?|makes?|allows?|enables?|funds?|ensures?|keeps?|goes|means|powers?) (?:us|our|keep|make|ensure|fund|this|it|the|directly|a long|me)\b",
    r"\bif you (?:\w+ ){0,2}(?:enjoy|enjoyed|like|liked|love|value|appreciate|found|find|believe in|rely on|read)\b.{0,120}\b(?:consider|please|subscrib\w+|donat\w+|support(?:ing)?|become|buy me|feel free to share|tip jar)\b(?=.{0,140}\b(?:us|our|my|me|this|it|work|here|today|subscrib|shar))", r"\b(?:buy (?:me|us) a (?:coffee|beer|drink)|ko-fi\.com/|buymeacoffee\.com/|patreon\.com/)",
    r"\b(?:support|join|become|back|find) (?:me|us|this \w+|the \w+|my \w+)\b.{0,60}\b(?:patreon|ko-fi|paypal|liberapay|github sponsors|open collective)\b|\b(?:support|help)\b.{0,80}\bi have a patreon\b", r"\bwe (?:rely|depend) (?:entirely |solely |heavily )?on (?:your|our readers|readers|donations|contributions|the (?:support|generosity))",
    r"\b(?:we (?:can't|cannot|can not|couldn't) do (?:it|this) (?:alone|without you)|we need your (?:help|support))\b(?=.{0,160}\b(?:journalis|donat|support|report|newsroom|member|subscri)|$)", r"^\W*(?:unterstützen sie (?:uns|unsere(?:n)? (?:arbeit|journalismus))|unterstütze uns|jetzt (?:spenden|abonnieren|abonnent werden|mitglied werden|unterstützen)|spenden sie|werden sie (?:mitglied|unterstützer|abonnent)|mit (?:ihrer|deiner) spende)\b.{0,240}$",
    r"^\W*(?:faites un don|soutenez(?:-nous| notre| la presse| le journalisme|-le| \w+ par)|abonnez-vous|devenez (?:membre|abonné|donateur)|je (?:fais un don|m'abonne|soutiens)|votre (?:don|soutien))\b.{0,240}$", r"^\W*(?:haz(?:te)? (?:una donación|un donativo|soci[oa]|tu aporte)|don[ae] (?:ahora|hoy|aquí)|apoya (?:nuestro|el periodismo|a nuestro|nuestra)|suscríb(?:ete|ase)|(?:tu|su) (?:donación|apoyo|aporte) )\b.{0,240}$",
    r"^\W*(?:fai una donazione|sostieni(?:ci| il nostro| il giornalismo| l'informazione)|abbonati|dona (?:ora|adesso)|diventa (?:socio|sostenitore|abbonato)|il tuo (?:contributo|sostegno))\b.{0,240}$", r"^\W*(?:faça uma doação|apoie (?:o nosso|nosso|o jornalismo|a nossa|nossa)|doe (?:agora|hoje|já)|assine (?:já|agora|o jornal|a revista)|torne-se (?:assinante|membro|apoiador)|seja (?:assinante|membro|apoiador))\b.{0,240}$",
    r"^\W*(?:steun (?:ons|onze)|doneer (?:nu|vandaag|aan)|word (?:lid|donateur|abonnee|vriend)|abonneer je)\b.{0,240}$", r"^\W*(?:wesprzyj (?:nas|nasze|naszą)|wspieraj (?:nas|nasze)|przekaż (?:darowiznę|nam)|zostań (?:patronem|subskrybentem))\b.{0,240}$", r"^\W*(?:поддержите (?:нас|наш\w*|редакцию|независим\w+)|сделайте пожертвование|оформите (?:подписку|пожертвование)|ваше пожертвование|підтримайте (?:нас|наш\w*))\b.{0,240}$",
    r"^\W*(?:bize destek ol\w*|bağış yap\w*|gazeteciliğimizi destekle\w*|abone ol(?:un)?)\b.{0,160}$", r"^\W*(?:تبرع الآن|ادعم (?:صحافتنا|عملنا|الصحافة)|ادعمونا).{0,200}$|^\W*(?:ご支援|ご寄付|寄付)を?(?:お願い|ください).{0,80}$|(?:捐款支持|支持我们的(?:工作|报道)|支持我們|加入(?:我们的)?会员|후원(?:하기|해 주세요))",
)  # fmt: skip

HINT = _any(
    r"^\W*give (?:the gift|hope|today|now)", r"^\W*join us\W*$|^\W*join (?:the (?:fight|movement|mission|community)|today|now)\b", r"^\W*(?:support|save|defend|protect|fund) (?:[\w'’-]+ ?){1,6}[.!]",
    r"\bwe can't do (?:it|this) (?:alone|without you)\b", r"\b(?:accurate|fearless|independent|fact-based|quality|honest|free|trusted|nonprofit) journalism\b", r"\bwe practi[cs]e what we preach\b", r"^\W*(?:our|your) (?:program|team|reporters|journalists|correspondents|newsroom|coverage|work|mission|promise|support|donation|gift|membership|contribution|subscription)\b",
    r"\b(?:tax-deductible|501\(c\)\(?3|one-time|monthly) ?(?:gift|donation|contribution|nonprofit)?\b", r"^\W*(?:yes|thank you|thanks)\b.{0,40}\b(?:support|donat|gift)\w*", r"^\W*[$€£]\d+(?: ?/ ?(?:mo|month|year)| (?:a|per) (?:month|year)| monthly| one-time)?\W*$",
    r"\b(?:donate|subscribe|become a member|support us|support our)\b", r"^\W*(?:we|we're|we've|without you|with your help|help us)\b", r"\b(?:spenden?|faites un don|donar|donación|donazione|doação|doneer|пожертвован\w+|bağış)\b",
)  # fmt: skip
"""Signs of an appeal that mean nothing alone and much together."""

ASKS = _any(
    r"^\W*give (?:the gift|hope|today|now)", r"^\W*join us\W*$|^\W*join (?:the (?:fight|movement|mission)|today|now)\b", r"^\W*(?:support|save|defend) (?:[\w'’-]+ ?){1,6}[.!]", r"\bwe can't do (?:it|this) (?:alone|without you)\b", r"\b(?:donate|subscribe|become a member|support us|support our|tax-deductible)\b",
)  # fmt: skip
"""Those of the signs that ask something of the reader."""

BYLINE = re.compile(
    r"^\W*(?:(?:written|posted|reported|edited|story|words|text|reporting|article|review)(?: and [\w ]{1,20})? by|author|by|von|par|por|di|door|"
    r"автор(?:ы)?|текст|yazan|autor(?:a|es)?|autore|auteur|tekst)\s*:?\s+(?P<name>[^.!?]{2,70}?)"
    r"(?:\s*[,|·•–—-]\s*.{0,60})?$"
)
DATELINE = re.compile(
    r"^\W*(?:posted|published|first published|last (?:updated|modified)|updated|veröffentlicht|publié|publicado|pubblicato)"
    r"(?: (?:on|at|in|by|am|le|el|il|em))?:? .{0,70}\d.{0,40}$"
)

CLASSES = (
    ("share", re.compile(r"sharedaddy|sd-(?:sharing|block|social)|share-?(?:buttons?|bar|links)|social-?(?:share|sharing|links|icons)|addtoany|sharethis|jp-post-flair|feedflare|robots-nocontent")),
    ("related", re.compile(r"jp-relatedposts|related-?(?:posts?|articles?|stories|content|links)|yarpp|crp_related|more-stories|recirc|outbrain|taboola")),
    ("newsletter", re.compile(r"mc_embed|mailchimp|newsletter-?(?:signup|form|box|promo|widget|embed|cta)|subscri(?:be|ption)-?(?:form|box|widget|wrapper|cta)|jetpack_subscription|convertkit|ck_form|formkit|signup-?(?:form|box|widget)")),
    ("appeal", re.compile(r"donat(?:e|ion)-?(?:box|form|cta|banner|block|widget|promo|module|callout)|support-us|membership-?(?:cta|box|promo)|give-?(?:form|box)|fundrais|appeal-?(?:box|banner)")),
    ("ad", re.compile(r"\b(?:ad|ads|advert|advertisement)-?(?:container|slot|unit|wrapper|banner|block|label)\b|adsbygoogle|\badvertisement\b|google-?ads?\b")),
)  # fmt: skip
"""Names of classes and ids that publishing systems give such boxes."""

STEMS = (
    "subscri", "newsletter", "mailing", "inbox", "e-mail", "email", "sign up", "signup", "sign-up", "donat", "support", "member", "patreon",
    "ko-fi", "coffee", "contribut", "chip in", "gift", "join", "rely on", "depend on", "reader", "listener", "without you", "alone", "need your",
    "if you", "journalism", "practice what", "practise what", "our ", "your ", "we ", "we'", "save ", "defend", "help us", "give ", "$", "€", "£",
    "follow", "app", "find us", "like us", "indicates required", "unterst", "spende", "mitglied", "abonn", "melden sie", "folge", "laden sie",
    "soutenez", "faites un don", "devenez", "je m'abonne", "votre ", "inscri", "recevez", "suivez", "télécharg", "suscr", "haz", "apoya", "dona",
    "boletín", "síg", "descarg", "tu ", "iscriv", "sostieni", "abbonati", "diventa", "seguici", "scarica", "assine", "apoie", "doe ", "doação", "receba",
    "siga", "baixe", "torne-se", "seja ", "steun", "doneer", "word ", "nieuwsbrief", "volg", "wesprzyj", "wspieraj", "zapisz", "zostań", "obserwuj",
    "подпи", "поддерж", "пожертв", "підтрим", "оформите", "скачайте", "читайте нас", "abone", "bağış", "destek", "bülten", "takip", "تبرع", "ادعم",
    "اشترك", "メルマガ", "ニュースレター", "支援", "寄付", "订阅", "訂閱", "捐款", "支持我", "会员", "구독", "후원", "uygulama", "följ oss", "pobierz", "przekaż",
)  # fmt: skip
"""One of these stands in every text that APPEAL, NEWSLETTER, APP or HINT match: a cheap first look."""
