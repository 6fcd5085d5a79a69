"""How boilerplate is worded, in the languages that news feeds use most.

Every pattern is for one line of lower-case text with straight apostrophes. What is asked of the reader
is worded in ``wording_asks``.
"""

from __future__ import annotations

import re

MAX_COUNTER = 80
"""Characters of the longest line that only counts."""
MAX_LINE = 500
"""Longer blocks are prose; no wording alone makes them boilerplate."""


def _whole(*alternatives: str) -> re.Pattern[str]:
    return re.compile(rf"^\W*(?:{'|'.join(alternatives)})\W*$")


def _start(*alternatives: str) -> re.Pattern[str]:
    return re.compile(rf"^\W*(?:{'|'.join(alternatives)})")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_COMMENT = (
    r"(?:comments?|repl(?:y|ies)|responses?|kommentare?|commentaires?|comentarios?|"
    r"comentários?|commenti?|"
    r"reacties?|komentarz[ey]?|комментари\w+|коментар\w+|yorum(?:lar)?|コメント|评论|評論|댓글)"
)
_COUNTED = (
    r"(?:views?|shares?|likes?|reads?|tweets?|points?|votes?|words?|aufrufe|vues|visitas|"
    r"vistas|visualizzazioni|"
    r"visualizações|weergaven|wyświetle\w+|просмотр\w*|görüntülenme|閲覧|浏览|阅读)"
)
_MINUTES = (
    r"(?:min(?:ute)?s?\.?[- ]read(?:ing)?(?: time)?|min(?:ute)?s?\.? to read|"
    r"min(?:uten?)? (?:lesezeit|leestijd)|"
    r"min(?:utes?)? de lecture|min(?:utos?)? de (?:lectura|leitura)|"
    r"min(?:uti)? di lettura|dk\.? okuma|"
    r"мин\w* чтения|min\w* czytania|分で読めます|分钟阅读|분 읽기)"
)
_AGO = (
    r"(?:\d+|an?|one) ?(?:s|m|h|d|sec(?:ond)?s?|min(?:ute)?s?|hours?|hrs?|days?|weeks?) ago|"
    r"vor (?:\d+|einer?m?) (?:sekunden?|minuten?|stunden?|tag(?:en)?|wochen?)|"
    r"il y a (?:\d+|une?) (?:secondes?|minutes?|heures?|jours?|semaines?)|"
    r"h(?:ace|á) (?:\d+|una?|uma?) (?:segundos?|minutos?|horas?|d[ií]as?|semanas?)|"
    r"\d+ (?:second[io]|minut[io]|or[ae]|giorn[io]|settiman[ae]) fa|\d+ (?:minuten|uur|"
    r"uren|dagen) geleden|"
    r"\d+ (?:minut\w*|godzin\w*|dni) temu|\d+ (?:минут\w*|час\w*|дн\w+|день) назад|"
    r"\d+ (?:dakika|saat|gün) önce|"
    r"\d+ ?(?:分|時間|日)前|\d+ ?(?:分钟|小时|天)前|\d+ ?(?:분|시간|일) 전|قبل \d+ (?:دقيقة|ساعة|ساعات)"
)
_NUMBER = r"\d[\d.,]*\s?[kmк]?"
_STAMP = (
    r"(?:last )?(?:updated|published|posted|modified|aktualisiert|mis à jour|actualizado|"
    r"aggiornato|güncellendi)"
)

COUNTER = _whole(
    rf"{_NUMBER} ?{_COMMENT}(?: on .{{1,120}})?",
    rf"{_COMMENT}:? ?\(?{_NUMBER}\)?",
    rf"{_NUMBER} ?{_COUNTED}",
    rf"{_COUNTED}:? ?\(?{_NUMBER}\)?",
    rf"(?:~?{_NUMBER}|one) ?{_MINUTES}(?:\W+~?{_NUMBER} words)?",
    r"(?:reading time|lesezeit|temps de lecture|tiempo de lectura|tempo di lettura|"
    r"leestijd|время чтения)\W+"
    r"(?:about |ca\.? )?\d+ ?min\w*\.?",
    rf"(?:{_STAMP}:? )?(?:{_AGO})",
    rf"(?:{_NUMBER} ?(?:{_COUNTED}|{_COMMENT})\W*){{2,6}}",
    r"(?:article|comments) url: https?://\S+",
)
"""A line that only counts: comments, views, minutes, hours ago."""

