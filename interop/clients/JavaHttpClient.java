// java.net.http.HttpClient does a plan: see lib.sh. `-Dversion=HTTP_1_1` keeps it from asking for an upgrade to h2c,
// which it does by default.

import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;

final class JavaHttpClient {
    private static final HttpClient CLIENT =
        HttpClient.newBuilder().version(HttpClient.Version.valueOf(System.getProperty("version", "HTTP_2"))).build();

    public static void main(String[] arguments) throws Exception {
        Plan.run(arguments, JavaHttpClient::exchange);
    }

    static Plan.Answer exchange(URI uri, Plan.Step step, Path file) throws IOException, InterruptedException {
        var content = step.method().equals("PUT") ? content(step, file) : BodyPublishers.noBody();
        var request = HttpRequest.newBuilder(uri).timeout(Duration.ofSeconds(20)).method(step.method(), content).build();
        var answer = CLIENT.send(request, BodyHandlers.ofByteArray());
        long length = answer.headers().firstValueAsLong("Content-Length").orElse(-1);
        return new Plan.Answer(answer.statusCode(), length, answer.body());
    }

    private static BodyPublisher content(Plan.Step step, Path file) throws FileNotFoundException {
        if (!step.chunked()) {
            return BodyPublishers.ofFile(file);
        }
        return BodyPublishers.ofInputStream(() -> {
            try {
                return Files.newInputStream(file);
            } catch (IOException error) {
                throw new UncheckedIOException(error);
            }
        });
    }
}
