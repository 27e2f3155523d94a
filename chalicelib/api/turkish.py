# ruff: noqa: RUF001  # the dotless i is a letter of Turkish, not a mistyped one
"""Errors in Turkish: by the English sentence where that is more exact, and for every code."""

from __future__ import annotations

TURKISH = {
    # For every code.
    "bad_request": "İstek anlaşılamadı.",
    "empty_file": "Dosya boş.",
    "unauthorized": "Geçerli bir token gerekli.",
    "forbidden": "Token bu işlem için yetkili değil.",
    "not_found": "Burada bir şey yok.",
    "task_not_found": "Bu kimlikte bir görev yok.",
    "image_not_found": "Böyle bir resim yok.",
    "object_not_found": "Depoda böyle bir nesne yok.",
    "method_not_allowed": "Bu adres bu yöntemi kabul etmiyor.",
    "conflict": "Bunu az önce başkası değiştirdi.",
    "illegal_transition": "Görev bulunduğu durumdan istenen duruma geçemez.",
    "name_taken": "Koleksiyonda bu adda başka bir resim var.",
    "duplicate_image": "Koleksiyonda bu resmin aynısı zaten var.",
    "idempotency_key_reused": "Bu Idempotency-Key başka bir istek için kullanılmış.",
    "nothing_accepted": "Dosyaların hiçbiri kabul edilemez.",
    "collection_not_empty": "Koleksiyonda resimler var; onları da silmek için force=true deyin.",
    "collection_not_found": "Böyle bir koleksiyon yok.",
    "bad_signature": "Adres imzalı değil ya da imzanın süresi dolmuş.",
    "privacy_is_settled": "Koleksiyonda resimler var; gizliliği yalnız boşken değişir.",
    "privacy_differs": "Resimler gizli ve açık koleksiyonlar arasında taşınmaz; oraya yeniden yükleyin.",
    "still_running": "Bu programın önceki çalışması henüz bitmedi.",
    "schedule_not_found": "Bu adda bir program yok.",
    "payload_too_large": "Dosya bu adresin kabul ettiğinden büyük.",
    "unsupported_type": "Bu dosya türü desteklenmiyor.",
    "not_an_image": "Dosya bir resim değil.",
    "image_damaged": "Resim bozuk ya da yarım.",
    "image_too_large": "Resmin piksel ya da kare sayısı işleyebileceğimizden fazla.",
    "source_gone": "Yüklenen dosya artık depoda yok.",
    "too_many_requests": "Aynı anda çok fazla istek var; birazdan yeniden deneyin.",
    "unavailable": "Sistemin bir parçası şu an yanıt vermiyor; birazdan yeniden deneyin.",
    "internal_error": "Wallify içinde bir şeyler ters gitti.",
    # For sentences that say more than their code.
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
    "The cursor is of another order.": "Bu imleç başka bir sıralamaya ait.",
    "Ask by cursor or by page, not by both.": "Ya imleçle ya sayfa numarasıyla sorun; ikisi birden olmaz.",
    "This collection has more images than one look sorts; ask for the newest first, and follow the cursor.": (
        "Koleksiyon bir seferde sıralanamayacak kadar büyük; en yenileri isteyip imleçle ilerleyin."
    ),
    "There is an object under this key again.": "Bu anahtarın altında yine bir nesne var.",
    "The form has no field 'file'.": "Formda 'file' alanı yok.",
    "The form is broken or cut off.": "Form bozuk ya da yarım.",
    "Each field of the form may come once.": "Formdaki her alan bir kez gelebilir.",
    "This takes one file; send many to POST /bulk_upload.": (
        "Bu adres tek dosya alır; çok dosyayı POST /bulk_upload adresine gönderin."
    ),
    "Send the file as a form of type multipart/form-data.": "Dosyayı multipart/form-data türünde bir formla gönderin.",
    "A file name must not hold control characters or line breaks.": (
        "Dosya adında denetim karakteri ya da satır sonu olamaz."
    ),
    "A collection's name has 1 to 64 letters, digits, spaces, '_', '-' or '.'; the first is a letter or digit.": (
        "Koleksiyon adı 1-64 harf, rakam, boşluk, '_', '-' ya da '.' içerir; ilki harf ya da rakamdır."
    ),
}