TRAILING_COUNTER = re.compile(
    rf"(?:(?<=[.!?…»\"'”)])|[|·•(\[–—-])\s*(?:{_NUMBER} ?(?:{_COMMENT}|{_COUNTED})|"
    rf"\d+ ?{_MINUTES}|"
    rf"(?:{_STAMP}:? )?(?:{_AGO}))\s*[)\]]?$",
    re.IGNORECASE,
)
STAMPED_AGO = re.compile(rf"\b{_STAMP}:? (?:{_AGO})|\d+ ?{_MINUTES}", re.IGNORECASE)

COMMENTS = _whole(
    r"(?:no|leave an?|add(?: an?| your)?|post an?|view(?: all)?|show(?: all)?|"
    r"read(?: all)?|see(?: all)?|write an?|"
    rf"join the) (?:comments?|repl(?:y|ies)|conversation|discussion){r'(?: on .{1,120})?'}",
    r"comments",
    r"comments (?:are )?(?:closed|off|disabled)(?: (?:on|for) .{1,120})?",
    r"\[?link\]?\W+\[?comments\]?",
    r"(?:kommentar schreiben|kommentieren|laisser un commentaire|deja un comentario|"
    r"dejar un comentario|"
    r"lascia un commento|deixe um comentário|plaats een reactie|dodaj komentarz|"
    r"оставить комментарий|yorum yap)",
)

_MORE_EXACT = (
    r"(?:\[?(?:…|\.\.\.)\]?\s*)?(?:\(more(?:…|\.\.\.)?\)|(?:click here to )?(?:continue|"
    r"keep) reading|"
    r"(?:click here to )?read (?:more|on|it here|(?:the )?(?:rest|full|whole|entire|"
    r"complete|original)"
    r"(?: of (?:this|the))?(?: (?:article|story|post|entry|report|review|interview|text|"
    r"here))*)(?: here)?|"
    r"(?:view|see|visit) (?:the )?(?:full|original|whole|complete) (?:article|story|post|"
    r"entry|report)|"
    r"(?:see|view|show|learn|find out) more|full (?:story|article)|more details|"
    r"more(?: here)?|click here|"
    r"(?:hier |jetzt )?weiterlesen|mehr lesen|(?:den )?(?:ganzen|"
    r"vollständigen) artikel lesen|zum artikel|"
    r"lire (?:la suite|plus|l'article)|en savoir plus|lisez la suite|"
    r"(?:leer|ver|lee|saber) más|(?:seguir|sigue|continuar) leyendo|"
    r"leer la nota completa|leer noticia completa|"
    r"leggi (?:tutto|l'articolo|di più|ancora)|continua a leggere|continua|scopri di più|"
    r"(?:leia|ler|saiba|veja) mais|continue (?:a ler|lendo)|continuar (?:a ler|lendo)|"
    r"(?:lees|lezen?) (?:meer|verder)|(?:czytaj|zobacz) (?:więcej|dalej)|więcej|"
    r"(?:читать|читайте) (?:далее|полностью|дальше)|"
    r"подробнее|читати далі|devamını oku|devamı|haberin devamı|läs (?:mer|hela artikeln)|"
    r"læs mere|les mer|lue lisää|číst (?:dále|dál|více)|"
    r"tovább(?: olvasom)?|citește (?:mai mult|mai departe|continuarea)|"
    r"διαβάστε περισσότερα|اقرأ المزيد|المزيد|ادامه مطلب|"
    r"קרא עוד|המשך לקרוא|और पढ़ें|続きを読む|"
    r"もっと読む|全文を読む|阅读更多|继续阅读|阅读全文|閱讀更多|繼續閱讀|閱讀全文|"
    r"더 ?보기|계속 읽기|baca selengkapnya|xem thêm|đọc tiếp)"
)
READ_MORE = _whole(_MORE_EXACT)
READ_MORE_START = _start(
    r"(?:continue reading|read (?:more|the (?:full|rest|original|whole))|keep reading|"
    r"weiterlesen|lire la suite|"
    r"(?:seguir|sigue|continuar) leyendo|leer más|continua a leggere|leggi tutto|"
    r"leia mais|lees (?:meer|verder)|"
    r"czytaj (?:więcej|dalej)|читать далее|devamını oku|続きを読む)(?=\W|$)"
)
READ_MORE_TAIL = re.compile(
    rf"(?:\s*(?:\[(?:…|\.\.\.)\]|…|\.\.\.)|"
    rf"(?<=[.!?\]”\"'»]))\s*[\[(]?(?!more|click|continua|więcej|المزيد)(?:{_MORE_EXACT})\s*(?:»|›|→|>{{1,3}}|…|\.{{1,3}})?[\])]?$",
    re.IGNORECASE,
)
CUT_OFF = re.compile(r"(?:\[\s*(?:…|\.{3}|&hellip;)\s*\]|…|(?<!\.)\.{3}|\(more(?:…|\.{3})?\))\W*$")
"""How a text ends that was cut off."""

