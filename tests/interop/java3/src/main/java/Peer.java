import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.bouncycastle.util.encoders.Hex;
import org.fisco.bcos.sdk.jni.BcosSDKJniObj;
import org.fisco.bcos.sdk.jni.amop.AmopRequestCallback;
import org.fisco.bcos.sdk.jni.common.JniConfig;
import org.fisco.bcos.sdk.jni.common.Response;
import org.fisco.bcos.sdk.v3.amop.Amop;
import org.fisco.bcos.sdk.v3.config.Config;

/**
 * Makes java-sdk 3.x a party of the interoperability tests: commands are lines on standard input, their outcomes and the
 * messages that arrive are lines on standard output. The lines are described in ../../../../sdk.rs.
 *
 * <p>Arguments: the node, the folder with credentials. The system properties amop.plain and amop.sm choose the channel.
 */
public final class Peer {
    /** Far longer than any call takes: the tests have a guard of their own. */
    private static final int TIMEOUT_MILLIS = 300_000;

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
        // Only the lines of this class may be printed there.
        System.setOut(System.err);
        Peer peer = new Peer(connect(arguments[0], arguments[1]), output);
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
        // The SDK's threads are not daemons. Skip its own shutdown, which can wait for 10 s.
        Runtime.getRuntime().halt(0);
    }

    /** The configuration of docs/devnet.md, with the folder, the kind of channel and the node to fill in. */
    private static final String CONFIG =
            "[cryptoMaterial]\n"
                    + "certPath = \"%s\"\n"
                    + "disableSsl = \"%s\"\n"
                    + "useSMCrypto = \"%s\"\n"
                    + "\n"
                    + "[network]\n"
                    + "peers = [\"%s\"]\n";

    private static Amop connect(String node, String credentials) throws Exception {
        Path file = Files.createTempFile("config", ".toml");
        JniConfig config;
        try {
            boolean plain = Boolean.getBoolean("amop.plain");
            boolean sm = Boolean.getBoolean("amop.sm");
            String text = String.format(CONFIG, credentials, plain, sm, node);
            Files.write(file, text.getBytes(StandardCharsets.UTF_8));
            config = Config.load(file.toString()).getJniConfig();
        } finally {
            Files.delete(file);
        }
        BcosSDKJniObj sdk = BcosSDKJniObj.build(config);
        Amop amop = Amop.build(sdk.getNativePointer());
        sdk.start();
        // Starting doesn't wait for the handshake, and the SDK can't send before it.
        while (BcosSDKJniObj.negotiatedProtocolInfo(sdk.getNativePointer()) == 0) {
            Thread.sleep(10);
        }
        return amop;
    }

    private synchronized void say(String line) {
        output.println(line);
    }

    /** Carries out one command and returns the line that answers it. */
    private String run(String[] words) throws Exception {
        switch (words[0] + "/" + (words.length - 1)) {
            case "subscribe/2":
                amop.subscribeTopic(words[1], handler(words[1], words[2]));
                return "done";
            case "publish/2":
                return publish(words[1], words[2]);
            case "burst/2":
                burst(words[1], Integer.parseInt(words[2]));
                return "done";
            case "multicast/2":
                amop.broadcastAmopMsg(words[1], data(words[2]));
                return "done";
            default:
                throw new IllegalArgumentException("no such command, or not its arguments");
        }
    }

    /** Reports each message on a topic and answers it: with itself, or always with the same data. */
    private AmopRequestCallback handler(String topic, String answer) {
        boolean echo = answer.equals("echo");
        byte[] fixed = echo ? null : data(answer);
        return (endpoint, seq, data) -> {
            say("received " + topic + " " + word(data));
            byte[] reply = echo ? data : fixed;
            // The SDK can't send an empty reply. Nobody waits for one to a broadcast.
            if (reply.length > 0) {
                amop.sendResponse(endpoint, seq, reply);
            }
        };
    }

    private String publish(String topic, String text) throws Exception {
        return "reply " + word(reply(send(topic, data(text))));
    }

    /** Sends numbers at once to a subscriber that echoes, and checks each reply. */
    private void burst(String topic, int count) throws Exception {
        List<CompletableFuture<Response>> answers = new ArrayList<>();
        for (int number = 0; number < count; number++) {
            answers.add(send(topic, digits(number)));
        }
        for (int number = 0; number < count; number++) {
            byte[] reply = reply(answers.get(number));
            if (!Arrays.equals(digits(number), reply)) {
                throw new IOException(number + " was answered " + word(reply));
            }
        }
    }

    private static byte[] digits(int number) {
        return Integer.toString(number).getBytes(StandardCharsets.UTF_8);
    }

    private CompletableFuture<Response> send(String topic, byte[] data) {
        CompletableFuture<Response> answered = new CompletableFuture<>();
        amop.sendAmopMsg(topic, data, TIMEOUT_MILLIS, answered::complete);
        return answered;
    }

    private static byte[] reply(CompletableFuture<Response> answered) throws Exception {
        Response response = answered.get();
        if (response.getErrorCode() != 0) {
            throw new IOException(response.getErrorCode() + " " + response.getErrorMessage());
        }
        return response.getData();
    }

    /** Writes data as a word of a line; {@link #data} reads it. */
    private static String word(byte[] data) {
        return "x" + Hex.toHexString(data);
    }

    private static byte[] data(String word) {
        if (!word.startsWith("x")) {
            throw new IllegalArgumentException("'" + word + "' is not data");
        }
        return Hex.decode(word.substring(1));
    }
}
