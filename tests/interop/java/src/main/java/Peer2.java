import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.fisco.bcos.sdk.BcosSDK;
import org.fisco.bcos.sdk.amop.Amop;
import org.fisco.bcos.sdk.amop.AmopCallback;
import org.fisco.bcos.sdk.amop.AmopMsgOut;
import org.fisco.bcos.sdk.amop.AmopResponse;
import org.fisco.bcos.sdk.amop.AmopResponseCallback;
import org.fisco.bcos.sdk.amop.topic.AmopMsgIn;
import org.fisco.bcos.sdk.amop.topic.TopicType;

/** java-sdk 2.x as a party of the interoperability tests. */
public final class Peer2 extends Party {
    private Amop amop;

    private Peer2() throws Exception {}

    public static void main(String[] arguments) throws Exception {
        new Peer2().play(arguments);
    }

    /** The configuration of docs/devnet.md, with the folder and the node to fill in. */
    private static final String CONFIG =
            "[cryptoMaterial]\n"
                    + "certPath = \"%s\"\n"
                    + "\n"
                    + "[network]\n"
                    + "peers = [\"%s\"]\n";

    @Override
    void connect(String node, String credentials) throws Exception {
        amop = dial(node, credentials);
    }

    static Amop dial(String node, String credentials) throws Exception {
        return configured(String.format(CONFIG, credentials, node), BcosSDK::build).getAmop();
    }

    @Override
    String run(String[] words) throws Exception {
        if (words[0].equals("private-announce") && words.length > 2) {
            List<String> keys = Arrays.asList(words).subList(2, words.length);
            amop.publishPrivateTopicWithHexPublicKeyList(words[1], keys);
            return "done";
        }
        switch (words[0] + "/" + (words.length - 1)) {
            case "subscribe/2":
                amop.subscribeTopic(words[1], handler(words[1], words[2]));
                return "done";
            case "private-subscribe/3":
                amop.subscribePrivateTopics(words[1], words[3], handler(words[1], words[2]));
                return "done";
            case "private-unsubscribe/1":
                amop.unsubscribeTopic(words[1]);
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
                throw unknownCommand();
        }
    }

    /** Reports each message on a topic and answers it: with itself, or always with the same data. */
    private AmopCallback handler(String topic, String answer) {
        boolean echo = answer.equals("echo");
        byte[] fixed = echo ? null : data(answer);
        return new AmopCallback() {
            @Override
            public byte[] receiveAmopMsg(AmopMsgIn message) {
                received(topic, message.getContent());
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
}
