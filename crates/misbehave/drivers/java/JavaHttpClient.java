import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import javax.net.ssl.SSLContext;

/** java.net.http: an HttpClient for each lane, which speaks HTTP/1.1. */
final class JavaHttpClient {
    private static HttpClient client;

    public static void main(String[] arguments) throws Exception {
        SSLContext context = Tour.trust();
        ExecutorService threads = Executors.newCachedThreadPool();
        Tour.drive(lane -> {
            HttpClient.Builder builder = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).executor(threads);
            client = (context == null ? builder : builder.sslContext(context)).build();
        }, JavaHttpClient::ask);
        System.exit(0); // its threads would keep the process
    }

    private static Tour.Answer ask(Tour.Step step) throws Exception {
        HttpRequest.BodyPublisher content = step.content() == null
                ? HttpRequest.BodyPublishers.noBody()
                : HttpRequest.BodyPublishers.ofByteArray(step.content());
        HttpRequest request = HttpRequest.newBuilder(URI.create(step.url())).method(step.method(), content)
                .timeout(Duration.ofMillis(Tour.TIMEOUT)).header("X-Request-Id", step.id()).build();
        // Its time ends with the head of the answer, so the content gets as much again.
        HttpResponse<byte[]> answer = client.sendAsync(request, HttpResponse.BodyHandlers.ofByteArray())
                .get(2 * Tour.TIMEOUT, java.util.concurrent.TimeUnit.MILLISECONDS);
        return new Tour.Answer(answer.statusCode(), answer.headers().firstValue("X-Request-Id").orElse(""));
    }
}