ALSO_START = _start(
    r"(?:(?:also|must|further) read|read (?:also|next)|related(?: (?:article|story|post|"
    r"news))?|see also|more on this|"
    r"watch (?:also|now)|recommended|lesen sie (?:auch|mehr)|mehr zum thema|lire aussi|"
    r"à lire aussi|lea (?:también|más)|"
    r"te puede interesar|lee también|leggi anche|leia (?:também|ainda)|veja também|"
    r"lees ook|czytaj (?:też|także|również)|"
    r"zobacz (?:też|także)|читайте також|читайте также|смотрите также|ayrıca oku\w*|"
    r"citește și|läs också|baca juga|"
    r"اقرأ أيضا|关联阅读|相关阅读|相關新聞|関連記事)\s*[:：|–—-]"
)
RELATED_HEAD = _whole(
    r"related(?: (?:articles?|posts?|stories|news|content|links|reading|coverage|topics))?",
    r"(?:you (?:may|might) also (?:like|enjoy|be interested in))",
    r"(?:more|also) (?:from|on|in) .{1,40}",
    r"recommended(?: (?:stories|articles|reading|for you))?",
    r"trending(?: now)?",
    r"most (?:read|popular|viewed)",
    r"read (?:also|next)",
    r"also read",
    r"see also",
    r"top stories",
    r"editor'?s' picks?",
    r"mehr zum thema|das könnte sie (?:auch )?interessieren|ähnliche (?:artikel|beiträge)",
    r"(?:à )?lire aussi|articles? (?:similaires?|liés?)|sur le même sujet",
    r"(?:noticias|artículos|entradas) relacionad[oa]s|te puede interesar|"
    r"también te puede interesar|lea también|lee también",
    r"leggi anche|articoli correlati|potrebbe interessarti",
    r"leia (?:também|mais)|veja também|(?:artigos|posts|notícias) relacionad[oa]s",
    r"lees ook|gerelateerde (?:artikelen|berichten)",
    r"czytaj (?:też|także|również)|powiązane artykuły|zobacz także",
    r"читайте также|похожие (?:записи|статьи)|ещё по теме|смотрите также",
    r"ilgili haberler|benzer (?:haberler|yazılar)",
    r"関連記事|相关阅读|相关文章|相關文章|관련 ?기사",
)

