<?php
// Uploads with PHP's curl extension and with its streams: `php upload.php PLAN`
$plan = json_decode(file_get_contents($argv[1]), true);
const BUSY = [429, 502, 503, 504];
const TRIES = 30;

function ask(string $path, mixed $body, array $headers = []): array
{
    global $plan;
    for ($tried = 1; ; $tried++) {
        $curl = curl_init($plan["api"] . $path);
        curl_setopt_array($curl, [
            CURLOPT_POST => true,
            CURLOPT_POSTFIELDS => $body,
            CURLOPT_RETURNTRANSFER => true,
            CURLOPT_PROXY => "",
            CURLOPT_HTTPHEADER => ["Authorization: " . $plan["token"], ...$headers],
        ]);
        $text = curl_exec($curl);
        $status = curl_getinfo($curl, CURLINFO_RESPONSE_CODE);
        curl_close($curl);
        if (!in_array($status, BUSY) || $tried == TRIES) {
            return ["status" => $status, "body" => json_decode($text, true) ?? $text];
        }
        sleep(1);
    }
}

function picture(string $name = "a.jpg", string $type = "image/jpeg"): CURLFile
{
    global $plan;
    return new CURLFile($plan["picture"], $type, $name);
}

$rest = ["collection" => $plan["collection"], "async" => "true", "on_duplicate" => "copy"];
$stream = ["http" => [
    "method" => "POST",
    "content" => file_get_contents($plan["picture"]),
    "header" => ["Authorization: " . $plan["token"], "Content-Type: image/jpeg"],
    "ignore_errors" => true,
]];
$answered = file_get_contents($plan["api"] . "/file_upload", false, stream_context_create($stream));

echo json_encode([
    "upload" => ask("/file_upload", ["file" => picture("php ğüneş.jpg")] + $rest),
    // Of a page in ISO-8859-9: çiçek ğş.jpg.
    "Latin-5 name" => ask("/file_upload", ["file" => picture("\xe7i\xe7ek \xf0\xfe.jpg")] + $rest),
    "large, with Expect" => ask("/file_upload", ["file" => new CURLFile($plan["large"])] + $rest),
    // What PHP makes of false.
    "async false" => ask("/file_upload", ["file" => picture(), "async" => false] + $rest),
    "empty collection" => ask("/file_upload", ["file" => picture(), "collection" => ""] + $rest),
    "image" => ask("/file_upload", ["image" => picture()] + $rest),
    "no file name" => ask("/file_upload", ["image" => file_get_contents($plan["picture"])] + $rest),
    // As before PHP 5.5.
    "@" => ask("/file_upload", ["file" => "@photo.jpg"] + $rest),
    "files[0]" => ask("/bulk_upload", ["files[0]" => picture(), "files[1]" => picture()] + $rest),
    "urlencoded" => ask("/file_upload", http_build_query(["file" => "photo.jpg"] + $rest)),
    "no boundary" => ask("/file_upload", "x", ["Content-Type: multipart/form-data"]),
    "stream" => ["status" => (int) explode(" ", $http_response_header[0])[1], "body" => json_decode($answered, true)],
]);
