"""The names of months and weekdays in the languages of feeds.

From the Unicode CLDR (release 48; wide and abbreviated forms, as they stand in a date and alone),
in lower case without final dots; names of several words are left out. To add a language, take its
row from the CLDR.
"""

from __future__ import annotations

# language -> January … December, or Monday … Sunday; "|" between the forms of one name.
MONTHS: dict[str, str] = {
    "en": (
        "january|jan february|feb march|mar april|apr may june|jun july|jul august|aug "
        "september|sep october|oct november|nov december|dec"
    ),
    "de": (
        "januar|jan februar|feb märz|mär april|apr mai juni|jun juli|jul august|aug "
        "september|sept|sep oktober|okt november|nov dezember|dez"
    ),
    "fr": (
        "janvier|janv février|févr mars avril|avr mai juin juillet|juil août septembre|sept "
        "octobre|oct novembre|nov décembre|déc"
    ),
    "es": (
        "enero|ene febrero|feb marzo|mar abril|abr mayo|may junio|jun julio|jul agosto|ago "
        "septiembre|sept octubre|oct noviembre|nov diciembre|dic"
    ),
    "it": (
        "gennaio|gen febbraio|feb marzo|mar aprile|apr maggio|mag giugno|giu luglio|lug "
        "agosto|ago settembre|set ottobre|ott novembre|nov dicembre|dic"
    ),
    "pt": (
        "janeiro|jan fevereiro|fev março|mar abril|abr maio|mai junho|jun julho|jul agosto|ago "
        "setembro|set outubro|out novembro|nov dezembro|dez"
    ),
    "nl": (
        "januari|jan februari|feb maart|mrt april|apr mei juni|jun juli|jul augustus|aug "
        "september|sep oktober|okt november|nov december|dec"
    ),
    "sv": (
        "januari|jan februari|feb mars april|apr maj juni juli augusti|aug september|sep "
        "oktober|okt november|nov december|dec"
    ),
    "da": (
        "januar|jan februar|feb marts|mar april|apr maj juni|jun juli|jul august|aug "
        "september|sep oktober|okt november|nov december|dec"
    ),
    "nb": (
        "januar|jan februar|feb mars|mar april|apr mai juni|jun juli|jul august|aug september|sep "
        "oktober|okt november|nov desember|des"
    ),
    "fi": (
        "tammikuuta|tammi|tammikuu helmikuuta|helmi|helmikuu maaliskuuta|maalis|maaliskuu "
        "huhtikuuta|huhti|huhtikuu toukokuuta|touko|toukokuu kesäkuuta|kesä|kesäkuu "
        "heinäkuuta|heinä|heinäkuu elokuuta|elo|elokuu syyskuuta|syys|syyskuu "
        "lokakuuta|loka|lokakuu marraskuuta|marras|marraskuu joulukuuta|joulu|joulukuu"
    ),
    "is": (
        "janúar|jan febrúar|feb mars|mar apríl|apr maí júní|jún júlí|júl ágúst|ágú september|sep "
        "október|okt nóvember|nóv desember|des"
    ),
    "cs": (
        "ledna|led|leden února|úno|únor března|bře|březen dubna|dub|duben května|kvě|květen "
        "června|čvn|červen července|čvc|červenec srpna|srp|srpen září|zář října|říj|říjen "
        "listopadu|lis|listopad prosince|pro|prosinec"
    ),
    "sk": (
        "januára|jan|január februára|feb|február marca|mar|marec apríla|apr|apríl mája|máj "
        "júna|jún júla|júl augusta|aug|august septembra|sep|september októbra|okt|október "
        "novembra|nov|november decembra|dec|december"
    ),
    "pl": (
        "stycznia|sty|styczeń lutego|lut|luty marca|mar|marzec kwietnia|kwi|kwiecień maja|maj "
        "czerwca|cze|czerwiec lipca|lip|lipiec sierpnia|sie|sierpień września|wrz|wrzesień "
        "października|paź|październik listopada|lis|listopad grudnia|gru|grudzień"
    ),
    "ro": (
        "ianuarie|ian februarie|feb martie|mar aprilie|apr mai iunie|iun iulie|iul august|aug "
        "septembrie|sept octombrie|oct noiembrie|nov decembrie|dec"
    ),
    "hu": (
        "január|jan február|febr március|márc április|ápr május|máj június|jún július|júl "
        "augusztus|aug szeptember|szept október|okt november|nov december|dec"
    ),
    "el": (
        "ιανουαρίου|ιαν|ιανουάριοσ φεβρουαρίου|φεβ|φεβρουάριοσ μαρτίου|μαρ|μάρτιοσ|μάρ "
        "απριλίου|απρ|απρίλιοσ μαΐου|μαΐ|μάιοσ|μάι ιουνίου|ιουν|ιούνιοσ|ιούν "
        "ιουλίου|ιουλ|ιούλιοσ|ιούλ αυγούστου|αυγ|αύγουστοσ|αύγ σεπτεμβρίου|σεπ|σεπτέμβριοσ "
        "οκτωβρίου|οκτ|οκτώβριοσ νοεμβρίου|νοε|νοέμβριοσ|νοέ δεκεμβρίου|δεκ|δεκέμβριοσ"
    ),
    "ru": (
        "января|янв|январь февраля|февр|февраль марта|мар|март апреля|апр|апрель мая|май "
        "июня|июн|июнь июля|июл|июль августа|авг|август сентября|сент|сентябрь "
        "октября|окт|октябрь ноября|нояб|ноябрь декабря|дек|декабрь"
    ),
    "uk": (
        "січня|січ|січень лютого|лют|лютий березня|бер|березень квітня|квіт|квітень "
        "травня|трав|травень червня|черв|червень липня|лип|липень серпня|серп|серпень "
        "вересня|вер|вересень жовтня|жовт|жовтень листопада|лист|листопад грудня|груд|грудень"
    ),
    "be": (
        "студзеня|сту|студзень лютага|лют|люты сакавіка|сак|сакавік красавіка|кра|красавік "
        "мая|май чэрвеня|чэр|чэрвень ліпеня|ліп|ліпень жніўня|жні|жнівень верасня|вер|верасень "
        "кастрычніка|кас|кастрычнік лістапада|ліс|лістапад снежня|сне|снежань"
    ),
    "bg": (
        "януари|яну февруари|фев март април|апр май юни юли август|авг септември|сеп октомври|окт "
        "ноември|ное декември|дек"
    ),
    "mk": (
        "јануари|јан февруари|фев март|мар април|апр мај јуни|јун јули|јул август|авг "
        "септември|сеп октомври|окт ноември|ное декември|дек"
    ),
    "sr": (
        "јануар|јан фебруар|феб март|мар април|апр мај јун јул август|авг септембар|сеп "
        "октобар|окт новембар|нов децембар|дец"
    ),
    "sh": (
        "januar|jan februar|feb mart|mar april|apr maj jun jul avgust|avg septembar|sep "
        "oktobar|okt novembar|nov decembar|dec"
    ),
    "hr": (
        "siječnja|sij|siječanj veljače|velj|veljača ožujka|ožu|ožujak travnja|tra|travanj "
        "svibnja|svi|svibanj lipnja|lip|lipanj srpnja|srp|srpanj kolovoza|kol|kolovoz "
        "rujna|ruj|rujan listopada|lis|listopad studenoga|stu|studeni prosinca|pro|prosinac"
    ),
    "sl": (
        "januar|jan februar|feb marec|mar april|apr maj junij|jun julij|jul avgust|avg "
        "september|sep oktober|okt november|nov december|dec"
    ),
    "lt": (
        "sausio|saus|sausis vasario|vas|vasaris kovo|kov|kovas balandžio|bal|balandis "
        "gegužės|geg|gegužė birželio|birž|birželis liepos|liep|liepa rugpjūčio|rugp|rugpjūtis "
        "rugsėjo|rugs|rugsėjis spalio|spal|spalis lapkričio|lapkr|lapkritis "
        "gruodžio|gruod|gruodis"
    ),
    "lv": (
        "janvāris|janv februāris|febr marts aprīlis|apr maijs jūnijs|jūn jūlijs|jūl augusts|aug "
        "septembris|sept oktobris|okt novembris|nov decembris|dec"
    ),
    "et": (
        "jaanuar|jaan veebruar|veebr märts aprill|apr mai juuni juuli august|aug september|sept "
        "oktoober|okt november|nov detsember|dets"
    ),
    "tr": (
        "ocak|oca şubat|şub mart|mar nisan|nis mayıs|may haziran|haz temmuz|tem ağustos|ağu "
        "eylül|eyl ekim|eki kasım|kas aralık|ara"
    ),
    "sq": (
        "janar|jan shkurt|shk mars|mar prill|pri maj qershor|qer korrik|korr gusht|gush "
        "shtator|sht tetor|tet nëntor|nën dhjetor|dhj"
    ),
    "ca": (
        "gener|gen febrer|febr març abril|abr maig juny juliol|jul agost|ag setembre|set "
        "octubre|oct novembre|nov desembre|des"
    ),
    "eu": (
        "urtarrila|urt otsaila|ots martxoa|mar apirila|api maiatza|mai ekaina|eka uztaila|uzt "
        "abuztua|abu iraila|ira urria|urr azaroa|aza abendua|abe"
    ),
    "gl": (
        "xaneiro|xan febreiro|feb marzo|mar abril|abr maio xuño xullo|xul agosto|ago setembro|set "
        "outubro|out novembro|nov decembro|dec"
    ),
    "id": (
        "januari|jan februari|feb maret|mar april|apr mei juni|jun juli|jul agustus|agu "
        "september|sep oktober|okt november|nov desember|des"
    ),
    "ms": (
        "januari|jan februari|feb mac april|apr mei jun julai|jul ogos|ogo september|sep "
        "oktober|okt november|nov disember|dis"
    ),
    "sw": (
        "januari|jan februari|feb machi|mac aprili|apr mei juni|jun julai|jul agosti|ago "
        "septemba|sep oktoba|okt novemba|nov desemba|des"
    ),
    "ar": ("يناير فبراير مارس أبريل مايو يونيو يوليو أغسطس سبتمبر أكتوبر نوفمبر ديسمبر"),
    "hi": (
        "जनवरी|जन॰ फ़रवरी|फ़र॰ मार्च अप्रैल मई जून जुलाई|जुल॰ अगस्त|अग॰ सितंबर|सित॰ "
        "अक्टूबर|अक्टू॰ नवंबर|नव॰ दिसंबर|दिस॰"
    ),
}

