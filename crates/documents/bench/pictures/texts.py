"""Texts of the pictures, by language: a title, paragraphs, and the rows of a table."""

TEXTS = {
    "en": (
        "Lease of the workshop at 14 Mill Lane",
        [
            "The landlord lets the workshop on the ground floor, together with the yard and two parking spaces, from 1 March 2027. "
            "The lease runs for five years and ends without notice on 29 February 2032.",
            "The rent is £1,240.50 a month, due on the third working day. Heating, water and the cleaning of the stairs are paid in "
            "advance at £185; the landlord sends an account by 30 June of the following year.",
            "The tenant may keep machines that weigh up to 800 kg. Anything heavier needs written consent, because the floor above the "
            "cellar (built in 1911) carries only 5 kN/m². Questions: lettings@mill-lane.example, extension 27.",
        ],
        [
            ("Item", "Quantity", "Unit price", "Total"),
            ("Keys for the front door", "4", "12.80", "51.20"),
            ("Smoke detectors", "6", "23.95", "143.70"),
            ("Hours of an electrician", "7.5", "58.00", "435.00"),
            ("Fire extinguisher, 6 kg", "2", "64.10", "128.20"),
        ],
    ),
    "de": (
        "Mietvertrag über die Werkstatt am Mühlweg 14",
        [
            "Der Vermieter überlässt dem Mieter ab dem 1. März 2027 die Werkstatt im Erdgeschoss mit dem Hof und zwei Stellplätzen. "
            "Der Vertrag läuft fünf Jahre und endet am 29. Februar 2032, ohne dass es einer Kündigung bedarf.",
            "Die Miete beträgt 1.240,50 € im Monat und ist am dritten Werktag fällig. Für Heizung, Wasser und Treppenreinigung zahlt "
            "der Mieter 185 € im Voraus; bis zum 30. Juni des folgenden Jahres wird abgerechnet.",
            "Maschinen dürfen höchstens 800 kg wiegen. Für größere Lasten ist eine schriftliche Erlaubnis nötig, weil die Decke über "
            "dem Keller (Baujahr 1911) nur 5 kN/m² trägt. Rückfragen: vermietung@muehlweg.example, Durchwahl 27.",
        ],
        [
            ("Bezeichnung", "Menge", "Einzelpreis", "Summe"),
            ("Schlüssel für die Haustür", "4", "12,80", "51,20"),
            ("Rauchmelder", "6", "23,95", "143,70"),
            ("Stunden eines Elektrikers", "7,5", "58,00", "435,00"),
            ("Feuerlöscher, 6 kg", "2", "64,10", "128,20"),
        ],
    ),
    "fr": (
        "Bail de l'atelier situé 14, chemin du Moulin",
        [
            "Le bailleur loue à partir du 1er mars 2027 l'atelier du rez-de-chaussée, avec la cour et deux places de stationnement. "
            "Le bail est conclu pour cinq ans et s'achève le 29 février 2032 sans qu'un congé soit nécessaire.",
            "Le loyer s'élève à 1 240,50 € par mois, payable le troisième jour ouvrable. Le chauffage, l'eau et le ménage de "
            "l'escalier font l'objet d'une avance de 185 €, régularisée avant le 30 juin de l'année suivante.",
            "Les machines ne dépassent pas 800 kg. Au-delà, un accord écrit est exigé, car le plancher au-dessus de la cave (bâtie en "
            "1911) ne supporte que 5 kN/m². Où s'adresser : location@moulin.example, poste 27.",
        ],
        [
            ("Désignation", "Quantité", "Prix unitaire", "Montant"),
            ("Clés de la porte d'entrée", "4", "12,80", "51,20"),
            ("Détecteurs de fumée", "6", "23,95", "143,70"),
            ("Heures d'électricien", "7,5", "58,00", "435,00"),
            ("Extincteur à poudre, 6 kg", "2", "64,10", "128,20"),
        ],
    ),
    "ru": (
        "Договор аренды мастерской",
        [
            "Арендодатель передаёт арендатору с 1 марта 2027 года мастерскую на первом этаже вместе с двором и двумя местами для "
            "машин. Договор действует пять лет и прекращается 29 февраля 2032 года без предупреждения.",
            "Плата составляет 48 500 рублей в месяц и вносится до третьего рабочего дня. Отопление, вода и уборка лестницы "
            "оплачиваются вперёд; отчёт присылают до 30 июня следующего года.",
            "Станки не должны весить больше 800 кг. Для более тяжёлых нужно письменное согласие, потому что перекрытие над "
            "подвалом построено в 1911 году.",
        ],
        [
            ("Наименование", "Количество", "Цена", "Сумма"),
            ("Ключи от входной двери", "4", "320", "1280"),
            ("Датчики дыма", "6", "950", "5700"),
            ("Работа электрика, часы", "7", "1400", "9800"),
        ],
    ),
    "el": (
        "Μίσθωση του εργαστηρίου",
        [
            "Ο ιδιοκτήτης παραχωρεί από την 1η Μαρτίου 2027 το εργαστήριο στο ισόγειο, μαζί με την αυλή και δύο θέσεις στάθμευσης. "
            "Η μίσθωση διαρκεί πέντε χρόνια και λήγει στις 29 Φεβρουαρίου 2032.",
            "Το μίσθωμα είναι 640 ευρώ τον μήνα και πληρώνεται την τρίτη εργάσιμη ημέρα. Η θέρμανση, το νερό και ο καθαρισμός της "
            "σκάλας προπληρώνονται.",
            "Τα μηχανήματα δεν ζυγίζουν πάνω από 800 κιλά. Για βαρύτερα χρειάζεται γραπτή άδεια, επειδή το υπόγειο χτίστηκε το 1911.",
        ],
        [
            ("Είδος", "Ποσότητα", "Τιμή", "Σύνολο"),
            ("Κλειδιά εισόδου", "4", "12,80", "51,20"),
            ("Ανιχνευτές καπνού", "6", "23,95", "143,70"),
            ("Ώρες ηλεκτρολόγου", "7", "58,00", "406,00"),
        ],
    ),
    "zh": (
        "车间租赁合同",
        [
            "出租人自二〇二七年三月一日起，将一楼车间连同院子和两个停车位租给承租人。合同期限为五年，于2032年2月29日终止，无须另行通知。",
            "租金为每月8500元，应在第三个工作日之前支付。暖气、自来水和楼梯清洁的费用预付1200元，次年6月30日以前结算。",
            "机器的重量不得超过800公斤。更重的设备需要书面同意，因为地下室上方的楼板建于1911年，承重有限。如有疑问，请拨打分机27。",
        ],
        [
            ("名称", "数量", "单价", "金额"),
            ("大门钥匙", "4", "35", "140"),
            ("烟雾报警器", "6", "88", "528"),
            ("电工工时", "7", "150", "1050"),
        ],
    ),
    "ja": (
        "作業場の賃貸借契約書",
        [
            "貸主は2027年3月1日から、一階の作業場を中庭および駐車場二台分とともに借主に貸し出します。契約期間は五年で、2032年2月29日に予告なく終了します。",
            "賃料は月額185000円とし、毎月第三営業日までに支払うものとします。暖房、水道、階段の清掃の費用は前払いで、翌年の6月30日までに精算します。",
            "機械の重さは800キログラムまでとします。それより重いものには書面による許可が必要です。地下室の上の床が1911年に作られたためです。",
        ],
        [
            ("品目", "数量", "単価", "合計"),
            ("玄関の鍵", "4", "600", "2400"),
            ("火災報知器", "6", "3200", "19200"),
            ("電気工事の時間", "7", "5500", "38500"),
        ],
    ),
    "ar": (
        "عقد إيجار الورشة",
        [
            "يؤجر المالك للمستأجر ابتداء من أول مارس الورشة الواقعة في الطابق الأرضي مع الفناء وموقفين للسيارات. مدة العقد خمس "
            "سنوات وينتهي دون إشعار مسبق.",
            "يدفع المستأجر الأجرة كل شهر قبل اليوم الثالث من أيام العمل. تدفع تكاليف التدفئة والماء وتنظيف الدرج مقدما، ويرسل "
            "المالك الحساب في الصيف التالي.",
            "لا يجوز أن تكون الآلات ثقيلة جدا. ما زاد على ذلك يحتاج إلى موافقة مكتوبة، لأن أرضية القبو قديمة.",
        ],
        [
            ("البند", "الكمية", "السعر"),
            ("مفاتيح الباب", "4", "50"),
            ("كاشف الدخان", "6", "120"),
        ],
    ),
    "hi": (
        "कार्यशाला का किराया अनुबंध",
        [
            "मालिक पहली मार्च से भूतल की कार्यशाला, आँगन और दो गाड़ियों की जगह किराए पर देता है। अनुबंध पाँच वर्ष तक चलेगा और बिना "
            "सूचना के समाप्त होगा।",
            "किराया हर महीने के तीसरे कार्य दिवस तक देना होगा। पानी, बिजली और सीढ़ियों की सफाई का खर्च पहले से दिया जाता है, और "
            "हिसाब अगले वर्ष जून में भेजा जाता है।",
            "भारी मशीनों के लिए लिखित अनुमति चाहिए, क्योंकि तहखाने के ऊपर का फर्श पुराना है।",
        ],
        [
            ("वस्तु", "संख्या", "मूल्य"),
            ("दरवाज़े की चाबियाँ", "4", "250"),
            ("धुआँ सूचक", "6", "900"),
        ],
    ),
}