SYNDICATION = _start(
    r"the post .{1,400}\b(?:appeared first on|first appeared on|"
    r"was first published on)\b.{0,160}$",
    r"(?:this|the original) (?:article|story|post|piece|essay|interview|column|op-ed)"
    r"(?:,? (?:by|from|in) .{1,60}?,?)? (?:was |has been |is |has )?(?:originally |"
    r"first |also )"
    r"(?:published|appeared|posted|ran|printed)\b.{0,200}$",
    r"this (?:article|story|post|piece) (?:was |has been |is )?(?:re-?published|"
    r"syndicated)\b.{0,200}$",
    # Not "Originally published in May, the letter was signed by …": there the sentence goes on.
    r"(?:originally|first) (?:published|posted) (?:at|on|by|in) "
    r"(?!.{1,120}, (?:the|an?|it|he|she|they|this|these|his|her|its|their)\b).{1,120}$",
    r"(?:re)?published (?:with|by) permission\b.{0,160}$",
    r"der beitrag .{1,400} erschien zuerst (?:auf|bei) .{1,160}$",
    r"l'article .{1,400} est apparu en premier sur .{1,160}$",
    r"la entrada .{1,400} (?:se publicó|aparece|apareció) primero en .{1,160}$",
    r"l'articolo .{1,400} (?:proviene da|sembra essere il primo su|è tratto da) .{1,160}$",
    r"o (?:post|conteúdo|artigo) .{1,400} (?:aparece|apareceu) primeiro (?:em|no|"
    r"na) .{1,160}$",
    r"het bericht .{1,400} verscheen eerst op .{1,160}$",
    r"artykuł .{1,400} pochodzi z serwisu .{1,160}$",
    r"(?:сообщение|запись|допис) .{1,400} (?:появил\w+ сначала на|впервые появилась|"
    r"з'явив\w* спочатку "
    r"на) .{1,160}$",
    r"inlägget .{1,400} dök först upp på .{1,160}$",
    r"articolul .{1,400} apare prima dată (?:în|pe) .{1,160}$",
    r"indlægget .{1,400} blev (?:først )?(?:vist|udgivet) .{1,160}$",
    r"(?:příspěvek|článok) .{1,400} (?:pochází z|zobrazen nejdříve) .{1,160}$",
    r"投稿 ?.{1,400} ?は .{1,160} ?に最初に表示されました",
    r"submitted by\s+/?u/\S+[\s\S]{0,80}$",
    r".{1,300} was originally published in .{1,80} on medium, where people are continuing "
    r"the conversation.*$",
    r"(?:if|view|having|the formatting)\b.{0,120}\b(?:feed|rss|email) (?:reader|"
    r"client)\b.{0,80}"
    r"\b(?:original|website|browser)\b.{0,60}$",
)
AMENDED = re.compile(
    r"\b(?:correct(?:ed|ion|s)|amend(?:ed|ment)|clarif\w+|revis(?:ed|ion)|retract\w+|updated to|"
    r"an earlier version|misstated|erroneously|incorrectly)\b"
)
"""A notice that says what was wrong: the publisher's own words on the article, wherever it came from."""
SYNDICATION_LATE = re.compile(
    r"\bilk (?:önce|olarak) .{1,120} (?:üzerinde ortaya çıktı|yayınlandı|göründü)\W*$|"
    r"最先出现在.{1,160}$"
)
"""The same in languages that put the verb last; only looked for in lines that are not ASCII."""
SYNDICATION_TAIL = re.compile(
    r"\s*\bthe post\b.{1,300}?\b(?:appeared first on|first appeared on)\b.{1,120}$", re.IGNORECASE
)

SHARE_WORDS = _words(
    "share shares sharing this that these on to via with by and or the a an post article "
    "story page link in new window opens open click tap here like likes liked loading more "
    "save copy print pin it tweet tweets retweet now your friends us me follow is caring "
    "facebook twitter x whatsapp telegram linkedin reddit pinterest email e-mail mail tumblr "
    "pocket mastodon bluesky threads instagram youtube messenger line vk flipboard digg "
    "stumbleupon google news plus rss sms skype xing tiktok snapchat fb teilen drucken "
    "partager imprimer compartir imprimir en de por auf sur condividi su compartilhar "
    "compartilhe partilhar delen paylaş поделиться udostępnij del dela jaa"
)
SHARE_KEYS = _words(
    "share sharing tweet retweet pin teilen partager compartir condividi compartilhar "
    "compartilhe partilhar delen paylaş поделиться udostępnij"
)
SHARE_LINK = re.compile(
    r"facebook\.com/(?:sharer|share|dialog)|twitter\.com/(?:intent|share|home\?status)|"
    r"x\.com/intent|linkedin\.com/share|t\.me/share|"
    r"pinterest\.com/pin/create|reddit\.com/submit|(?:api\.)?whatsapp\.com/send|"
    r"wa\.me/\?|addtoany|feedburner\.com/~f|"
    r"bsky\.app/intent|mailto:\?|[?&]share=(?:facebook|twitter|x|linkedin|reddit|email|"
    r"jetpack)",
    re.IGNORECASE,
)