WEEKDAYS: dict[str, str] = {
    "en": ("monday|mon tuesday|tue wednesday|wed thursday|thu friday|fri saturday|sat sunday|sun"),
    "de": ("montag|mo dienstag|di mittwoch|mi donnerstag|do freitag|fr samstag|sa sonntag|so"),
    "fr": ("lundi|lun mardi|mar mercredi|mer jeudi|jeu vendredi|ven samedi|sam dimanche|dim"),
    "es": ("lunes|lun martes|mar miércoles|mié jueves|jue viernes|vie sábado|sáb domingo|dom"),
    "it": ("lunedì|lun martedì|mar mercoledì|mer giovedì|gio venerdì|ven sabato|sab domenica|dom"),
    "pt": (
        "segunda-feira|seg terça-feira|ter quarta-feira|qua quinta-feira|qui sexta-feira|sex "
        "sábado|sáb domingo|dom"
    ),
    "nl": ("maandag|ma dinsdag|di woensdag|wo donderdag|do vrijdag|vr zaterdag|za zondag|zo"),
    "sv": ("måndag|mån tisdag|tis onsdag|ons torsdag|tors fredag|fre lördag|lör söndag|sön"),
    "da": ("mandag|man tirsdag|tirs onsdag|ons torsdag|tors fredag|fre lørdag|lør søndag|søn"),
    "nb": ("mandag|man tirsdag|tir onsdag|ons torsdag|tor fredag|fre lørdag|lør søndag|søn"),
    "fi": (
        "maanantaina|ma|maanantai tiistaina|ti|tiistai keskiviikkona|ke|keskiviikko "
        "torstaina|to|torstai perjantaina|pe|perjantai lauantaina|la|lauantai sunnuntai|su"
    ),
    "is": (
        "mánudagur|mán þriðjudagur|þri miðvikudagur|mið fimmtudagur|fim föstudagur|fös "
        "laugardagur|lau sunnudagur|sun"
    ),
    "cs": ("pondělí|po úterý|út středa|st čtvrtek|čt pátek|pá sobota|so neděle|ne"),
    "sk": ("pondelok|po utorok|ut streda|st štvrtok|št piatok|pi sobota|so nedeľa|ne"),
    "pl": ("poniedziałek|pon wtorek|wt środa|śr czwartek|czw piątek|pt sobota|sob niedziela|niedz"),
    "ro": ("luni|lun marți|mar miercuri|mie joi vineri|vin sâmbătă|sâm duminică|dum"),
    "hu": ("hétfő kedd szerda|sze csütörtök|cs péntek szombat|szo vasárnap"),
    "el": ("δευτέρα|δευ τρίτη|τρί τετάρτη|τετ πέμπτη|πέμ παρασκευή|παρ σάββατο|σάβ κυριακή|κυρ"),
    "ru": ("понедельник|пн вторник|вт среда|ср четверг|чт пятница|пт суббота|сб воскресенье|вс"),
    "uk": ("понеділок|пн вівторок|вт середа|ср четвер|чт пʼятниця|пт субота|сб неділя|нд"),
    "be": ("панядзелак|пн аўторак|аў серада|ср чацвер|чц пятніца|пт субота|сб нядзеля|нд"),
    "bg": ("понеделник|пн вторник|вт сряда|ср четвъртък|чт петък|пт събота|сб неделя|нд"),
    "mk": ("понеделник|пон вторник|вто среда|сре четврток|чет петок|пет сабота|саб недела|нед"),
    "sr": ("понедељак|пон уторак|уто среда|сре четвртак|чет петак|пет субота|суб недеља|нед"),
    "sh": ("ponedeljak|pon utorak|uto sreda|sre četvrtak|čet petak|pet subota|sub nedelja|ned"),
    "hr": ("ponedjeljak|pon utorak|uto srijeda|sri četvrtak|čet petak|pet subota|sub nedjelja|ned"),
    "sl": ("ponedeljek|pon torek|tor sreda|sre četrtek|čet petek|pet sobota|sob nedelja|ned"),
    "lt": (
        "pirmadienis|pr antradienis|an trečiadienis|tr ketvirtadienis|kt penktadienis|pn "
        "šeštadienis|št sekmadienis|sk"
    ),
    "lv": (
        "pirmdiena|pirmd otrdiena|otrd trešdiena|trešd ceturtdiena|ceturtd piektdiena|piektd "
        "sestdiena|sestd svētdiena|svētd"
    ),
    "et": ("esmaspäev teisipäev kolmapäev neljapäev reede laupäev pühapäev"),
    "tr": ("pazartesi|pzt salı|sal çarşamba|çar perşembe|per cuma|cum cumartesi|cmt pazar|paz"),
    "sq": ("hën mar mër enj pre sht die"),
    "ca": ("dilluns|dl dimarts|dt dimecres|dc dijous|dj divendres|dv dissabte|ds diumenge|dg"),
    "eu": (
        "astelehena|al asteartea|ar asteazkena|az osteguna|og ostirala|or larunbata|lr igandea|ig"
    ),
    "gl": ("luns martes|mar mércores|mér xoves|xov venres|ven sábado|sáb domingo|dom"),
    "id": ("senin|sen selasa|sel rabu|rab kamis|kam jumat|jum sabtu|sab minggu|min"),
    "ms": ("isnin|isn selasa|sel rabu|rab khamis|kha jumaat|jum sabtu|sab ahad|ahd"),
    "sw": ("jumatatu jumanne jumatano alhamisi ijumaa jumamosi jumapili"),
    "ar": ("الاثنين الثلاثاء الأربعاء الخميس الجمعة السبت الأحد"),
    "hi": ("सोमवार|सोम मंगलवार|मंगल बुधवार|बुध गुरुवार|गुरु शुक्रवार|शुक्र शनिवार|शनि रविवार|रवि"),
}
