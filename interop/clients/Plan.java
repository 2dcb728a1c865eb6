// What the two Java clients share: reading a plan, dealing its lines to the workers, and judging the answers.

import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;

final class Plan {
    record Step(String method, int status, String path, String file, boolean chunked) {
        static Step of(String line) {
            String[] parts = line.split("\t");
            return new Step(parts[0], Integer.parseInt(parts[1]), parts[2], parts[3], parts[4].equals("chunked"));
        }
    }

    record Answer(int status, long length, byte[] content) {}

    interface Exchange {
        Answer exchange(URI uri, Step step, Path file) throws Exception;
    }

    private final String url;
    private final Path folder;
    private final Exchange exchange;
    private final List<Step> steps;
    private final AtomicInteger next = new AtomicInteger();
    private final AtomicInteger requests = new AtomicInteger();
    private final AtomicInteger wrong = new AtomicInteger();

    private Plan(String[] arguments, Exchange exchange) throws Exception {
        this.steps = Files.readAllLines(Path.of(arguments[0])).stream().map(Step::of).toList();
        this.url = arguments[1];
        this.folder = Path.of(arguments[2]);
        this.exchange = exchange;
    }

    /** Arguments: PLAN URL FOLDER WORKERS. */
    static void run(String[] arguments, Exchange exchange) throws Exception {
        var plan = new Plan(arguments, exchange);
        var workers = new Thread[Integer.parseInt(arguments[3])];
        for (int i = 0; i < workers.length; i++) {
            workers[i] = new Thread(plan::work);
            workers[i].start();
        }
        for (Thread worker : workers) {
            worker.join();
        }
        System.out.println("requests=" + plan.requests + " wrong=" + plan.wrong);
    }

    private void work() {
        for (int i = next.getAndIncrement(); i < steps.size(); i = next.getAndIncrement()) {
            Step step = steps.get(i);
            String why;
            try {
                why = step.method().equals("PAUSE") ? pause(step) : attempt(step);
            } catch (Exception error) {
                why = error.toString();
            }
            if (why != null) {
                wrong.incrementAndGet();
                System.out.println("wrong: " + step + ": " + why);
            }
        }
    }

    private static String pause(Step step) throws InterruptedException {
        Thread.sleep(1000L * step.status());
        return null;
    }

    /** What is wrong with the answer; null if nothing is. */
    private String attempt(Step step) throws Exception {
        requests.incrementAndGet();
        Path file = folder.resolve(step.file());
        Answer answer = exchange.exchange(URI.create(url + step.path()), step, file);
        if (answer.status() != step.status()) {
            return "status " + answer.status();
        }
        if (step.method().equals("HEAD")) {
            return answer.content().length == 0 && answer.length() == Files.size(file) ? null : "length " + answer.length();
        }
        if (step.method().equals("GET") && step.status() == 200 && !Arrays.equals(answer.content(), Files.readAllBytes(file))) {
            return "other bytes, " + answer.content().length + " of them";
        }
        return null;
    }
}