TAGS = _start(
    r"(?:tags|tagged(?: with| as)?|filed under|posted in|categor(?:y|ies)|topics|schlagwörter|"
    r"étiquettes|mots-clés|etiquetas|tópicos|метки|теги|etiketler|標籤|标签|タグ)\s*[:：]"
)

ADVERT = _whole(
    r"(?:- )?advertise?ment(?: -)?|advertising|advert|sponsored(?: content)?|"
    r"paid (?:content|post)|promoted|anzeige|werbung|publicité|"
    r"publicidad|pubblicità|publicidade|advertentie|reklam|reklama|реклама|広告|广告|廣告|광고|إعلان",
    r"(?:story|article|content|text) continues (?:below|"
    r"after)(?: (?:this )?(?:advertisement|ad|video|newsletter|promotion|the form))?",
    r"scroll (?:down )?(?:to|for) (?:continue|more)(?: .{0,40})?",
    r"advertisement\W+(?:story|article) continues below.{0,40}",
    r"skip (?:past )?(?:advertisement|ad|newsletter promotion)",
)

RIGHTS = re.compile(
    r"^\W*(?:(?:©|\(c\)|copyright)\W.{0,40}(?:19|20)\d\d.{0,120}|"
    r".{0,120}\ball rights reserved\b.{0,60}|alle rechte vorbehalten\W*|"
    r"tous droits réservés\W*|todos los derechos reservados\W*|"
    r"tutti i diritti riservati\W*|todos os direitos reservados\W*|все права защищены\W*)$"
)

BYLINE = re.compile(
    r"^\W*(?:(?:written|posted|reported|edited|story|words|text|reporting|article|"
    r"review)(?: and [\w ]{1,20})? by|author|by|von|par|por|di|door|"
    r"автор(?:ы)?|текст|yazan|autor(?:a|es)?|autore|auteur|"
    r"tekst)\s*:?\s+(?P<name>[^.!?]{2,70}?)"
    r"(?:\s*[,|·•–—-]\s*.{0,60})?$"
)
DATELINE = re.compile(
    r"^\W*(?:posted|published|first published|last (?:updated|modified)|updated|"
    r"veröffentlicht|publié|publicado|pubblicato)"
    r"(?: (?:on|at|in|by|am|le|el|il|em))?:? .{0,70}\d.{0,40}(?<!:)$"
)

HEADED_STAMP = re.compile(r"\b\w{3,9}, \d\d/\d\d/\d{4} - \d\d:\d\d$")
"""How Drupal ends the line of headline, author and date that it sets before a text."""

CLASSES = (
    (
        "share",
        re.compile(
            r"sharedaddy|sd-(?:sharing|block|social)|share-?(?:buttons?|bar|links)|"
            r"social-?(?:share|sharing|links|icons)|addtoany|sharethis|jp-post-flair|feedflare|"
            r"robots-nocontent"
        ),
    ),
    (
        "related",
        re.compile(
            r"jp-relatedposts|related-?(?:posts?|articles?|stories|content|links)|yarpp|"
            r"crp_related|more-stories|recirc|outbrain|taboola"
        ),
    ),
    (
        "newsletter",
        re.compile(
            r"mc_embed|mailchimp|newsletter-?(?:signup|form|box|promo|widget|embed|cta)|"
            r"subscri(?:be|ption)-?(?:form|box|widget|wrapper|cta)|jetpack_subscription|"
            r"convertkit|ck_form|formkit|kg-signup-card|subscribe-widget|signup-?(?:form|box|widget)"
        ),
    ),
    (
        "appeal",
        re.compile(
            r"donat(?:e|ion)-?(?:box|form|cta|banner|block|widget|promo|module|callout)|"
            r"support-us|membership-?(?:cta|box|promo)|give-?(?:form|box)|fundrais|"
            r"appeal-?(?:box|banner)"
        ),
    ),
    (
        "ad",
        re.compile(
            r"\b(?:ad|ads|advert|advertisement)-?(?:container|slot|unit|wrapper|banner|block|"
            r"label)\b|adsbygoogle|\badvert(?:s|isements?)?\b|google-?ads?\b"
        ),
    ),
)
"""Names of classes and ids that publishing systems give such boxes."""
