import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.fisco.bcos.sdk.jni.BcosSDKJniObj;
import org.fisco.bcos.sdk.jni.amop.AmopRequestCallback;
import org.fisco.bcos.sdk.jni.common.JniConfig;
import org.fisco.bcos.sdk.jni.common.Response;
import org.fisco.bcos.sdk.v3.amop.Amop;
import org.fisco.bcos.sdk.v3.config.Config;

/**
 * java-sdk 3.x as a party of the interoperability tests. The system properties amop.plain and amop.sm choose the channel.
 */
public final class Peer3 extends Party {
    private Amop amop;

    private Peer3() throws Exception {}

    public static void main(String[] arguments) throws Exception {
        new Peer3().play(arguments);
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

    @Override
    void connect(String node, String credentials) throws Exception {
        boolean plain = Boolean.getBoolean("amop.plain");
        boolean sm = Boolean.getBoolean("amop.sm");
        String text = String.format(CONFIG, credentials, plain, sm, node);
        JniConfig config = configured(text, file -> Config.load(file).getJniConfig());
        BcosSDKJniObj sdk = BcosSDKJniObj.build(config);
        amop = Amop.build(sdk.getNativePointer());
        sdk.start();
        // Starting doesn't wait for the handshake, and the SDK can't send before it.
        while (BcosSDKJniObj.negotiatedProtocolInfo(sdk.getNativePointer()) == 0) {
            Thread.sleep(10);
        }
    }

    @Override
    String run(String[] words) throws Exception {
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
                throw unknownCommand();
        }
    }

    /** Reports each message on a topic and answers it: with itself, or always with the same data. */
    private AmopRequestCallback handler(String topic, String answer) {
        boolean echo = answer.equals("echo");
        byte[] fixed = echo ? null : data(answer);
        return (endpoint, seq, data) -> {
            received(topic, data);
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
}
