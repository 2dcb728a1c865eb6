// java.net.HttpURLConnection does a plan: see lib.sh.

import java.io.IOException;
import java.io.InputStream;
import java.net.HttpURLConnection;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;

final class UrlConnection {
    public static void main(String[] arguments) throws Exception {
        Plan.run(arguments, UrlConnection::exchange);
    }

    static Plan.Answer exchange(URI uri, Plan.Step step, Path file) throws IOException {
        var connection = (HttpURLConnection) uri.toURL().openConnection();
        connection.setRequestMethod(step.method());
        connection.setConnectTimeout(20_000);
        connection.setReadTimeout(20_000);
        if (step.method().equals("PUT")) {
            connection.setDoOutput(true);
            if (step.chunked()) {
                connection.setChunkedStreamingMode(10_000);
            } else {
                connection.setFixedLengthStreamingMode(Files.size(file));
            }
            try (var out = connection.getOutputStream()) {
                Files.copy(file, out);
            }
        }
        int status = connection.getResponseCode();
        // A connection goes back to the pool when the content has been read, that of an error too.
        InputStream content = status < 400 ? connection.getInputStream() : connection.getErrorStream();
        byte[] bytes = content == null ? new byte[0] : content.readAllBytes();
        return new Plan.Answer(status, connection.getContentLengthLong(), bytes);
    }
}
