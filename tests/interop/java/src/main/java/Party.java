import java.io.BufferedReader;
import java.io.FileOutputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.bouncycastle.util.encoders.Hex;

/**
 * An SDK as a party of the interoperability tests: commands are lines on standard input, their outcomes and the messages
 * that arrive are lines of its output. The lines are described in ../../../../sdk.rs.
 */
abstract class Party {
    /** Far longer than any call takes: the tests have a guard of their own. */
    static final int TIMEOUT_MILLIS = 300_000;

    /** Where the lines go: native libraries of SDKs print to standard output. */
    static final String OUTPUT = "/dev/fd/3";

    private final PrintStream output;

    Party() throws Exception {
        output = new PrintStream(new FileOutputStream(OUTPUT), true, "UTF-8");
    }

    /** Connects to a node with the credentials in a folder. */
    abstract void connect(String node, String credentials) throws Exception;

    /** Carries out one command and returns the line that answers it. */
    abstract String run(String[] words) throws Exception;

    /** Connects, and carries out commands until there are no more. The arguments are the node and the folder. */
    final void play(String[] arguments) throws Exception {
        if (arguments.length != 2) {
            System.err.println("usage: " + getClass().getName() + " NODE CREDENTIALS");
            System.exit(2);
        }
        connect(arguments[0], arguments[1]);
        say("ready");
        BufferedReader input =
                new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = input.readLine(); line != null; line = input.readLine()) {
            String outcome;
            try {
                outcome = run(line.split(" "));
            } catch (Exception error) {
                outcome = "failed " + String.valueOf(error.getMessage()).replace('\n', ' ');
            }
            say(outcome);
        }
        // The SDK's threads are not daemons. Skip its own shutdown, which can wait for 10 s.
        Runtime.getRuntime().halt(0);
    }

    /** What an SDK does with its configuration file. */
    interface Loader<T> {
        T load(String file) throws Exception;
    }

    /** Writes a configuration file, which is deleted once it is loaded. */
    static <T> T configured(String text, Loader<T> loader) throws Exception {
        Path file = Files.createTempFile("config", ".toml");
        try {
            Files.write(file, text.getBytes(StandardCharsets.UTF_8));
            return loader.load(file.toString());
        } finally {
            Files.delete(file);
        }
    }

    static IllegalArgumentException unknownCommand() {
        return new IllegalArgumentException("no such command, or not its arguments");
    }

    /** Reports a message. */
    final void received(String topic, byte[] data) {
        say("received " + topic + " " + word(data));
    }

    private synchronized void say(String line) {
        output.println(line);
    }

    /** Writes data as a word of a line; {@link #data} reads it. */
    static String word(byte[] data) {
        return "x" + Hex.toHexString(data);
    }

    static byte[] data(String word) {
        if (!word.startsWith("x")) {
            throw new IllegalArgumentException("'" + word + "' is not data");
        }
        return Hex.decode(word.substring(1));
    }
}
