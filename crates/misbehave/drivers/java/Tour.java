import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.util.Arrays;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

/** What the Java drivers share: the tour's requests one after the other, and what became of them. See README.md. */
final class Tour {
    static final int TIMEOUT = 2000; // milliseconds a request may take

    record Step(int lane, String id, String method, String url, byte[] content) {}

    record Answer(int status, String id) {}

    interface Asker {
        Answer ask(Step step) throws Exception;
    }

    /** Hears of a step on a new lane before it is asked. */
    interface Opener {
        void open(int lane) throws Exception;
    }

    static void drive(Opener opener, Asker asker) throws Exception {
        Path outcomes = Path.of(System.getenv("MISBEHAVE_OUTCOMES"));
        int lane = 0;
        for (String line : Files.readAllLines(Path.of(System.getenv("MISBEHAVE_TOUR")))) {
            String[] column = line.split("\t");
            byte[] content = null;
            if (!column[2].equals("GET")) {
                content = new byte[Integer.parseInt(column[4])];
                Arrays.fill(content, (byte) 'c');
            }
            Step step = new Step(Integer.parseInt(column[0]), column[1], column[2], column[3], content);
            if (step.lane != lane) {
                lane = step.lane;
                opener.open(lane);
            }
            String told;
            try {
                Answer answer = asker.ask(step);
                told = answer.status + "\t" + (answer.id == null ? "" : answer.id);
            } catch (Exception error) {
                told = "error\t" + String.valueOf(error).replaceAll("\\s+", " ");
            }
            String whole = String.join("\t", step.id, step.method, step.url, told) + "\n";
            Files.writeString(outcomes, whole, StandardOpenOption.APPEND);
            Thread.sleep(Integer.parseInt(column[5]));
        }
    }

    /** Trusts the server's certificate; null where it speaks no TLS. */
    static SSLContext trust() throws Exception {
        String file = System.getenv("MISBEHAVE_CA");
        if (file == null) {
            return null;
        }
        KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
        store.load(null);
        try (InputStream pem = Files.newInputStream(Path.of(file))) {
            int n = 0;
            for (Certificate certificate : CertificateFactory.getInstance("X.509").generateCertificates(pem)) {
                store.setCertificateEntry("ca" + n++, certificate);
            }
        }
        TrustManagerFactory managers = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        managers.init(store);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, managers.getTrustManagers(), null);
        return context;
    }
}
