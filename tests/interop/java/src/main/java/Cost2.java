import java.io.BufferedReader;
import java.io.FileOutputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicLong;
import org.fisco.bcos.sdk.amop.Amop;
import org.fisco.bcos.sdk.amop.AmopCallback;
import org.fisco.bcos.sdk.amop.AmopMsgOut;
import org.fisco.bcos.sdk.amop.AmopResponse;
import org.fisco.bcos.sdk.amop.AmopResponseCallback;
import org.fisco.bcos.sdk.amop.topic.AmopMsgIn;
import org.fisco.bcos.sdk.amop.topic.TopicType;

/**
 * java-sdk 2.x as a program of the comparison of costs: it publishes with callbacks, and handles the messages of a topic.
 * What it reads and writes is described in benches/src/languages.rs. The arguments are a node, a folder with credentials,
 * and the topic.
 */
public final class Cost2 {
    private static final int IN_FLIGHT = 256;
    private static final String UNICAST_TOPIC = "bench/unicast";

    private Cost2() {}

    public static void main(String[] arguments) throws Exception {
        PrintStream output = new PrintStream(new FileOutputStream(Party.OUTPUT), true, "UTF-8");
        Amop amop = Peer2.dial(arguments[0], arguments[1]);
        AtomicLong left = new AtomicLong();
        amop.subscribeTopic(
                arguments[2],
                new AmopCallback() {
                    @Override
                    public byte[] receiveAmopMsg(AmopMsgIn message) {
                        if (left.decrementAndGet() == 0) {
                            output.println("done");
                        }
                        return null;
                    }
                });
        output.println("ready");
        BufferedReader input =
                new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = input.readLine(); line != null; line = input.readLine()) {
            String[] words = line.split(" ");
            long messages = Long.parseLong(words[1]);
            if (words[0].equals("publish")) {
                publish(amop, messages);
                output.println("done");
            } else {
                left.set(messages);
                output.println("started");
            }
        }
        Runtime.getRuntime().halt(0);
    }

    private static void publish(Amop amop, long messages) throws InterruptedException {
        byte[] data = new byte[64];
        Semaphore free = new Semaphore(IN_FLIGHT);
        AmopResponseCallback callback =
                new AmopResponseCallback() {
                    @Override
                    public void onResponse(AmopResponse response) {
                        if (response.getErrorCode() != 0) {
                            System.err.println(response.getErrorCode() + " " + response.getErrorMessage());
                            Runtime.getRuntime().halt(1);
                        }
                        free.release();
                    }
                };
        for (long number = 0; number < messages; number++) {
            free.acquire();
            AmopMsgOut message = new AmopMsgOut();
            message.setType(TopicType.NORMAL_TOPIC);
            message.setTopic(UNICAST_TOPIC);
            message.setContent(data);
            message.setTimeout(Party.TIMEOUT_MILLIS);
            amop.sendAmopMsg(message, callback);
        }
        free.acquire(IN_FLIGHT);
    }
}
