import java.io.InputStream;
import java.io.OutputStream;
import java.net.HttpURLConnection;
import java.net.URL;
import javax.net.ssl.HttpsURLConnection;
import javax.net.ssl.SSLContext;

/** HttpURLConnection. Its pool belongs to the process and knows servers by name, so each lane spells the name differently. */
final class UrlConnection {
    public static void main(String[] arguments) throws Exception {
        SSLContext context = Tour.trust();
        if (context != null) {
            HttpsURLConnection.setDefaultSSLSocketFactory(context.getSocketFactory());
        }
        Tour.drive(lane -> {}, UrlConnection::ask);
    }

    private static Tour.Answer ask(Tour.Step step) throws Exception {
        URL url = new URL(step.url().replace("127.0.0.1", spelled(step.lane())));
        HttpURLConnection connection = (HttpURLConnection) url.openConnection();
        connection.setConnectTimeout(Tour.TIMEOUT);
        connection.setReadTimeout(Tour.TIMEOUT);
        connection.setInstanceFollowRedirects(false);
        connection.setRequestMethod(step.method());
        connection.setRequestProperty("X-Request-Id", step.id());
        if (step.content() != null) {
            connection.setDoOutput(true);
            try (OutputStream content = connection.getOutputStream()) {
                content.write(step.content());
            }
        }
        int status = connection.getResponseCode();
        try (InputStream content = status < 400 ? connection.getInputStream() : connection.getErrorStream()) {
            if (content != null) {
                content.readAllBytes();
            }
        }
        return new Tour.Answer(status, connection.getHeaderField("X-Request-Id"));
    }

    /** "localhost" with the lane's bits as upper case: 512 names for one server. */
    private static String spelled(int lane) {
        StringBuilder name = new StringBuilder("localhost");
        for (int i = 0; i < name.length(); i++) {
            if ((lane >> i & 1) == 1) {
                name.setCharAt(i, Character.toUpperCase(name.charAt(i)));
            }
        }
        return name.toString();
    }
}
