import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.concurrent.CompletableFuture;
import org.bouncycastle.util.encoders.Hex;
import org.fisco.bcos.sdk.BcosSDK;
import org.fisco.bcos.sdk.amop.Amop;
import org.fisco.bcos.sdk.amop.AmopCallback;
import org.fisco.bcos.sdk.amop.AmopMsgOut;
import org.fisco.bcos.sdk.amop.AmopResponse;
import org.fisco.bcos.sdk.amop.AmopResponseCallback;
import org.fisco.bcos.sdk.amop.topic.AmopMsgIn;
import org.fisco.bcos.sdk.amop.topic.TopicType;

/**
 * Makes java-sdk a party of the interoperability tests: commands are lines on standard input, what becomes of them and
 * which messages arrive are lines on standard output. The lines are described in ../../../../sdk.rs.
 *
 * <p>Arguments: the node, the folder with credentials.
 */
public final class Peer {
    /** Far over what any call takes: the tests have a guard of their own. */
    private static final long TIMEOUT_MILLIS = 300_000;

    private final Amop amop;
    private final PrintStream output;

    private Peer(Amop amop, PrintStream output) {
        this.amop = amop;
        this.output = output;
    }

    public static void main(String[] arguments) throws Exception {
        if (arguments.length != 2) {
            System.err.println("usage: Peer NODE CREDENTIALS");
            System.exit(2);
        }
        PrintStream output = new PrintStream(System.out, true, "UTF-8");
        // Nothing but our lines may get there.
        System.setOut(System.err);
        Peer peer = new Peer(connect(arguments[0], arguments[1]).getAmop(), output);
        peer.say("ready");
        BufferedReader input =
                new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = input.readLine(); line != null; line = input.readLine()) {
            String said;
            try {
                said = peer.run(line.split(" "));
            } catch (Exception error) {
                said = "failed " + String.valueOf(error.getMessage()).replace('\n', ' ');
            }
            peer.say(said);
        }
        // The SDK's threads are no daemons.
        System.exit(0);
    }

    /** What docs/devnet.md shows, with the folder and the node to fill in. */
    private static final String CONFIG =
            "[cryptoMaterial]\n"
                    + "certPath = \"%s\"\n"
                    + "\n"
                    + "[network]\n"
                    + "peers = [\"%s\"]\n";

    private static BcosSDK connect(String node, String credentials) throws Exception {
        Path file = Files.createTempFile("config", ".toml");
        try {
            Files.write(file, String.format(CONFIG, credentials, node).getBytes(StandardCharsets.UTF_8));
            return BcosSDK.build(file.toString());
        } finally {
            Files.delete(file);
        }
    }

    private synchronized void say(String line) {
        output.println(line);
    }

    /** Carries out one command and gives the line that answers it. */
    private String run(String[] words) throws Exception {
        switch (words[0] + "/" + (words.length - 1)) {
            case "subscribe/2":
                amop.subscribeTopic(words[1], handler(words[1], words[2]));
                return "done";
            case "private-subscribe/3":
                amop.subscribePrivateTopics(words[1], words[3], handler(words[1], words[2]));
                return "done";
            case "private-announce/2":
                amop.publishPrivateTopicWithHexPublicKeyList(
                        words[1], Collections.singletonList(words[2]));
                return "done";
            case "publish/2":
                return publish(TopicType.NORMAL_TOPIC, words[1], words[2]);
            case "private-publish/2":
                return publish(TopicType.PRIVATE_TOPIC, words[1], words[2]);
            case "multicast/2":
                amop.broadcastAmopMsg(message(TopicType.NORMAL_TOPIC, words[1], words[2]));
                return "done";
            case "private-multicast/2":
                amop.broadcastAmopMsg(message(TopicType.PRIVATE_TOPIC, words[1], words[2]));
                return "done";
            default:
                throw new IllegalArgumentException("no such command, or not its arguments");
        }
    }

    /** Tells of each message on a topic and answers it: with itself, or always with the same data. */
    private AmopCallback handler(String topic, String answer) {
        boolean echo = answer.equals("echo");
        byte[] fixed = echo ? null : data(answer);
        return new AmopCallback() {
            @Override
            public byte[] receiveAmopMsg(AmopMsgIn message) {
                say("received " + topic + " " + word(message.getContent()));
                return echo ? message.getContent() : fixed;
            }
        };
    }

    private String publish(TopicType type, String topic, String text) throws Exception {
        CompletableFuture<AmopResponse> answered = new CompletableFuture<>();
        amop.sendAmopMsg(
                message(type, topic, text),
                new AmopResponseCallback() {
                    @Override
                    public void onResponse(AmopResponse response) {
                        answered.complete(response);
                    }
                });
        AmopResponse response = answered.get();
        if (response.getErrorCode() != 0) {
            throw new IOException(response.getErrorCode() + " " + response.getErrorMessage());
        }
        return "reply " + word(response.getAmopMsgIn().getContent());
    }

    private static AmopMsgOut message(TopicType type, String topic, String text) {
        AmopMsgOut message = new AmopMsgOut();
        message.setType(type);
        message.setTopic(topic);
        message.setContent(data(text));
        message.setTimeout(TIMEOUT_MILLIS);
        return message;
    }

    /** How data stands in a line; {@link #data} is the way back. */
    private static String word(byte[] data) {
        return "x" + Hex.toHexString(data);
    }

    private static byte[] data(String word) {
        if (!word.startsWith("x")) {
            throw new IllegalArgumentException("'" + word + "' is no data");
        }
        return Hex.decode(word.substring(1));
    }
}
