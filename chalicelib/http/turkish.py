# ruff: noqa: RUF001  # the dotless i is a letter of Turkish, not a mistyped one
"""Errors in Turkish: by the English sentence where that is more exact, and for every code.

A sentence with `{name}` in it is found by that form of it, and must name the same facts in Turkish; see `WallifyError`.
To say something new: `raise BadRequest("A batch has 1 to {limit} files.", limit=500)`, and its line here.
"""

from __future__ import annotations

from collections.abc import Mapping

from chalicelib.engine.file_types import FORMATS
from chalicelib.http.validation import EMPTY, HINTS, LISTED, NO_BODY, REPEATED, UNKNOWN
from chalicelib.names import MISNAMED


def _of_values_and_bodies(said: Mapping[str, str]) -> dict[str, str]:
    """Whole sentences from what is said of a value, and of a body as a whole."""
    of_values = {f"{{parameter}} {english}.": f"{{parameter}} {turkish}." for english, turkish in said.items()}
    return of_values | {f"The body {english}.": f"Gövde {turkish}." for english, turkish in said.items()}


def _of_misnamed_files() -> dict[str, str]:
    """A sentence for each extension: what a record says of its file has its facts in it already."""
    turkish = "Dosyanın baytları adının söylediği türden değil; resim .{extension} olarak kataloglandı."
    extensions = [known.extension for known in FORMATS.values()]
    return {MISNAMED.format(extension=one): turkish.format(extension=one) for one in extensions}


def _of_unknown_names() -> dict[str, str]:
    """What `wrongs.unknown` puts together: what is not known, what is allowed, and a hint."""
    unknown = zip(UNKNOWN.values(), _UNKNOWN, strict=True)
    return {
        english + listed + hint: turkish + listed_turkish + hint_turkish
        for english, turkish in unknown
        for listed, listed_turkish in zip(LISTED.values(), _LISTED, strict=True)
        for hint, hint_turkish in zip(HINTS.values(), _HINTS, strict=True)
    }


_UNKNOWN = (
    "`{parameter}` diye bir parametre yok.",
    "`{parameter}` diye bir alan yok.",
    "`{parameter}` diye bir başlık yok.",
)
_LISTED = (" Kabul edilenler: {allowed}.", " Burada hiçbiri kabul edilmez.")
_HINTS = (
    "",
    " `{did_you_mean}` mi demek istediniz?",
    " Onu adreste gönderin.",
    " Onu formun bir alanı olarak gönderin.",
    " Onu JSON gövdesinde gönderin.",
)

