// Uploads with Java's own HttpClient, which knows no forms, so that each program writes its own: `java Upload.java PLAN`
// The plan is one line for each of: the API's address, the token, the collection, the picture, the large picture.

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.net.http.HttpTimeoutException;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Set;

class Upload {
  static final String BOUNDARY = "----=_Part_0_1234.5678";
  static final Set<Integer> BUSY = Set.of(429, 502, 503, 504);
  static final int TRIES = 30;
  static final HttpClient CLIENT = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
  static final List<String> TOLD = new ArrayList<>();
  static String api, token, collection;

  public static void main(String[] arguments) throws Exception {
    List<String> plan = Files.readAllLines(Path.of(arguments[0]));
    api = plan.get(0);
    token = plan.get(1);
    collection = plan.get(2);
    byte[] picture = Files.readAllBytes(Path.of(plan.get(3)));
    byte[] large = Files.readAllBytes(Path.of(plan.get(4)));

    String disposition = "Content-Disposition: form-data; name=\"file\"; filename=\"java ğüneş.jpg\"";
    ask("upload", form(disposition, picture), quoted(), false);
    ask("large, with Expect", form(disposition, large), quoted(), true);
    ask("folded header", form("Content-Disposition: form-data;\r\n\tname=\"file\";\r\n\tfilename=\"java.jpg\"", picture), quoted(), false);
    ask("extended name", form("Content-Disposition: form-data; name=\"file\"; filename*=\"UTF-8''java%20%C4%9F.jpg\"", picture), quoted(), false);
    String coded = disposition + "\r\nContent-Transfer-Encoding: base64";
    ask("base64", form(coded, Base64.getMimeEncoder().encode(picture)), quoted(), false);
    Charset latin = Charset.forName("ISO-8859-9");
    ask("Latin-5 name", form(disposition, picture, latin), quoted(), false);
    ask("LF alone", new String(form(disposition, picture), StandardCharsets.ISO_8859_1).replace("\r\n", "\n").getBytes(StandardCharsets.ISO_8859_1), quoted(), false);
    ask("no boundary", form(disposition, picture), "multipart/form-data", false);
    byte[] whole = form(disposition, picture);
    ask("cut off", java.util.Arrays.copyOf(whole, whole.length - 12), quoted(), false);
    System.out.println("{" + String.join(",", TOLD) + "}");
  }

  static String quoted() {
    return "multipart/form-data; boundary=\"" + BOUNDARY + "\"";
  }

  static byte[] form(String headers, byte[] body) throws IOException {
    return form(headers, body, StandardCharsets.UTF_8);
  }

  static byte[] form(String headers, byte[] body, Charset charset) throws IOException {
    ByteArrayOutputStream form = new ByteArrayOutputStream();
    for (String field : new String[] {"collection=" + collection, "async=true", "on_duplicate=copy"}) {
      String[] pair = field.split("=");
      form.write(part("Content-Disposition: form-data; name=\"" + pair[0] + "\"").getBytes(charset));
      form.write((pair[1] + "\r\n").getBytes(charset));
    }
    form.write(part(headers).getBytes(charset));
    form.write(body);
    form.write(("\r\n--" + BOUNDARY + "--\r\n").getBytes(charset));
    return form.toByteArray();
  }

  static String part(String headers) {
    return "--" + BOUNDARY + "\r\n" + headers + "\r\n\r\n";
  }

  static void ask(String name, byte[] body, String type, boolean expects) throws Exception {
    HttpRequest request =
        HttpRequest.newBuilder(URI.create(api + "/file_upload"))
            .header("Authorization", token)
            .header("Content-Type", type)
            .expectContinue(expects)
            .timeout(Duration.ofSeconds(expects ? 20 : 120)) // without 100 Continue it would wait for ever
            .POST(BodyPublishers.ofByteArray(body))
            .build();
    HttpResponse<String> answer;
    try {
      answer = CLIENT.send(request, BodyHandlers.ofString());
    } catch (HttpTimeoutException silence) {
      TOLD.add("\"" + name + "\":{\"status\":0,\"body\":\"no answer\"}");
      return;
    }
    for (int tried = 1; BUSY.contains(answer.statusCode()) && tried < TRIES; tried++) {
      Thread.sleep(1000);
      answer = CLIENT.send(request, BodyHandlers.ofString());
    }
    TOLD.add("\"" + name + "\":{\"status\":" + answer.statusCode() + ",\"body\":" + answer.body() + "}");
  }
}