TURKISH = {
    "A collection cannot be called {collection}: programs send that where a value is missing. Name the "
    "collection, or leave the field out for {default}.": (
        "Bir koleksiyonun adı {collection} olamaz: programlar bunu değer eksikken gönderir. Koleksiyonu adlandırın "
        "ya da {default} için alanı hiç göndermeyin."
    ),
    # For every code.
    "bad_request": "İstek anlaşılamadı.",
    "empty_file": "Dosya boş.",
    "unauthorized": "Geçerli bir token gerekli.",
    "forbidden": "Token bu işlem için yetkili değil.",
    "not_found": "Burada bir şey yok.",
    "task_not_found": "Bu kimlikte bir görev yok.",
    "image_not_found": "Böyle bir resim yok.",
    "preset_not_found": "Resmin böyle bir boyutu yok.",
    "object_not_found": "Depoda böyle bir nesne yok.",
    "dead_letter_not_found": "Kuyrukta bu kimlikte bir ölü ileti yok.",
    "method_not_allowed": "Bu adres bu yöntemi kabul etmiyor.",
    "conflict": "Bunu az önce başkası değiştirdi.",
    "illegal_transition": "Görev bulunduğu durumdan istenen duruma geçemez.",
    "name_taken": "Koleksiyonda bu adda başka bir resim var.",
    "duplicate_image": "Koleksiyonda bu resmin aynısı zaten var.",
    "idempotency_key_reused": "Bu Idempotency-Key başka bir istek için kullanılmış.",
    "nothing_accepted": "Dosyaların hiçbiri kabul edilemez.",
    "collection_not_empty": "Koleksiyonda resimler var; onları da silmek için force=true deyin.",
    "collection_exists": "Bu adda bir koleksiyon zaten var.",
    "collection_is_renamed": (
        "Koleksiyon, henüz başarıyla bitmemiş bir yeniden adlandırmanın parçası; görevini bekleyin ya da onu yeniden "
        "isteyin."
    ),
    "rename_overtaken": (
        "İki koleksiyondan biri bu arada silindi ya da yeniden adlandırıldı; yeniden adlandırmayı bir daha isteyin."
    ),
    "collection_not_found": "Böyle bir koleksiyon yok.",
    "token_revoked": "Anahtar iptal edilmiş; iptal geri alınmaz, yenisini oluşturun.",
    "admin_would_go": (
        "Bu, admin yetkisini isteği yapan anahtardan ya da ona sahip son anahtardan alır; yine de yapmak için"
        " confirm=true gönderin."
    ),
    "bad_signature": "Adres imzalı değil ya da imzanın süresi dolmuş.",
    "privacy_is_settled": "Koleksiyonda resimler var; gizliliği yalnız boşken değişir.",
    "privacy_differs": "Resimler gizli ve açık koleksiyonlar arasında taşınmaz; oraya yeniden yükleyin.",
    "catalogue_empty": "Katalog boş ama depo dolu: hiçbir şey kaldırılmadı.",
    "too_many_orphans": (
        "Sahipsiz görünen nesneler bir çalışmanın kaldırabileceğinden fazla: başka hiçbir şey kaldırılmadı."
    ),
    "worker_lost": "İşçileri öldü ya da süresi doldu.",
    "time_limit": "İş izin verilenden uzun sürdü.",
    "upload_expired": "Dosya hiç gelmedi.",
    "dead_letter": "Mesajı çok kez alındı ama iş başarılamadı.",
    "budget_spent": "Bu çalışma, kaldırabileceği kadar nesneyi kaldırdı; daha fazlası kaldırılmadı.",
    "catalogue_incomplete": "Katalog bir resmin kayıtlarından bir kısmını yitirmiş; hiçbir şey kaldırılmadı.",
    "still_running": "Bu programın önceki çalışması henüz bitmedi.",
    "schedule_not_found": "Bu adda bir program yok.",
    "payload_too_large": "Dosya bu adresin kabul ettiğinden büyük.",
    "unsupported_type": "Bu dosya türü desteklenmiyor.",
    "unsupported_coding": "Gövde sıkıştırılmış; Content-Encoding olmadan, olduğu gibi gönderin.",
    "not_an_image": "Dosya bir resim değil.",
    "image_damaged": "Resim bozuk ya da yarım.",
    "image_too_large": "Resim işleyebileceğimizden büyük ya da fazla iş istiyor.",
    "source_gone": "Yüklenen dosya artık depoda yok.",
    "too_many_requests": "Aynı anda çok fazla istek var; birazdan yeniden deneyin.",
    "unavailable": "Sistemin bir parçası şu an yanıt vermiyor; birazdan yeniden deneyin.",
    "misconfigured": "Wallify gerektiği gibi kurulmamış; neyin düzeltileceğini yöneticileri görebilir.",
    "internal_error": "Wallify içinde bir şeyler ters gitti.",
    # For sentences that say more than their code.
    "The bucket lists no object, although the catalogue has images.": (
        "Katalogda resimler var ama depo hiçbir nesne göstermiyor."
    ),
    "Stopped at its limit: {taken} objects were taken away, of {seen} seen, and this run may take {cap}. "
    "See that they are rubbish, then run clean-up again, with a larger limit if need be.": (
        "Sınırında durdu: bakılan {seen} nesneden {taken} tanesi kaldırıldı; bu çalışma en çok {cap} kaldırabilir. "
        "Gereksiz olduklarını görün, sonra temizliği yeniden, gerekirse daha büyük bir sınırla çalıştırın."
    ),
    "This takes JSON: set Content-Type to {send}.": "Buraya JSON gönderilir: Content-Type başlığı {send} olsun.",
    "Another site has sent this request; sign in and out on the monitor's own page.": (
        "Bu isteği başka bir site gönderdi; giriş ve çıkış monitörün kendi sayfasında yapılır."
    ),
    "Too many attempts have failed; try again in {retry_after} seconds.": (
        "Çok fazla deneme başarısız oldu; {retry_after} saniye sonra yeniden deneyin."
    ),
    "Somebody else changed this record first.": "Bu kaydı az önce başkası değiştirdi.",
    "The collection has become private and public again and again; try again shortly.": (
        "Koleksiyon üst üste gizli ve açık oldu; birazdan yeniden deneyin."
    ),
    "The task has ended already.": "Görev zaten sona ermiş.",
    "The upload was cancelled.": "Yükleme iptal edildi.",
    "There is no such token.": "Böyle bir token yok.",
    "There is no such queue.": "Böyle bir kuyruk yok.",
    "A queue can be purged once a minute.": "Bir kuyruk dakikada bir kez boşaltılabilir.",
    "confirm must be the queue's name.": "confirm, kuyruğun adı olmalı.",
    "The queue does not answer as it should; try again shortly.": (
        "Kuyruk gerektiği gibi yanıt vermiyor; birazdan yeniden deneyin."
    ),
    "There is no such collection.": "Böyle bir koleksiyon yok.",
    "The cursor is not one of ours.": "Bu imleç bizim verdiğimiz bir imleç değil.",
    "The address has expired.": "Adresin süresi dolmuş.",
    "The cursor is not one of ours, or it was changed; start again without it.": (
        "Bu imleç bizim verdiğimiz bir imleç değil ya da değiştirilmiş; onsuz baştan başlayın."
    ),
    "The cursor belongs to another list; send it to the address that gave it.": (
        "Bu imleç başka bir listeye ait; onu veren adrese gönderin."
    ),
    "The cursor belongs to other filters or another order; repeat those that it was given for.": (
        "Bu imleç başka filtrelere ya da başka bir sıralamaya ait; verildiği filtreleri ve sıralamayı yineleyin."
    ),
    "Give at least one filter: {allowed}.": "En az bir süzgeç verin: {allowed}.",
    "Unknown preset `{preset}`. This image has: {presets}.": (
        "`{preset}` diye bir boyut yok. Bu resimde olanlar: {presets}."
    ),
    "limit and per_page mean the same; give one of them.": "limit ile per_page aynı anlama gelir; birini verin.",
    "retryable belongs to state=FAILURE.": "retryable yalnız state=FAILURE ile kullanılır.",
    "collection, filename or name must be given.": "collection, filename ya da name verilmeli.",
    "name is made of filename; give one of them.": "name, filename alanından türetilir; birini verin.",
    "Give one of image_id, collection and all.": "image_id, collection ve all alanlarından yalnız birini verin.",
    "image_id, collection or all must be given.": "image_id, collection ya da all verilmeli.",
    "Give collection, filename and the like for each of the files.": (
        "collection, filename ve benzerlerini dosyaların her biri için verin."
    ),
    "seed belongs to sort=random.": "seed yalnız sort=random ile kullanılır.",
    "Ask by cursor or by page, not by both.": "Ya imleçle ya sayfa numarasıyla sorun; ikisi birden olmaz.",
    "This collection has more images than one look sorts; ask for the newest first, and follow the cursor.": (
        "Koleksiyon bir seferde sıralanamayacak kadar büyük; en yenileri isteyip imleçle ilerleyin."
    ),
    # What a picture's record says about its file; see core/remarks.py.
    "The JPEG's coded pixels end too early: a part of the picture is missing or broken.": (
        "JPEG'in kodlanmış pikselleri erken bitiyor: resmin bir bölümü eksik ya da bozuk."
    ),
    "The JPEG's coded pixels do not fit its size: a part of the picture is missing or broken.": (
        "JPEG'in kodlanmış pikselleri boyutuna uymuyor: resmin bir bölümü eksik ya da bozuk."
    ),
    "The JPEG's restart markers are too few or out of order: a part of the picture is missing or broken.": (
        "JPEG'in yeniden başlatma işaretleri eksik ya da sırasız: resmin bir bölümü eksik ya da bozuk."
    ),
    "The JPEG's coded pixels have zeros inside that no picture yields: a part of the picture is missing.": (
        "JPEG'in kodlanmış piksellerinin içinde hiçbir resimde olmayan sıfırlar var: resmin bir bölümü eksik."
    ),
    "The JPEG has no pixels for one of its colours.": "JPEG'de renklerden birinin pikselleri yok.",
    "The JPEG's last scans are missing, without which its colours and brightness are only roughly known.": (
        "JPEG'in son taramaları yok; onlar olmadan renkleri ve parlaklığı yalnızca kabaca biliniyor."
    ),
    "The JPEG's last scans are missing, so its detail is coarser than its encoder meant it.": (
        "JPEG'in son taramaları yok; ayrıntıları, kodlayıcısının amaçladığından daha kaba."
    ),
    "The JPEG has a few bytes behind its coded pixels that belong to nothing; the public copy is without them.": (
        "JPEG'in kodlanmış piksellerinin ardında hiçbir şeye ait olmayan birkaç bayt var; yayımlanan kopyada yoklar."
    ),
    "Something that the PNG says beside its pixels does not match its checksum, and is left out.": (
        "PNG'nin piksellerinin yanında söylediği bir şey sağlama toplamına uymuyor; dışarıda bırakıldı."
    ),
    "A checksum of the PNG's pixels is wrong, although the pixels are right; the public copy has the right one.": (
        "PNG'nin piksellerinin bir sağlama toplamı yanlış, ama pikselleri doğru; yayımlanan kopyada doğrusu var."
    ),
    "The checksum in the PNG's packed pixels is wrong or missing, although all are there; the public copy has it.": (
        "PNG'nin paketlenmiş piksellerindeki sağlama toplamı yanlış ya da eksik, ama piksellerin hepsi var; "
        "yayımlanan kopyada doğrusu var."
    ),
    "The PNG has no end chunk; the public copy has one.": "PNG'nin bitiş parçası yok; yayımlanan kopyada var.",
    "Text or a colour profile of the PNG is longer than is usual, or broken; decoders may refuse the original.": (
        "PNG'deki bir metin ya da renk profili alışılandan uzun ya da bozuk; çözücüler özgün dosyayı reddedebilir."
    ),
    "The TIFF has more pages than one; the picture is the first of them.": (
        "TIFF'in birden çok sayfası var; resim bunların ilkidir."
    ),
    "The TIFF begins with a smaller copy of its picture; the picture itself is taken.": (
        "TIFF, resminin küçük bir kopyasıyla başlıyor; resmin kendisi alındı."
    ),
    "The HEIC has more pictures than one; the picture is the primary one.": (
        "HEIC'te birden çok resim var; alınan, asıl resimdir."
    ),
    "The picture's gain map is left out; the public copy has the standard range of brightness.": (
        "Resmin kazanç haritası alınmadı; yayımlanan kopya standart parlaklık aralığındadır."
    ),
    "The GIF has no trailer; the public copy has one.": "GIF'in bitiş baytı yok; yayımlanan kopyada var.",
    "Bytes behind a frame of the GIF cannot be read; the public copy is without them and what follows them.": (
        "GIF'in bir karesinin ardındaki baytlar okunamıyor; yayımlanan kopyada onlar ve ardındakiler yok."
    ),
    "The WebP's size is not what its header says, or a part without pixels is cut; the public copy is right.": (
        "WebP'nin boyu başlığında yazan değil ya da piksel taşımayan bir parçası yarım; yayımlanan kopya doğru."
    ),
    "The AVIF has bytes behind its picture that belong to nothing; the public copy is without them.": (
        "AVIF'te resmin ardında hiçbir şeye ait olmayan baytlar var; yayımlanan kopyada yoklar."
    ),
    "The AVIF's Exif cannot be read, and is left out.": "AVIF'in Exif verileri okunamıyor; dışarıda bırakıldı.",
    "The animation begins with blank frames; its still is the first one that shows something.": (
        "Animasyon boş karelerle başlıyor; durağan görüntüsü, bir şey gösteren ilk karesi."
    ),
    "The animation has more frames or pixels than are published, so it is shown as a still of its first frame.": (
        "Animasyonun kareleri ya da pikselleri yayımlanandan fazla; ilk karesi durağan bir resim olarak gösterilir."
    ),
    "The WebP's coded pixels end in zeros: a part of the picture is missing.": (
        "WebP'nin kodlanmış pikselleri sıfırlarla bitiyor: resmin bir bölümü eksik."
    ),
    "The AVIF's coded pixels end in zeros: a part of the picture is missing.": (
        "AVIF'in kodlanmış pikselleri sıfırlarla bitiyor: resmin bir bölümü eksik."
    ),
    "The JPEG has more than one start marker; decoders may refuse the original. The public copy has one.": (
        "JPEG'in birden çok başlangıç işareti var; çözücüler aslını reddedebilir. Yayımlanan kopyada bir tane var."
    ),
    "The JPEG has no end marker; the public copy has one.": "JPEG'in bitiş işareti yok; yayımlanan kopyada var.",
    "There is an object under this key again.": "Bu anahtarın altında yine bir nesne var.",
    "This takes one file; send many to POST /bulk_upload.": (
        "Bu adres tek dosya alır; çok dosyayı POST /bulk_upload adresine gönderin."
    ),
    "filename, or files, must be given.": "filename ya da files verilmeli.",
    "content_type has up to {limit} ASCII characters, such as image/jpeg; leave it out if it is not known.": (
        "content_type en çok {limit} ASCII karakterdir, örneğin image/jpeg; bilmiyorsanız hiç vermeyin."
    ),
    # Of forms, fields and bodies; a word in braces stands for the detail of that name.
    "The body is coded as {coding} (Content-Encoding); send it as it is, without that header.": (
        "Gövde {coding} ile kodlanmış (Content-Encoding); bu başlık olmadan, olduğu gibi gönderin."
    ),
    "The Content-Type header lacks boundary=; do not set that header yourself, let your client set it.": (
        "Content-Type başlığında boundary= eksik; bu başlığı siz koymayın, istemciniz koysun."
    ),
    "The Content-Type header is missing; send the file as a form ({send}), in the field {field}.": (
        "Content-Type başlığı yok; dosyayı form olarak ({send}), {field} alanında gönderin."
    ),
    "A form of type {type} holds no file; send it as {send}, with the file in the field {field}.": (
        "{type} türündeki form dosya taşımaz; formu {send} olarak, dosya {field} alanında olmak üzere gönderin."
    ),
    "This takes a form ({send}) with the file in the field {field}, not JSON.": (
        "Bu adres JSON değil, dosyası {field} alanında olan bir form ({send}) alır."
    ),
    "This takes a form of type {send}, not {type}.": "Bu adres {type} değil, {send} türünde bir form alır.",
    "The body is the file itself ({type}); send it as a form ({send}), in the field {field}.": (
        "Gövde dosyanın kendisi ({type}); onu form olarak ({send}), {field} alanında gönderin."
    ),
    "This takes JSON (Content-Type: application/json), not a form.": (
        "Bu adres form değil, JSON alır (Content-Type: application/json)."
    ),
    "This takes JSON (Content-Type: application/json), not the file itself.": (
        "Bu adres dosyanın kendisini değil, JSON alır (Content-Type: application/json)."
    ),
    "The request has no body; send a form with the file in the field {field}.": (
        "İsteğin gövdesi yok; dosyası {field} alanında olan bir form gönderin."
    ),
    "The form is empty; it needs the field {field}.": "Form boş; {field} alanı gerekli.",
    "The form has no field {field}; it has {fields}.": "Formda {field} alanı yok; olanlar: {fields}.",
    "Send the file in {field}; you sent it in {sent}.": "Dosyayı {field} alanında gönderin; {sent} alanında geldi.",
    "Send the file in {field}; you sent it in {sent}, where POST /bulk_upload takes many files.": (
        "Dosyayı {field} alanında gönderin; {sent} alanında geldi. Çok dosyayı o alanda POST /bulk_upload alır."
    ),
    "Send the files in {field} (or files); you sent them in {sent}.": (
        "Dosyaları {field} (ya da files) alanında gönderin; {sent} alanında geldiler."
    ),
    "The field {field} comes more than once; each may come once.": (
        "{field} alanı birden çok kez geliyor; her alan bir kez gelebilir."
    ),
    "The field {field} holds a file; only {files} takes files.": (
        "{field} alanında dosya var; dosyalar yalnız {files} alanında gelebilir."
    ),
    "The field {field} holds a text, not a file; with curl, write {field}=@photo.jpg.": (
        "{field} alanında dosya değil metin var; curl ile {field}=@photo.jpg yazın."
    ),
    "No file was chosen for the field {field}.": "{field} alanı için dosya seçilmemiş.",
    "The field {field} has more than {limit} bytes.": "{field} alanı {limit} bayttan uzun.",
    "The field {field} must be text in UTF-8.": "{field} alanı UTF-8 metin olmalı.",
    "The field {field} is in a character set that we do not know.": "{field} alanının karakter kümesi bilinmiyor.",
    "The field {field} is declared as base64, and is not.": "{field} alanı base64 olarak bildirilmiş, ama öyle değil.",
    "The field {field} has the transfer coding {coding}; send its bytes as they are.": (
        "{field} alanı {coding} ile aktarılmış; baytlarını olduğu gibi gönderin."
    ),
    "The field {field} holds a form inside the form ({type}); send each file as a part of its own.": (
        "{field} alanında form içinde form var ({type}); her dosyayı ayrı bir parça olarak gönderin."
    ),
    "A part of the form has no name; its Content-Disposition needs name=.": (
        "Formun bir parçası adsız; Content-Disposition başlığında name= olmalı."
    ),
    "The body does not hold the boundary that the Content-Type header names; let your client set both.": (
        "Content-Type başlığındaki sınır (boundary) gövdede yok; ikisini de istemciniz koysun."
    ),
    "The form is cut off: its last line, the closing boundary, is missing.": (
        "Form yarıda kesilmiş: son satırı, kapanış sınırı, eksik."
    ),
    "The lines of the form end with LF alone; multipart needs CRLF.": (
        "Formun satırları yalnız LF ile bitiyor; multipart CRLF ister."
    ),
    "A part of the form has no Content-Disposition header.": "Formun bir parçasında Content-Disposition başlığı yok.",
    "A part of the form has a Content-Disposition that is not form-data.": (
        "Formun bir parçasının Content-Disposition başlığı form-data değil."
    ),
    "A part of the form has a Content-Length that is not its length.": (
        "Formun bir parçasının Content-Length başlığı uzunluğuna uymuyor."
    ),
    "The form has more than {parts} parts.": "Formda {parts} parçadan fazlası var.",
    "A part of the form has more than 8 headers, or one of more than {bytes} bytes.": (
        "Formun bir parçasında 8'den çok başlık ya da {bytes} bayttan uzun bir başlık var."
    ),
    "A part of the form has a header that cannot be read.": "Formun bir parçasında okunamayan bir başlık var.",
    "The form is broken: what stands beside a boundary is not what multipart/form-data allows.": (
        "Form bozuk: bir sınırın yanında multipart/form-data kurallarına uymayan baytlar var."
    ),
    "A file name must not hold control characters or line breaks.": (
        "Dosya adında denetim karakteri ya da satır sonu olamaz."
    ),
    "A collection's name has 1 to 64 letters, digits, spaces, '_', '-' or '.'; the first is a letter or digit.": (
        "Koleksiyon adı 1-64 harf, rakam, boşluk, '_', '-' ya da '.' içerir; ilki harf ya da rakamdır."
    ),
    "A file name has at most {limit} characters.": "Dosya adı en çok {limit} karakter olabilir.",
    "An Idempotency-Key has 1 to {limit} characters.": "Idempotency-Key 1 ile {limit} karakter arasında olmalı.",
    "A bulk upload has 1 to {limit} files.": "Toplu yüklemede 1 ile {limit} arasında dosya olmalı.",
    "A batch has 1 to {limit} files.": "Bir seferde 1 ile {limit} arasında dosya bildirilebilir.",
    "1 to {limit} images can be deleted at once.": "Bir seferde 1 ile {limit} arasında resim silinebilir.",
    "This schedule does not take {parameter}.": "Bu program {parameter} almıyor.",
    "An earlier try of this request is being given up.": "Bu isteğin önceki denemesinden şu an vazgeçiliyor.",
    "Run the schedule again instead.": "Bunun yerine programı yeniden çalıştırın.",
    "This job is too large to be retried whole: retry its tasks by a filter (parent).": (
        "Bu iş bütünüyle yeniden denenemeyecek kadar büyük: görevlerini bir süzgeçle (parent) yeniden deneyin."
    ),
    "Only a task that has ended badly can be tried again.": "Yalnız kötü biten bir görev yeniden denenebilir.",
    "A task that is {status} cannot become {wanted}.": "{status} durumundaki görev {wanted} olamaz.",
    "filename and content_type, or files, must be given.": "filename ile content_type ya da files verilmeli.",
    "The request does not carry the session's X-CSRF-Token.": "İstekte oturumun X-CSRF-Token başlığı yok.",
    "Nothing can be sealed: there is no secret for keys, and no bootstrap secret.": (
        "Hiçbir şey mühürlenemez: ne anahtarlar için bir gizli değer var ne de ilk gizli anahtar."
    ),
    "The token that this address was made with has ended, or may not read any more.": (
        "Bu adresi oluşturan token artık geçerli değil ya da okuma yetkisi yok."
    ),
    # What another request was faster with.
    "There is a token with this digest already.": "Bu özetle bir token zaten var.",
    "There is a task with this id already.": "Bu kimlikte bir görev zaten var.",
    "There is an image with this id already.": "Bu kimlikte bir resim zaten var.",
    "The collection has changed meanwhile.": "Koleksiyon bu arada değişti.",
    "Somebody else changed this image first.": "Bu resmi az önce başkası değiştirdi.",
    "Somebody else changed this schedule first.": "Bu programı az önce başkası değiştirdi.",
    "Somebody else changed this token first.": "Bu token'ı az önce başkası değiştirdi.",
    "name, scopes or days must be given.": "name, scopes ya da days verilmeli.",
    "Somebody else changed this collection first.": "Bu koleksiyonu az önce başkası değiştirdi.",
    "name, private, title or description must be given.": "name, private, title ya da description verilmeli.",
    "Another name is given alone; send private, title and description before or after.": (
        "Yeni ad tek başına verilir; private, title ve description alanlarını önce ya da sonra gönderin."
    ),
    "There is a collection of this name already.": "Bu adda bir koleksiyon zaten var.",
    "Somebody else changed this task first.": "Bu görevi az önce başkası değiştirdi.",
    "The object has changed.": "Nesne değişti.",
    # What of ours does not answer.
    "The CDN works on as many requests as it takes.": "CDN şu an alabildiği kadar istekle uğraşıyor.",
    "The CDN does not answer as it should; try again shortly.": (
        "CDN gerektiği gibi yanıt vermiyor; birazdan yeniden deneyin."
    ),
    "A secret cannot be read; try again shortly.": "Bir gizli değer okunamıyor; birazdan yeniden deneyin.",
    "Some objects could not be removed.": "Bazı nesneler kaldırılamadı.",
    "The bucket does not answer as it should; try again shortly.": (
        "Depo gerektiği gibi yanıt vermiyor; birazdan yeniden deneyin."
    ),
    "The bucket does not answer; try again shortly.": "Depo yanıt vermiyor; birazdan yeniden deneyin.",
    # What a file is refused for.
    "The file has {bytes} bytes; at most {limit} are taken here.": (
        "Dosya {bytes} bayt; burada en çok {limit} bayt alınır."
    ),
    "Files of the type {type} are not taken; these types are: {supported}.": (
        "{type} türünde dosyalar alınmıyor; alınan türler: {supported}."
    ),
    "A {type} is not taken; develop it and upload the result as one of these types: {supported}.": (
        "{type} türünde dosyalar alınmıyor; fotoğrafı işleyip şu türlerden biriyle yükleyin: {supported}."
    ),
    "{coding} is not taken; save the picture again as one of these types: {supported}.": (
        "{coding} alınmıyor; resmi şu türlerden biriyle yeniden kaydedin: {supported}."
    ),
    "A side of the AVIF has {value} pixels; at most {limit} are decoded.": (
        "AVIF'in bir kenarı {value} piksel; en çok {limit} piksel açılır."
    ),
    "The TIFF's directories have {value} entries; at most {limit} are read.": (
        "TIFF'in dizinlerinde {value} kayıt var; en çok {limit} kayıt okunur."
    ),
    "A side of the image has {value} pixels; at most {limit} are processed.": (
        "Resmin bir kenarı {value} piksel; en çok {limit} piksel işlenir."
    ),
    "The animation has {value} frames; at most {limit} are read.": (
        "Animasyonda {value} kare var; en çok {limit} kare okunur."
    ),
    "The image has {value} pixels; at most {limit} are processed.": (
        "Resimde {value} piksel var; en çok {limit} işlenir."
    ),
    "The image of {pixels} pixels takes {value} bytes of memory to decode; at most {limit} are used for one.": (
        "{pixels} piksellik resmin çözülmesi {value} bayt bellek istiyor; bir resim için en çok {limit} kullanılır."
    ),
    "The image takes {value} bytes of memory to decode; at most {limit} are used for one.": (
        "Resmin çözülmesi {value} bayt bellek istiyor; bir resim için en çok {limit} kullanılır."
    ),
    "The image takes more memory than there is.": "Resim var olandan çok bellek istiyor.",
    "The file has {value} parts or more; at most {limit} are read.": (
        "Dosyada en az {value} parça var; en çok {limit} okunur."
    ),
    "The JPEG has {value} segments or more; at most {limit} are read.": (
        "JPEG'de en az {value} bölüm var; en çok {limit} okunur."
    ),
    "The JPEG has {value} Exif or Photoshop segments or more; at most {limit} are read.": (
        "JPEG'de en az {value} Exif ya da Photoshop bölümü var; en çok {limit} okunur."
    ),
    "The JPEG has {value} stray bytes between segments; at most {limit} are skipped.": (
        "JPEG'in bölümleri arasında {value} başıboş bayt var; en çok {limit} atlanır."
    ),
    "The JPEG has {value} scans or more; at most {limit} are decoded.": (
        "JPEG'de en az {value} tarama var; en çok {limit} çözülür."
    ),
    "The JPEG's scans go over {value} pixels in all; at most {limit} are decoded.": (
        "JPEG'in taramaları toplam {value} pikselden geçiyor; en çok {limit} çözülür."
    ),
    "The GIF has {value} data blocks or more; at most {limit} are read.": (
        "GIF'te en az {value} veri bloğu var; en çok {limit} okunur."
    ),
    "The file has {value} boxes or more side by side; at most {limit} are read.": (
        "Dosyada yan yana en az {value} kutu var; en çok {limit} okunur."
    ),
    "The file's boxes are nested {value} deep; at most {limit} levels are read.": (
        "Dosyanın kutuları {value} kat iç içe; en çok {limit} kat okunur."
    ),
    "The file has {value} items or pieces of items; at most {limit} are read.": (
        "Dosyada {value} öğe ya da öğe parçası var; en çok {limit} okunur."
    ),
    "The file's directory has {value} bytes; at most {limit} are read.": (
        "Dosyanın dizini {value} bayt; en çok {limit} okunur."
    ),
    "The first picture has {value} units or more; at most {limit} are read.": (
        "İlk resimde en az {value} birim var; en çok {limit} okunur."
    ),
    "The Exif block has {value} bytes; at most {limit} are read.": ("Exif bloğu {value} bayt; en çok {limit} okunur."),
    "A TIFF directory has {value} entries; at most {limit} are read.": (
        "Bir TIFF dizininde {value} kayıt var; en çok {limit} okunur."
    ),
    "A TIFF tag has {value} values; at most {limit} are read.": (
        "Bir TIFF etiketinde {value} değer var; en çok {limit} okunur."
    ),
    "The TIFF has {value} strips or tiles; at most {limit} are read.": (
        "TIFF'te {value} şerit ya da döşeme var; en çok {limit} okunur."
    ),
    "The run-length coded BMP has {value} pixels and bytes; at most {limit} are decoded.": (
        "Tekrar kodlu BMP'de {value} piksel ve bayt var; en çok {limit} çözülür."
    ),
    "The JPEG has no pixels.": "JPEG'in pikseli yok.",
    "The AVIF's items lie over each other.": "AVIF'in öğeleri üst üste biniyor.",
    "The file's structure cannot be read.": "Dosyanın yapısı okunamıyor.",
    "The AVIF's directory cannot be read.": "AVIF dizini okunamıyor.",
    "The HEIC has no directory.": "HEIC'in dizini yok.",
    "The HEIC is cut off.": "HEIC yarım kalmış.",
    "The HEIC's items lie over each other.": "HEIC'in öğeleri üst üste biniyor.",
    "The HEIC's directory cannot be read.": "HEIC dizini okunamıyor.",
    "The HEIC has no primary picture.": "HEIC'in asıl resmi yok.",
    "The HEIC has a picture without its parameters.": "HEIC'te parametreleri olmayan bir resim var.",
    "The HEIC lacks some of its tiles.": "HEIC'in bazı parçaları eksik.",
    "The HEIC's coded data is cut off.": "HEIC'in kodlanmış verisi yarım kalmış.",
    "The HEIC has a picture without a size.": "HEIC'te boyutu olmayan bir resim var.",
    "The HEIC's crop makes no sense.": "HEIC'in kırpması anlamsız.",
    "A part of the HEIC's pixels is missing: there are zeros in their place.": (
        "HEIC'in piksellerinin bir kısmı eksik: yerlerinde sıfırlar var."
    ),
    "The HEIC cannot be decoded.": "HEIC açılamıyor.",
    "The image takes more than {limit} seconds to decode.": "Resmin açılması {limit} saniyeden uzun sürüyor.",
    "A box reaches beyond the file.": "Bir kutu dosyanın dışına taşıyor.",
    "The file's list of items is broken.": "Dosyanın öğe listesi bozuk.",
    "The file's item locations have an unknown layout.": "Dosyanın öğe konumları bilinmeyen bir düzende.",
    "The JPEG has no end marker.": "JPEG'in bitiş işareti yok.",
    "A JPEG segment reaches beyond the file.": "Bir JPEG bölümü dosyanın dışına taşıyor.",
    "The PNG has no end chunk.": "PNG'nin bitiş parçası yok.",
    "A PNG chunk reaches beyond the file.": "Bir PNG parçası dosyanın dışına taşıyor.",
    "No checksum of the PNG's pixels is right.": "PNG'nin piksellerinin hiçbir sağlama toplamı doğru değil.",
    "A PNG chunk does not match its checksum.": "Bir PNG parçası sağlama toplamına uymuyor.",
    "The GIF is cut off.": "GIF yarım kalmış.",
    "The GIF has a block of no known kind.": "GIF'te bilinmeyen türde bir blok var.",
    "The WebP is shorter than its header says.": "WebP, başlığının söylediğinden kısa.",
    "A WebP chunk reaches beyond the file.": "Bir WebP parçası dosyanın dışına taşıyor.",
    "The WebP does not begin with a picture.": "WebP bir resimle başlamıyor.",
    "Strips or tiles of the TIFF are missing.": "TIFF'in şeritlerinden ya da karolarından bazıları eksik.",
    "A TIFF directory lies outside the file.": "Bir TIFF dizini dosyanın dışında kalıyor.",
    # How tasks end that nobody worked off.
    "Two workers in turn died or ran out of time over this image; it is not tried again.": (
        "Bu resim üzerinde art arda iki işçi öldü ya da süresi doldu; bir daha denenmez."
    ),
    "Its workers died or ran out of time, again and again.": "İşçileri tekrar tekrar öldü ya da süresi doldu.",
    "Its worker died or ran out of time.": "İşçisi öldü ya da süresi doldu.",
    "Not all of its files have arrived.": "Dosyalarının hepsi gelmedi.",
    "Another run of this schedule was faster.": "Bu programın başka bir çalışması daha hızlıydı.",
    "Its message was received too often without success.": "Mesajı çok kez alındı ama iş başarılamadı.",
    "Its worker died, ran out of time, or found no state store that it could tell.": (
        "İşçisi öldü, süresi doldu ya da durumu bildirebileceği kayıt deposuna ulaşamadı."
    ),
    "The job took longer than it may.": "İş izin verilenden uzun sürdü.",
    "The file never arrived.": "Dosya hiç gelmedi.",
    (
        "The state store did not answer, however often this was tried. What was done before is kept; nothing is taken"
        " away or changed while it cannot be read."
    ): (
        "Kayıt deposu kaç kez denendiyse de yanıt vermedi. Önceden yapılan korunur; okunamadığı sürece hiçbir şey"
        " silinmez ya da değiştirilmez."
    ),
    "Something went wrong inside Wallify.": "Wallify içinde bir şeyler ters gitti.",
    # What would be ignored; see `wrongs.py`.
    **_of_misnamed_files(),
    **_of_unknown_names(),
    REPEATED["parameter"]: "`{parameter}` parametresi yalnız bir kez gelebilir.",
    REPEATED["field"]: "`{parameter}` alanı yalnız bir kez gelebilir.",
    EMPTY: "{parameter} boş olamaz; istenmiyorsa hiç gönderilmemeli.",
    NO_BODY[True]: "{route} gövde almaz. Parametreleri adreste durur: {allowed}.",
    NO_BODY[False]: "{route} gövde de parametre de almaz.",
    # What is wrong with a value; see `wrongs.py`.
    **_of_values_and_bodies(
        {
            "is missing": "eksik",
            "must not be empty": "boş olamaz",
            "must have {limit} characters or more": "en az {limit} karakter olmalı",
            "must have {limit} characters or fewer": "en çok {limit} karakter olabilir",
            "must hold {limit} or more": "en az {limit} öğe içermeli",
            "must hold {limit} or fewer": "en çok {limit} öğe içerebilir",
            "must be {limit} or more": "en az {limit} olmalı",
            "must be {limit} or less": "en çok {limit} olabilir",
            "must be a whole number": "tam sayı olmalı",
            "must be a number": "sayı olmalı",
            "must be true or false": "true ya da false olmalı",
            "must be a text": "metin olmalı",
            "must be a list": "liste olmalı",
            "must be an object": "nesne olmalı",
            "must be a moment with a time zone, as 2026-01-31T12:00:00Z": (
                "saat dilimi olan bir an olmalı, örneğin 2026-01-31T12:00:00Z"
            ),
            "has not the form that /openapi.json describes": "/openapi.json belgesindeki biçime uymuyor",
            "is not JSON": "JSON değil",
            "is nested too deeply": "çok derin iç içe geçmiş",
            "is not UTF-8": "UTF-8 değil",
            "is not understood: {reason}": "anlaşılamadı: {reason}",
            "must be one of {allowed}": "şunlardan biri olmalı: {allowed}",
            "must be text without line breaks and control characters": (
                "satır sonu ve denetim karakteri içermeyen bir metin olmalı"
            ),
            "must be text without control characters other than line breaks and tabs": (
                "satır sonu ve sekme dışında denetim karakteri içermeyen bir metin olmalı"
            ),
            "must be an id of GET /tokens": "GET /tokens yanıtındaki kimliklerden biri olmalı",
            "must be an id as we hand them out, such as 0f1e2d3c-4b5a-4978-8796-a5b4c3d2e1f0": (
                "bizim verdiğimiz biçimde bir kimlik olmalı, örneğin 0f1e2d3c-4b5a-4978-8796-a5b4c3d2e1f0"
            ),
        }
    ),
}
